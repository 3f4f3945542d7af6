"""What lies between two versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import typer

from trueup.cli.console import paint, paint_table, safe, say_json
from trueup.cli.dataset.naming import Version, version_at
from trueup.cli.desk import desk_of, project_of
from trueup.cli.options import Json, OneProject
from trueup.labels.brief import brief

if TYPE_CHECKING:
    from trueup.dataset.diff import Changed
    from trueup.model import SampleChange

_KINDS = ("added", "removed", "relabelled", "moved", "restated")
_SHOWN = 40


def diff_versions(
    context: typer.Context,
    before: Version,
    after: Version = "head",
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """What lies between two versions."""
    from trueup.dataset.diff import summary
    from trueup.usecases.comparing_versions import changes

    look = desk_of(context).look()
    name = project_of(look, project)
    old, new = version_at(look, name, before), version_at(look, name, after)
    found = changes(look.datasets, old, new)
    if as_json:
        listed = [change for each in found for change in each]
        say_json({"project": name, "before": old.version_id, "after": new.version_id, "changes": listed})
        return
    first: list[SampleChange] = []
    told = summary(_passing(found, first))
    numbers = [(getattr(told, kind), kind) for kind in _KINDS]
    says = ", ".join(f"{number:,} {kind}" for number, kind in numbers if number) or "the same content"
    paint(f"[bold]v{old.number} → v{new.number}[/]  {says}")
    if first:
        rows = [
            [each.sample_id[:16], each.change, safe(brief(each.before or "-")), safe(brief(each.after or "-"))]
            for each in first
        ]
        paint_table(["sample", "change", "before", "after"], rows)
    left = sum(number for number, _ in numbers) - len(first)
    if left:
        paint(f"[dim]… and {left:,} more; --json shows all[/]")


def _passing(parts: Iterable[Changed], first: list[SampleChange]) -> Iterator[Changed]:
    """The parts, of which the first changes are kept on the way."""
    for each in parts:
        first.extend(islice(each, _SHOWN - len(first)))
        yield each
