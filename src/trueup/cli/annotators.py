"""Verbs about how annotators stand."""

from __future__ import annotations

from typing import Annotated

import typer

from trueup.cli.console import paint, paint_table, safe, say, say_json, stamp
from trueup.cli.desk import desk_of, me, project_of
from trueup.cli.options import Json, OneProject
from trueup.model import StandingStatus

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The annotator, as in trueup report.")]


@app.command("list")
def list_standings(context: typer.Context, project: OneProject = "", as_json: Json = False) -> None:
    """Annotators who are, or were, warned or suspended, by whom and why."""
    look = desk_of(context).look()
    found = look.keep_gold.standings.standings(project_of(look, project))
    if as_json:
        say_json(found)
        return
    if not found:
        say("nobody was warned or suspended")
        return
    rows = [
        [safe(each.annotator), each.status.value, safe(each.by), safe(each.reason), stamp(each.at) if each.at else ""]
        for each in found
    ]
    paint_table(["annotator", "is", "by", "because", "since"], rows)


@app.command("suspend")
def suspend(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why; the annotator reads it.")],
    project: OneProject = "",
) -> None:
    """Give an annotator no more tasks."""
    _set(context, name, StandingStatus.SUSPENDED, reason, project)


@app.command("train")
def train(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why; the annotator reads it.")],
    project: OneProject = "",
) -> None:
    """Give an annotator gold tasks alone, with what is known after each, until they are right often enough."""
    _set(context, name, StandingStatus.TRAINING, reason, project)


@app.command("reinstate")
def reinstate(context: typer.Context, name: Name, project: OneProject = "") -> None:
    """Give an annotator tasks again; rules look at gold answers from then on."""
    _set(context, name, StandingStatus.ACTIVE, "", project)


def _set(context: typer.Context, name: str, status: StandingStatus, reason: str, project: str) -> None:
    look = desk_of(context).look()
    standing = look.keep_gold.set_standing(project_of(look, project), name, status, me(), reason)
    paint(f"[bold]{safe(name)}[/] is {standing.status.value}")
