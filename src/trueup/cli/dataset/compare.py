"""What lies between two versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import paint, paint_table, safe, say, say_json
from trueup.cli.dataset.naming import Version, version_at, view_at
from trueup.cli.desk import desk_of, project_of
from trueup.cli.options import Json, OneProject
from trueup.errors import InputError
from trueup.labels.brief import brief

if TYPE_CHECKING:
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
    from trueup.dataset.cards.diff_page import by_class
    from trueup.usecases.comparing_versions import changes as changes_between

    look = desk_of(context).look()
    name = project_of(look, project)
    old, new = version_at(look, name, before), version_at(look, name, after)
    for each in (old, new):
        view_at(look, each)
    changes = [change for each in changes_between(look.datasets, old, new) for change in each]
    if html is not None:
        _write_page(html, old, new, changes)
    elif as_json:
        told = {"classes": by_class(changes)} if summary else {"changes": changes}
        say_json({"project": name, "before": old.version_id, "after": new.version_id, **_tally(changes), **told})
    else:
        _paint(old, new, changes, summary)


def _tally(changes: Sequence[SampleChange]) -> dict[str, dict[str, int]]:
    return {"counts": dict(sorted(Counter(each.change for each in changes).items()))}


def _write_page(path: Path, old: DatasetVersion, new: DatasetVersion, changes: Sequence[SampleChange]) -> None:
    from trueup.dataset.cards.diff_page import diff_page

    try:
        path.write_text(diff_page(old, new, changes))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}", field="--html") from error
    say(f"what lies between v{old.number} and v{new.number} is in {path}")


def _paint(old: DatasetVersion, new: DatasetVersion, changes: Sequence[SampleChange], summary: bool) -> None:
    counts = _tally(changes)["counts"]
    said = ", ".join(f"{number:,} {kind}" for kind, number in counts.items()) or "the same content"
    paint(f"[bold]v{old.number} → v{new.number}[/]  {said}")
    if summary:
        _paint_classes(changes)
    elif changes:
        _paint_samples(changes)


def _paint_classes(changes: Sequence[SampleChange]) -> None:
    from trueup.dataset.cards.diff_page import KINDS, by_class

    found = by_class(changes)
    kinds = [each for each in KINDS if any(each in row for row in found.values())]
    rows = [[safe(name), *[f"{row.get(kind, 0):,}" for kind in kinds]] for name, row in found.items()]
    if rows:
        paint_table(["class", *[KINDS[each] for each in kinds]], rows, [KINDS[each] for each in kinds])


def _paint_samples(changes: Sequence[SampleChange]) -> None:
    rows = [
        [each.sample_id[:16], each.change, safe(brief(each.before or "-")), safe(brief(each.after or "-"))]
        for each in changes[:_SHOWN]
    ]
    paint_table(["sample", "change", "before", "after"], rows)
    if len(changes) > _SHOWN:
        paint(f"[dim]… and {len(changes) - _SHOWN:,} more; --json shows all, --summary how many of each class[/]")
