"""Commit by many: each compares its part of what is staged with that of the head, and writes its part of the delta."""

from __future__ import annotations

from trueup.dataset.frozen import read_frozen
from trueup.dataset.groups import GroupIndex
from trueup.dataset.guards import frozen_stays
from trueup.dataset.parts import Part
from trueup.dataset.placing import Ground
from trueup.dataset.segments import labelled, segments_of
from trueup.dataset.segments.frames import COLUMNS
from trueup.dataset.splitting.units import Setting
from trueup.dataset.versions import Difference, Making, difference, difference_of_all, version_after
from trueup.dataset.view import View
from trueup.lineage.edges import committed
from trueup.model import Change, Project, Record, Segment
from trueup.ports import DatasetStore, Journal
from trueup.usecases.bulk.jobs import Bulk, Concluded, kept
from trueup.usecases.knowing_splits import note_schema
from trueup.usecases.making_versions import changes_anything, newest_view, set_in, version_committed, view_of, without


class Compared(Record, frozen=True, kw_only=True):
    """What a part changes, and the segments in which it wrote that."""

    delta: tuple[Segment, ...]
    difference: Difference


def commit_part(datasets: DatasetStore, project: Project, bulk: Bulk, part: Part) -> Compared:
    """Write what really changes in a part. Lines say in which splits they are. Raises LeakError for what belongs to a
    frozen test set, NotFoundError, IntegrityError, ManifestError."""
    lines = _staged(datasets, bulk, part)
    staged = without(lines, datasets.forgotten(bulk.project, [each.sample_id for each in labelled(lines)]))
    before = _head(datasets, bulk).lookup(each.sample_id for each in staged)
    real = [set_in(each, bulk.number) for each in staged if changes_anything(before.get(each.sample_id), each)]
    frozen_stays(real, before, _frozen_ground(datasets, project, bulk))
    delta = []
    for each in segments_of(real, before):
        datasets.put_segment(bulk.project, each.data)
        delta.append(each.segment)
    return Compared(delta=tuple(delta), difference=difference(before, real))


def conclude_commit(datasets: DatasetStore, project: Project, bulk: Bulk) -> Concluded:
    """Make the version, if anything changes. Raises HeadMovedError when another commit came between."""
    found = list(kept(datasets, bulk, Compared))
    delta = tuple(segment for each in found for segment in each.delta)
    if not delta:
        return Concluded(verb=bulk.verb, parts=bulk.parts, version=bulk.version)
    view = _head(datasets, bulk)
    whole = difference_of_all(each.difference for each in found)
    version = version_after(view.version, whole, delta, view.stack.segments, _making(project, bulk))
    note_schema(datasets, project, view.version, version.created_at)
    edges, events = committed(version, ()), (version_committed(version),)
    datasets.commit(
        version, Journal(at=version.created_at, edges=edges, events=events), epoch=bulk.epoch, frozen=bulk.frozen
    )
    return Concluded(
        verb=bulk.verb,
        parts=bulk.parts,
        version=version.version_id,
        number=version.number,
        samples=version.samples,
    )


def _making(project: Project, bulk: Bulk) -> Making:
    assert bulk.at is not None  # noqa: S101 - the plan set it
    return Making(
        project=project.name,
        number=bulk.number,
        at=bulk.at,
        reason=bulk.reason,
        by=bulk.by,
        branch=bulk.branch,
        policy_version=project.selection.version,
        schema_version=project.label_schema.version,
    )


def _frozen_ground(datasets: DatasetStore, project: Project, bulk: Bulk) -> Ground:
    """Only what is frozen: where groups stand, no part knows of the others."""
    assert bulk.at is not None  # noqa: S101 - the plan set it
    frozen = read_frozen(datasets.frozen(bulk.project), lambda sha256: datasets.part(bulk.project, sha256))
    setting = Setting(project=project.name, policy=project.commit, at=bulk.at, held={})
    return Ground(index=GroupIndex(), frozen=frozen, setting=setting)


def _staged(datasets: DatasetStore, bulk: Bulk, part: Part) -> list[Change]:
    stack = View(None, lambda name: datasets.segment(bulk.project, name), bulk.staged).stack
    return [*stack.lines(part.span, COLUMNS).lines(), *stack.removals(part.span).removals()]


def _head(datasets: DatasetStore, bulk: Bulk) -> View:
    """That of the plan, though another may be head by now."""
    if not bulk.version:
        return view_of(datasets, bulk.project, None)
    return newest_view(datasets, bulk.project, datasets.version(bulk.project, bulk.version))
