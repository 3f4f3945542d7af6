"""What versions there are, and what one holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from trueup.cli.console import paint_facts, paint_table, safe, say, say_json, stamp
from trueup.cli.dataset.naming import Version, version_at
from trueup.cli.desk import Deployed, desk_of, project_of, projects_of
from trueup.cli.options import AnyProject, Json, OneProject

if TYPE_CHECKING:
    from trueup.model import DatasetVersion, Pruned


def list_versions(context: typer.Context, project: AnyProject = "", as_json: Json = False) -> None:
    """All versions, newest first."""
    look = desk_of(context).look()
    found = [each for name in projects_of(look, project) for each in look.datasets.versions(name)]
    if as_json:
        say_json(found)
        return
    if not found:
        say("no version yet: labels become one when enough have settled, or with trueup import")
        return
    pruned = {each.version_id for name in projects_of(look, project) for each in look.refs.pruned(name)}
    rows = [
        [
            each.project,
            f"v{each.number}",
            each.version_id[:12],
            f"{each.samples:,}",
            f"+{each.added:,}",
            f"{each.relabelled:,}",
            stamp(each.created_at),
            safe(each.reason) + (" [red](pruned)[/]" if each.version_id in pruned else ""),
        ]
        for each in found
    ]
    columns = ["project", "version", "id", "samples", "new", "relabelled", "at", "why"]
    paint_table(columns, rows, ("version", "samples", "new", "relabelled"))


def show(context: typer.Context, version: Version = "head", project: OneProject = "", as_json: Json = False) -> None:
    """One version: what it holds, where it came from, how sure its labels are."""
    look = desk_of(context).look()
    found = version_at(look, project_of(look, project), version)
    if as_json:
        say_json(found)
        return
    paint_facts(
        [
            ("version", f"[bold]v{found.number}[/]  {found.version_id}"),
            ("project", found.project),
            ("parent", _named(look, found, found.parent) if found.parent else "none"),
            *([("merges", _named(look, found, found.merged))] if found.merged else []),
            ("made", f"{stamp(found.created_at)} on {safe(found.branch)} by {safe(found.by)}: {safe(found.reason)}"),
            ("samples", f"{found.samples:,}, {found.added:,} new, {found.relabelled:,} relabelled"),
            ("splits", ", ".join(f"{name} {number:,}" for name, number in found.split_counts.items())),
            ("agreement", f"{found.mean_agreement:.3f} in the mean"),
            ("root", found.root),
            ("schema", found.schema_version or "not recorded"),
            *(("content", f"pruned at {stamp(each.at)}") for each in _pruned(look, found)),
        ]
    )
    say()
    rows = [[safe(name), f"{number:,}", f"{number / found.samples:.1%}"] for name, number in found.class_counts.items()]
    paint_table(["class", "samples", "share"], rows, ("samples", "share"))


def _named(look: Deployed, version: DatasetVersion, version_id: str) -> str:
    return f"v{look.datasets.version(version.project, version_id).number}  {version_id}"


def _pruned(look: Deployed, version: DatasetVersion) -> list[Pruned]:
    return [each for each in look.refs.pruned(version.project) if each.version_id == version.version_id]
