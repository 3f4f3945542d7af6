"""What lies between two versions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

from trueup.cli.console import paint, paint_table, safe, say_json
from trueup.cli.dataset.naming import Version, version_at, view_at
from trueup.cli.desk import desk_of, project_of
from trueup.cli.options import Json, OneProject
from trueup.labels.brief import brief

if TYPE_CHECKING:
    pass


_SHOWN = 40


def diff_versions(
    context: typer.Context,
    before: Version,
    after: Version = "head",
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """What lies between two versions."""
    from trueup.dataset.diff import diff

    look = desk_of(context).look()
    name = project_of(look, project)
    old, new = version_at(look, name, before), version_at(look, name, after)
    changes = diff(view_at(look, old), view_at(look, new))
    if as_json:
        say_json({"project": name, "before": old.version_id, "after": new.version_id, "changes": changes})
        return
    tally = Counter(each.change for each in changes)
    summary = ", ".join(f"{number:,} {kind}" for kind, number in sorted(tally.items())) or "the same content"
    paint(f"[bold]v{old.number} → v{new.number}[/]  {summary}")
    if changes:
        rows = [
            [each.sample_id[:16], each.change, safe(brief(each.before or "-")), safe(brief(each.after or "-"))]
            for each in changes[:_SHOWN]
        ]
        paint_table(["sample", "change", "before", "after"], rows)
    if len(changes) > _SHOWN:
        paint(f"[dim]… and {len(changes) - _SHOWN:,} more; --json shows all[/]")
