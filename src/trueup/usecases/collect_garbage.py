"""Content that no version needs any more goes; what is tagged, trained on, or at work stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trueup.dataset.retention import CLOCKS_APART, SAFETY_AGE, Kept, kept_versions
from trueup.model import DatasetVersion, Node, NodeKind, Project, Pruned, Record, StoredPart
from trueup.ports import Clock, DatasetStore, LineageStore, RefStore, RunStore, StoredParts
from trueup.usecases.find_project import project_named

_ALL = 1_000_000
_BATCH = 1000


class Collected(Record, frozen=True, kw_only=True):
    """`pruned` are to lose their content in a day; `waiting` were told so less than a day ago, `gone` before.
    `segments`, `documents` and `bytes` count what was deleted (or, with `dry_run`, would be)."""

    project: str
    dry_run: bool
    kept: tuple[Kept, ...]
    pruned: tuple[int, ...]
    waiting: tuple[int, ...]
    gone: tuple[int, ...]
    segments: int
    documents: int
    bytes: int


@dataclass(frozen=True)
class CollectGarbage:
    """Mark what is kept, say of the other versions that they are pruned, and sweep, a day later, what they alone
    needed; and what commits left behind that never came to an end.

    Why nothing is lost to a race, in the order of what could go wrong:
    - A name given meanwhile: a version is said to be pruned first, and names are looked at again after that. Whoever
      gives a name looks, in the same transaction, whether the version is pruned.
    - A reader at work: content goes a day after its version was pruned, when exports and trainings are through.
    - A commit at work: it writes its segments before its head. Nothing younger than a day is swept, and before that no
      commit is made any more that began so long ago: it begins again.
    - A commit that writes a segment which is there already, old and forgotten: it writes it again. What is deleted is
      the one writing that was judged, never what came after it under the same name.
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore
    refs: RefStore
    runs: RunStore
    lineage: LineageStore
    stored: StoredParts
    clock: Clock

    def __call__(self, project_name: str, *, dry_run: bool = False) -> Collected:
        project, now = project_named(self.projects, project_name), self.clock.now()
        versions = self.datasets.versions(project.name)
        before = self.refs.pruned(project.name)
        kept = self._kept(project, versions, now)
        held, said = {each.version_id for each in kept}, {each.version_id for each in before}
        fresh = [
            Pruned(project=project.name, version_id=each.version_id, number=each.number, at=now)
            for each in versions
            if each.version_id not in held | said and not self._trained(each)
        ]
        if not dry_run:
            kept = self._prune(project, fresh, before, now)
        after = [*before, *fresh] if dry_run else self.refs.pruned(project.name)
        gone = [each for each in after if now - each.at >= SAFETY_AGE]
        needed = _needed(versions, gone) | self._checkpoints(versions, gone)
        swept = self._sweep(project.name, needed, now, dry_run)
        return Collected(
            project=project.name,
            dry_run=dry_run,
            kept=tuple(kept),
            pruned=_numbers(each for each in after if each.version_id not in said),
            waiting=_numbers(each for each in after if each.version_id in said and each not in gone),
            gone=_numbers(gone),
            **swept,
        )

    def _kept(self, project: Project, versions: Sequence[DatasetVersion], now: datetime) -> list[Kept]:
        named = {each.version_id: f"run {each.run_id} trained on it" for each in self.runs.runs(project.name, _ALL)}
        named |= {each.version_id: f"tag {each.name}" for each in self.refs.tags(project.name)}
        return kept_versions(versions, self.datasets.heads(project.name), named, project.dataset, now)

    def _checkpoints(self, versions: Iterable[DatasetVersion], gone: Iterable[Pruned]) -> frozenset[str]:
        """What is stored for the checkpoints of versions that have content."""
        without = {each.version_id for each in gone}
        whole = [each for each in versions if each.version_id not in without]
        names = [self.datasets.checkpoint_names(each.project, each.version_id) for each in whole]
        return frozenset().union(*names)

    def _trained(self, version: DatasetVersion) -> bool:
        """Runs say so, and the lineage does where their records are gone."""
        edges = self.lineage.edges_from(version.project, Node(kind=NodeKind.VERSION, id=version.version_id))
        return any(each.target.kind is NodeKind.TRAINING for each in edges)

    def _prune(self, project: Project, fresh: Sequence[Pruned], before: Sequence[Pruned], now: datetime) -> list[Kept]:
        """And look again: what has a name by now, or is kept by a policy that changed, comes back while it can."""
        self.refs.prune(fresh)
        kept = self._kept(project, self.datasets.versions(project.name), now)
        held = {each.version_id for each in kept}
        young = [each for each in (*before, *fresh) if now - each.at < SAFETY_AGE]
        self.refs.restore([each for each in young if each.version_id in held])
        return kept

    def _sweep(self, project: str, needed: frozenset[str], now: datetime, dry_run: bool) -> dict[str, int]:
        counts = {"segments": 0, "documents": 0, "bytes": 0}
        if not dry_run:
            self.refs.sweep_before(project, now - SAFETY_AGE + CLOCKS_APART)
        for batch in _batches(each for each in self.stored.parts(project) if _is_litter(each, needed, now)):
            if not dry_run:
                self.stored.delete(project, batch)
            counts["segments"] += sum(each.kind == "segment" for each in batch if each.current)
            counts["documents"] += sum(each.kind == "document" for each in batch if each.current)
            counts["bytes"] += sum(each.bytes for each in batch)
        return counts


def _needed(versions: Iterable[DatasetVersion], gone: Iterable[Pruned]) -> frozenset[str]:
    """Segments of the versions that have content, and the documents of all."""
    without = {each.version_id for each in gone}
    names: set[str] = set()
    for each in versions:
        names.add(each.version_id)
        if each.version_id not in without:
            names |= {segment.sha256 for segment in (*each.segments, *each.delta)}
    return frozenset(names)


def _is_litter(part: StoredPart, needed: frozenset[str], now: datetime) -> bool:
    return part.name not in needed and now - part.written_at >= SAFETY_AGE


def _batches(parts: Iterable[StoredPart]) -> Iterator[list[StoredPart]]:
    batch: list[StoredPart] = []
    for each in parts:
        batch.append(each)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _numbers(versions: Iterable[Pruned]) -> tuple[int, ...]:
    return tuple(sorted(each.number for each in versions))
