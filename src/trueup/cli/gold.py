"""Verbs about tasks whose answer is known."""

from __future__ import annotations

from typing import Annotated

import typer

from trueup.cli.console import count, paint, paint_table, safe, say, say_json, stamp
from trueup.cli.desk import desk_of, me, project_of
from trueup.cli.options import Json, OneProject
from trueup.labels.brief import brief

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command("add")
def add(
    context: typer.Context,
    number: Annotated[int, typer.Option("--count", min=1, max=1000, help="How many.")] = 50,
    least: Annotated[float, typer.Option(min=0, max=1, help="Posterior and agreement of a label at least.")] = 0.95,
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """Make gold tasks of the dataset's surest labels, of each class as many."""
    look = desk_of(context).look()
    made = look.keep_gold.add(project_of(look, project), number, me(), least)
    if as_json:
        say_json(made)
        return
    paint(f"{count(len(made), 'gold task')} made")


@app.command("list")
def list_gold(context: typer.Context, project: OneProject = "", as_json: Json = False) -> None:
    """Gold tasks, with how many annotators were asked each."""
    look = desk_of(context).look()
    found = look.keep_gold.items(project_of(look, project))
    if as_json:
        say_json(found)
        return
    if not found:
        say("there is no gold task: trueup gold add makes some of the dataset's surest labels")
        return
    rows = [[each.gold_id, safe(brief(each.label)), str(each.exposures), stamp(each.added_at)] for each in found]
    paint_table(["gold", "label", "asked", "added"], rows, ("asked",))


@app.command("remove")
def remove(
    context: typer.Context,
    gold_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the gold task.")],
    project: OneProject = "",
) -> None:
    """Ask nobody about it any more; what was answered stays."""
    look = desk_of(context).look()
    look.keep_gold.remove(project_of(look, project), gold_id)
    paint(f"gold task [bold]{safe(gold_id)}[/] is removed")
