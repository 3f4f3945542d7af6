"""Commit by many: each compares its part of what is staged with that of the head, and writes its part of the delta."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace as changed

import msgspec
from msgspec.structs import replace

from trueup.dataset.gathering import Gathered, Rulings, Told
from trueup.dataset.groups import GroupIndex, counted, key_of
from trueup.dataset.guards import frozen_stays
from trueup.dataset.naming import MAIN
from trueup.dataset.parts import Part
from trueup.dataset.placing import Ground, Lines, as_it_was, placed
from trueup.dataset.segments import labelled
from trueup.dataset.segments.frames import COLUMNS
from trueup.dataset.splitting.units import ClassCounts
from trueup.dataset.versions import Difference, Making, difference, difference_of_all, is_news, version_after
from trueup.dataset.view import View
from trueup.errors import GroupsApartError, InputError, NotFoundError
from trueup.lineage.edges import committed, imported
from trueup.model import Change, LabelledSample, Node, NodeKind, Project, Record, Segment, Split
from trueup.ports import DatasetStore, Journal
from trueup.usecases.bulk.jobs import Bulk, Concluded, kept
from trueup.usecases.knowing_splits import forgets, ground_of, note_groups, note_schema, stored_index
from trueup.usecases.making_versions import (
    changes_anything,
    newest_view,
    set_in,
    told,
    version_committed,
    view_of,
    without,
    written_delta,
)

# Groups and fingerprints that the last step has room for, of what is there and what comes: two million texts, which are
# four million of them, take 440 MB when they come, and 570 MB when half of them are there.
MOST_ROWS = 12_000_000
_NAMED = 3


class Compared(Record, frozen=True, kw_only=True):
    """What a part changes, and the segments in which it wrote that. `left_out` samples were forgotten, `forgets` says
    whether others are by this; `counts` are changes of samples by class and split, `rows` the size of what it tells of
    groups in a report of its own."""

    delta: tuple[Segment, ...]
    difference: Difference
    left_out: int
    forgets: bool
    counts: ClassCounts
    rows: int


def plan_commit(datasets: DatasetStore, bulk: Bulk) -> Bulk:
    """On top of today's head, with what the attempt before ruled on that one. An index of groups is made for all parts
    where the head has none. Raises InputError, NotFoundError (no such branch)."""
    if not bulk.staged:
        raise InputError("a bulk commit needs segments that are staged", field="job.staged")
    head = datasets.head(bulk.project, bulk.branch)
    if head is None and bulk.branch != MAIN:
        raise NotFoundError(f"project {bulk.project} has no branch {bulk.branch}: trueup dataset branch makes one")
    if head is not None and stored_index(datasets, bulk.project, head) is None:
        index = GroupIndex.of(newest_view(datasets, bulk.project, head))
        datasets.put_groups(
            bulk.project, head.version_id, index.write(lambda data: datasets.put_part(bulk.project, data))
        )
    version = head.version_id if head else ""
    same = bulk.attempt > 0 and version == bulk.version
    return replace(bulk, version=version, rulings=_rulings_place(bulk) if same and _has_ruled(datasets, bulk) else "")


def commit_part(datasets: DatasetStore, project: Project, bulk: Bulk, part: Part) -> Compared:
    """Write what really changes in a part, by what it alone knows and by the rulings. Raises LeakError for what belongs
    to a frozen test set, NotFoundError, IntegrityError, ManifestError."""
    view, lines = _head(datasets, bulk), _staged(datasets, bulk, part)
    staged = without(lines, datasets.forgotten(bulk.project, [each.sample_id for each in labelled(lines)]))
    before = view.lookup(each.sample_id for each in staged)
    wanted = _news(staged, before) if bulk.imported else staged
    ground, ruled = _ground(datasets, project, bulk, view), _ruled(datasets, bulk)
    settled = _settled(bulk, wanted, before, ground, ruled)
    said = {each.sample_id for each in settled}
    there = {each.sample_id: each for each in _moving(view, part, ruled) if each.sample_id not in said}
    joined = [replace(each, split=ruled[key_of(each.group)]) for each in there.values()]
    before |= there
    real = [
        set_in(each, bulk.number) for each in (*settled, *joined) if changes_anything(before.get(each.sample_id), each)
    ]
    frozen_stays(real, before, ground)
    tells = Told.of(before, real, ground)
    datasets.put_report(bulk.project, _groups_place(bulk, part.number), tells.encoded())
    gone = [before[each.sample_id] for each in real if each.sample_id in before]
    return Compared(
        delta=written_delta(datasets, bulk.project, real, before),
        difference=difference(before, real),
        left_out=len(lines) - len(staged),
        forgets=forgets(real),
        counts=counted({}, gone, labelled(real)),
        rows=tells.rows,
    )


def conclude_commit(datasets: DatasetStore, project: Project, bulk: Bulk, room: int = MOST_ROWS) -> Concluded:
    """Make the version, if anything changes. Raises HeadMovedError when another commit came between, GroupsApartError
    when parts are to be done again by rulings, LeakError when what is staged tears groups, InputError where there are
    more groups and fingerprints than this has room for."""
    found = list(kept(datasets, bulk, Compared))
    delta = tuple(segment for each in found for segment in each.delta)
    if not delta:
        return Concluded(verb=bulk.verb, parts=bulk.parts, version=bulk.version)
    _check_room(datasets, bulk, sum(each.rows for each in found), room)
    view = _head(datasets, bulk)
    ground = _ground(datasets, project, bulk, view)
    tells = [Told.decoded(datasets.report(bulk.project, _groups_place(bulk, each))) for each in range(bulk.parts)]
    _rule(datasets, bulk, ground, tells)
    whole = difference_of_all(each.difference for each in found)
    reason = told(bulk.reason, sum(each.left_out for each in found))
    version = version_after(view.version, whole, delta, view.stack.segments, _making(project, bulk, reason))
    note_schema(datasets, project, view.version, version.created_at)
    index = ground.index.plus(
        (part for each in tells for part in (each.held, each.fresh)), (each.counts for each in found)
    )
    note_groups(datasets, project, version, index, forgotten=any(each.forgets for each in found))
    came = (imported(Node(kind=NodeKind.IMPORT, id=bulk.brought), version),) if bulk.brought else ()
    edges, events = (*committed(version, ()), *came), (version_committed(version),)
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


def _settled(bulk: Bulk, wanted: Sequence[Change], before: Lines, ground: Ground, ruled: Rulings) -> list[Change]:
    """In their splits. What is there moves where it says so itself or is ruled to."""
    stays = bulk.placing or bulk.imported
    lines = labelled(placed(wanted, before, ground, kept=not bulk.placing))
    found: list[Change] = [_by(ruled, each) for each in lines if each.sample_id not in before]
    for each in wanted:
        if not isinstance(each, LabelledSample):
            found.append(each)
        elif each.sample_id in before:
            found.append(_by(ruled, as_it_was(each, before[each.sample_id]) if stays else each))
    return found


def _by(ruled: Rulings, line: LabelledSample) -> LabelledSample:
    return replace(line, split=ruled.get(key_of(line.group), line.split)) if ruled else line


def _moving(view: View, part: Part, ruled: Rulings) -> Iterable[LabelledSample]:
    """Lines that are there and have to move since their groups join others."""
    if not ruled:
        return ()
    lines = view.stack.lines(part.span).lines()
    return (each for each in lines if ruled.get(key_of(each.group), each.split) != each.split)


def _news(staged: Sequence[Change], before: Lines) -> list[Change]:
    """Without labels that are known."""
    return [
        each for each in staged if not isinstance(each, LabelledSample) or is_news(before.get(each.sample_id), each)
    ]


def _rule(datasets: DatasetStore, bulk: Bulk, ground: Ground, tells: Sequence[Told]) -> None:
    ruled = _ruled(datasets, bulk)
    found = Gathered(
        ground=ground,
        told=tells,
        ruled=ruled,
        placing=bulk.placing,
        names=lambda keys: _names(datasets, bulk, keys),
    ).rulings()
    if found:
        datasets.put_report(bulk.project, _rulings_place(bulk), msgspec.json.encode({**ruled, **found}))
        raise GroupsApartError(f"{len(found)} groups came apart between the parts: they are done again")


def _ruled(datasets: DatasetStore, bulk: Bulk) -> Rulings:
    if not bulk.rulings:
        return {}
    found: Mapping[int, Split] = msgspec.json.decode(datasets.report(bulk.project, bulk.rulings), type=dict[int, Split])
    return found


def _has_ruled(datasets: DatasetStore, bulk: Bulk) -> bool:
    try:
        datasets.report(bulk.project, _rulings_place(bulk))
    except NotFoundError:
        return False
    return True


def _check_room(datasets: DatasetStore, bulk: Bulk, rows: int, room: int) -> None:
    document = datasets.groups(bulk.project, bulk.version) if bulk.version else None
    rows += sum(each.rows for each in document.parts) if document else 0
    if rows > room:
        raise InputError(
            f"{rows:,} groups and fingerprints are more than the {room:,} that a bulk commit has room for: name "
            "groups that hold more samples, or split the dataset into several projects",
            field="job.staged",
        )


def _making(project: Project, bulk: Bulk, reason: str) -> Making:
    assert bulk.at is not None  # noqa: S101 - the plan set it
    return Making(
        project=project.name,
        number=bulk.number,
        at=bulk.at,
        reason=reason,
        by=bulk.by,
        branch=bulk.branch,
        policy_version=project.selection.version,
        schema_version=project.label_schema.version,
    )


def _ground(datasets: DatasetStore, project: Project, bulk: Bulk, view: View) -> Ground:
    """What is there. No part sees what joins it, nor deals out more than its own."""
    assert bulk.at is not None  # noqa: S101 - the plan set it
    ground = ground_of(datasets, project, view, bulk.at)
    return changed(ground, content=(), setting=changed(ground.setting, held={}))


def _names(datasets: DatasetStore, bulk: Bulk, keys: Collection[int]) -> list[str]:
    """What the first of these groups are called."""
    staged = View(None, lambda name: datasets.segment(bulk.project, name), bulk.staged)
    names: dict[str, None] = {}
    found = (each.group for each in staged if key_of(each.group) in keys)
    while len(names) < min(_NAMED, len(keys)) and (name := next(found, None)) is not None:
        names[name] = None
    return list(names)


def _groups_place(bulk: Bulk, number: int) -> str:
    return bulk.place(f"{number:06d}.groups")


def _rulings_place(bulk: Bulk) -> str:
    return bulk.place("rulings.json")


def _staged(datasets: DatasetStore, bulk: Bulk, part: Part) -> list[Change]:
    stack = View(None, lambda name: datasets.segment(bulk.project, name), bulk.staged).stack
    return [*stack.lines(part.span, COLUMNS).lines(), *stack.removals(part.span).removals()]


def _head(datasets: DatasetStore, bulk: Bulk) -> View:
    """That of the plan, though another may be head by now."""
    if not bulk.version:
        return view_of(datasets, bulk.project, None)
    return newest_view(datasets, bulk.project, datasets.version(bulk.project, bulk.version))
