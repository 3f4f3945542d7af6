"""Content that no version needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import count, paint, paint_table, safe, say, say_json
from trueup.cli.desk import confirm, desk_of, projects_of
from trueup.cli.options import AnyProject, DryRun, Json, Yes

if TYPE_CHECKING:
    from trueup.usecases.collect_garbage import Collected

_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_SHOWN = 20


def collect(
    context: typer.Context,
    project: AnyProject = "",
    dry_run: DryRun = False,
    kept: Annotated[bool, typer.Option("--kept", help="Also show what is kept, and why.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete content that no version needs. What is tagged, trained on, or within `dataset.keep_…` stays."""
    look = desk_of(context).look()
    names = projects_of(look, project)
    if not dry_run:
        confirm(f"Collect garbage in {', '.join(names)}? What goes is gone; --dry-run shows it.", yes)
    found = [look.collect(name, dry_run=dry_run) for name in names]
    if as_json:
        say_json(found)
        return
    for each in found:
        _paint(each, kept)


def _paint(found: Collected, kept: bool) -> None:
    would, lose = ("would be", "would lose") if found.dry_run else ("were", "will lose")
    paint(f"[bold]{found.project}[/]  {count(len(found.kept), 'version')} kept")
    if kept:
        paint_table(["version", "why"], [[f"v{each.number}", safe(each.why)] for each in found.kept], ("version",))
    for numbers, what in (
        (found.pruned, f"{lose} {_their(found.pruned)} content tomorrow"),
        (found.waiting, f"{lose} {_their(found.waiting)} content within a day"),
        (found.gone, "without content"),
    ):
        if numbers:
            say(f"  {count(len(numbers), 'version')} {what}: {_listed(numbers)}")
    if found.segments or found.documents:
        parts = [count(found.segments, "segment"), count(found.documents, "document")]
        say(f"  {parts[0]} and {parts[1]} of no version {would} deleted, {_size(found.bytes)}")
    else:
        say("  nothing to delete")


def _their(numbers: tuple[int, ...]) -> str:
    return "its" if len(numbers) == 1 else "their"


def _listed(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(f"v{each}" for each in numbers[:_SHOWN])
    return f"{shown} and {len(numbers) - _SHOWN:,} more" if len(numbers) > _SHOWN else shown


def _size(number: int) -> str:
    return next((f"{number / size:.1f} {unit}" for size, unit in _SIZES if number >= size), f"{number} bytes")
