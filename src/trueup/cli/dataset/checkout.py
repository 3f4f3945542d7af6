"""A version as files in a folder, which can be verified without AWS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trueup.cli.console import busy, count, paint, safe, say, say_json
from trueup.cli.dataset.naming import Version, version_at, view_at
from trueup.cli.desk import desk_of, project_of
from trueup.cli.exits import Exit
from trueup.cli.options import Json, OneProject


def checkout(
    context: typer.Context,
    to: Annotated[Path, typer.Option("--to", "-o", help="An empty folder, or one where the same was begun.")],
    version: Version = "head",
    payloads: Annotated[bool, typer.Option(help="Also the inputs themselves.")] = True,
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """Write a version to a folder: its lines, its inputs, and what proves that they are the version's."""
    from trueup.cli.dataset.folder import Folder

    look = desk_of(context).look()
    where = project_of(look, project)
    found = version_at(look, where, version)
    view = view_at(look, found)
    folder = Folder(to)
    folder.begin(found)
    for segment in found.segments:
        folder.put_segment(segment.sha256, lambda name: look.datasets.segment(where, name))
    lines = folder.put_lines(view)
    written = 0
    if payloads:
        with busy("reading payloads"):
            written = folder.put_payloads(view, lambda each: look.payloads.get(each.payload_uri))
    if as_json:
        say_json({"version": found.version_id, "folder": str(to), "samples": lines, "payloads_written": written})
        return
    there = f", {count(written, 'payload')} read" if payloads else ", without payloads"
    say(f"v{found.number}: {count(lines, 'sample')} in {to}{there}")
    say(f"trueup dataset check {to} verifies it, without AWS")


def check(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where a version was checked out.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Recompute every hash and count of a checked-out version, without AWS. Code 3 when something does not hold."""
    from trueup.cli.dataset.folder import Folder

    version, problems = Folder(folder).check()
    if as_json:
        say_json({"version": version.version_id, "number": version.number, "problems": problems})
    else:
        for each in problems:
            paint(f"[red]✗[/] {safe(each)}")
        if not problems:
            paint(f"[green]✓[/] {version.project} v{version.number}: every hash and count holds")
    if problems:
        raise typer.Exit(Exit.PROBLEMS)
