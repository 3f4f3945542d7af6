"""What was done to a dataset, newest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from trueup.dataset.history import ancestry
from trueup.errors import NotFoundError
from trueup.model import DatasetVersion, Record
from trueup.ports import DatasetStore, RefStore
from trueup.usecases.blame_label import BlameLabel


class LogEntry(Record, frozen=True, kw_only=True):
    """One version's figures. `names` are the branches whose head it is and the tags; `pruned` says that its content is
    gone. `class_count` and `class_before` are those of the class that was asked for."""

    version_id: str
    number: int
    parent: str | None
    merged: str | None
    branch: str
    at: datetime
    by: str
    reason: str
    samples: int
    added: int
    removed: int
    relabelled: int
    moved: int
    restated: int
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    pruned: bool = False
    class_count: int | None = None
    class_before: int | None = None


class LogFilter(Record, frozen=True, kw_only=True):
    """Which versions to show: those that set a sample's line, those after which a class has more samples or fewer,
    those made in a time."""

    sample_id: str | None = None
    class_name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50


@dataclass(frozen=True)
class ShowLog:
    """Reads the list of versions as far back as it is asked for, and no content unless a sample is asked for."""

    datasets: DatasetStore
    refs: RefStore
    blame: BlameLabel

    def __call__(self, project: str, heads: Sequence[DatasetVersion], wanted: LogFilter) -> list[LogEntry]:
        """What `heads` came from. Raises NotFoundError for a class that none of them ever had."""
        newest = max((each.number for each in heads), default=0)
        line: Iterable[DatasetVersion] = ancestry(heads, self.datasets.walk(project, newest))
        if wanted.sample_id is not None:
            setters = {each.version_id for head in heads for each in self.blame(head, wanted.sample_id, wanted.limit)}
            line = (each for each in line if each.version_id in setters)
        entries = self._told(project, line)
        if wanted.class_name is not None:
            entries = self._of_class(project, heads, wanted.class_name, entries)
        return list(islice((each for each in entries if _in_time(each, wanted)), wanted.limit))

    def _told(self, project: str, line: Iterable[DatasetVersion]) -> Iterator[LogEntry]:
        branches, tags = defaultdict(list), defaultdict(list)
        for name, head in self.datasets.heads(project).items():
            branches[head.version_id].append(name)
        for tag in self.refs.tags(project):
            tags[tag.version_id].append(tag.name)
        pruned = {each.version_id for each in self.refs.pruned(project)}
        for each in line:
            yield _entry(
                each, tuple(branches[each.version_id]), tuple(tags[each.version_id]), each.version_id in pruned
            )

    def _of_class(
        self, project: str, heads: Sequence[DatasetVersion], name: str, entries: Iterable[LogEntry]
    ) -> Iterator[LogEntry]:
        newest = max((each.number for each in heads), default=0)
        line = ancestry(heads, self.datasets.walk(project, newest))
        counts = {each.version_id: each.class_counts.get(name, 0) for each in line}
        if not any(counts.values()):
            raise NotFoundError(f"no version of {project} on the way had a sample of class {name!r}")
        for each in entries:
            now, before = counts[each.version_id], counts.get(each.parent or "", 0)
            if now != before:
                yield _with_counts(each, now, before)


def _entry(version: DatasetVersion, branches: tuple[str, ...], tags: tuple[str, ...], pruned: bool) -> LogEntry:
    return LogEntry(
        version_id=version.version_id,
        number=version.number,
        parent=version.parent,
        merged=version.merged,
        branch=version.branch,
        at=version.created_at,
        by=version.by,
        reason=version.reason,
        samples=version.samples,
        added=version.added,
        removed=version.removed,
        relabelled=version.relabelled,
        moved=version.moved,
        restated=version.restated,
        branches=branches,
        tags=tags,
        pruned=pruned,
    )


def _with_counts(entry: LogEntry, now: int, before: int) -> LogEntry:
    from msgspec.structs import replace

    return replace(entry, class_count=now, class_before=before)


def _in_time(entry: LogEntry, wanted: LogFilter) -> bool:
    after = wanted.since is None or entry.at >= wanted.since
    return after and (wanted.until is None or entry.at <= wanted.until)
