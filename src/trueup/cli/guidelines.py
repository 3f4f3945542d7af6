"""Verbs about what annotators read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trueup.cli.console import paint, paint_table, safe, say, say_json, stamp
from trueup.cli.desk import desk_of, me, project_of
from trueup.cli.options import Json, OneProject
from trueup.errors import InputError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command("show")
def show(context: typer.Context, project: OneProject = "", as_json: Json = False) -> None:
    """What annotators read now."""
    look = desk_of(context).look()
    found = look.guidelines.newest(project_of(look, project))
    if as_json:
        say_json(found)
    else:
        say(found.text or "none are written yet")


@app.command("history")
def history(context: typer.Context, project: OneProject = "", as_json: Json = False) -> None:
    """Every version, who wrote it and why; version 0 is the configuration's."""
    look = desk_of(context).look()
    found = look.guidelines.versions(project_of(look, project))
    if as_json:
        say_json(found)
        return
    rows = [
        [str(each.number), safe(each.by or "configuration"), stamp(each.at) if each.at else "", safe(each.reason)]
        for each in found
    ]
    paint_table(["version", "by", "at", "because"], rows, ("version",))


@app.command("set")
def write(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The whole text.")],
    reason: Annotated[str, typer.Option("--reason", help="Why they change.")],
    project: OneProject = "",
) -> None:
    """Make a file the guidelines from now on."""
    look = desk_of(context).look()
    name = project_of(look, project)
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}", field="FILE") from error
    made = look.guidelines.write(name, text, me(), reason, look.guidelines.newest(name).number)
    paint(f"the guidelines of [bold]{name}[/] are version {made.number}")
