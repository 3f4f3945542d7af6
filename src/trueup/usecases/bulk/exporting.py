"""Export by many: each writes its part of the samples into files of its own, and the report of all comes last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trueup.dataset.exporting import Cut
from trueup.dataset.formats import cut_format_for
from trueup.dataset.parts import Part
from trueup.errors import ConflictError, InputError
from trueup.model import DatasetVersion
from trueup.ports import DatasetStore, ExportSink
from trueup.usecases.bulk.jobs import Bulk, Concluded, kept
from trueup.usecases.export_version import ExportVersion, PartExport
from trueup.usecases.find_project import project_named


@dataclass(frozen=True)
class Exports:
    """What writes exports, where `sink` answers for a URI, and the deployment's dataset bucket: into no other may
    functions write."""

    export: ExportVersion
    sink: Callable[[str], ExportSink]
    bucket: str


def home_of(bucket: str, version: DatasetVersion) -> str:
    """Below this exports of a version lie, where deletion finds them. Ends in a slash."""
    return f"s3://{bucket}/{version.project}/exports/{version.version_id}/"


def check_export(exports: Exports, version: DatasetVersion, bulk: Bulk) -> Cut:
    """How a version is cut for an export. Raises what ExportVersion does for what it is asked, and InputError for a
    format that cannot be cut and a place that functions may not write to."""
    project = project_named(exports.export.projects, version.project)
    found = cut_format_for(bulk.form, project.label_schema)
    home = home_of(exports.bucket, version)
    if not bulk.to.startswith(home) or bulk.to == home:
        raise InputError(
            f"{bulk.to or 'no place'} is none that functions may write to: name a folder below {home} (where deletion "
            "finds exports of the version), and copy it from there with aws s3 sync",
            field="--to",
        )
    exports.export.check(version, bulk.form, bulk.split)
    return found.CUT


def plan_export(exports: Exports, version: DatasetVersion, bulk: Bulk) -> Cut:
    """Raises what `check_export` does, and ConflictError for a place that holds something."""
    cut = check_export(exports, version, bulk)
    if not bulk.replace and exports.sink(bulk.to).holds_anything():
        raise ConflictError(f"{bulk.to} is not empty: choose another place, or replace an earlier export with --force")
    return cut


def export_part(exports: Exports, datasets: DatasetStore, bulk: Bulk, part: Part) -> PartExport:
    """Raises what ExportVersion does."""
    version = datasets.version(bulk.project, bulk.version)
    return exports.export.part(version, bulk.form, exports.sink(bulk.to), bulk.split, part)


def conclude_export(exports: Exports, datasets: DatasetStore, bulk: Bulk) -> Concluded:
    version = datasets.version(bulk.project, bulk.version)
    parts = kept(datasets, bulk, PartExport)
    made = exports.export.conclude(version, bulk.form, exports.sink(bulk.to), bulk.split, parts)
    return Concluded(
        verb=bulk.verb,
        parts=bulk.parts,
        version=version.version_id,
        number=version.number,
        samples=made.samples,
        export=made,
    )
