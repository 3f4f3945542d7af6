"""`trueup corrections`: who changed which label."""

from __future__ import annotations

from typing import Annotated

import typer

from trueup.cli.console import paint_table, safe, say, say_json, stamp
from trueup.cli.desk import desk_of, project_of
from trueup.cli.options import Json, OneProject
from trueup.labels.brief import brief


def corrections(
    context: typer.Context,
    project: OneProject = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    as_json: Json = False,
) -> None:
    """Who changed which label, when and why, from what to what, and which dataset versions held the old one."""
    look = desk_of(context).look()
    found = look.corrections(project_of(look, project), limit)
    if as_json:
        say_json(found)
        return
    if not found:
        say("no label was changed")
        return
    rows = [
        [
            stamp(each.at),
            each.task_id[:12],
            safe(each.by),
            f"{safe(brief(each.before))} → {safe(brief(each.after))}",
            ", ".join(f"v{number}" for number in each.held_by),
            safe(each.reason),
        ]
        for each in found
    ]
    paint_table(["at", "task", "by", "label", "held by", "because"], rows)
