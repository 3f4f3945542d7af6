"""What lies between two versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import paint, paint_table, safe, say, say_json, say_json_as_it_comes
from trueup.cli.dataset.naming import Version, version_at
from trueup.cli.desk import desk_of, project_of
from trueup.cli.options import Json, OneProject
from trueup.errors import InputError
from trueup.labels.brief import brief

if TYPE_CHECKING:
    from trueup.dataset.diff import Changed
    from trueup.dataset.figures import Summary
    from trueup.model import DatasetVersion, SampleChange

_SHOWN = 40


def diff_versions(
    context: typer.Context,
    before: Version,
    after: Version = "head",
    summary: Annotated[bool, typer.Option("--summary", help="Only how many, by class.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write it as a page to this file.")] = None,
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """What lies between two versions."""
    from trueup.usecases.comparing_versions import changes

    look = desk_of(context).look()
    name = project_of(look, project)
    old, new = version_at(look, name, before), version_at(look, name, after)
    found = changes(look.find_version, old, new)
    if html is not None:
        _write_page(html, old, new, found)
    elif as_json:
        say_changes(old, new, found, summary=summary)
    else:
        _paint(old, new, found, summary)


def say_changes(old: DatasetVersion, new: DatasetVersion, found: Iterable[Changed], *, summary: bool) -> None:
    """As JSON, of which a part is held at a time."""
    from trueup.dataset.figures import Tally
    from trueup.dataset.figures import summary as summary_of

    head = {"project": new.project, "before": old.version_id, "after": new.version_id}
    if summary:
        told = summary_of(found)
        say_json({**head, "counts": told.counts, "classes": told.classes})
        return
    tally = Tally()
    changes = (change for each in tally.passing(found) for change in each)
    say_json_as_it_comes(head, "changes", changes, lambda: {"counts": tally.summary().counts})


def _write_page(path: Path, old: DatasetVersion, new: DatasetVersion, found: Iterator[Changed]) -> None:
    from trueup.dataset.cards.diff_page import diff_page

    page = diff_page(old, new, found)
    try:
        path.write_text(page)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}", field="--html") from error
    say(f"what lies between v{old.number} and v{new.number} is in {path}")


def _paint(old: DatasetVersion, new: DatasetVersion, found: Iterable[Changed], summary: bool) -> None:
    from trueup.dataset.figures import glance

    first, told = glance(found, 0 if summary else _SHOWN)
    said = ", ".join(f"{number:,} {kind}" for kind, number in told.counts.items()) or "the same content"
    paint(f"[bold]v{old.number} → v{new.number}[/]  {said}")
    if summary:
        _paint_classes(told)
    elif first:
        _paint_samples(first, told.changes)


def _paint_classes(told: Summary) -> None:
    from trueup.dataset.cards.words import class_table

    columns, rows = class_table(told)
    if rows:
        paint_table(["class", *columns], [[safe(each) for each in row] for row in rows], columns)


def _paint_samples(first: Sequence[SampleChange], number: int) -> None:
    rows = [
        [each.sample_id[:16], each.change, safe(brief(each.before or "-")), safe(brief(each.after or "-"))]
        for each in first
    ]
    paint_table(["sample", "change", "before", "after"], rows)
    if number > len(first):
        paint(f"[dim]… and {number - len(first):,} more; --json shows all, --summary how many of each class[/]")
