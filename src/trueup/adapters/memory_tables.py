"""The shipped fake of what others' SQL reads."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from trueup.adapters.memory import MemoryDatasetStore
from trueup.model import Change, DatasetVersion, LabelledSample, Record, Removal
from trueup.ports import SegmentTables
from trueup.settings import copies_of


class _Copy(Record, frozen=True, kw_only=True):
    made_of: str
    lines: tuple[LabelledSample, ...]
    removed: tuple[str, ...]


class MemorySegmentTables(SegmentTables):
    """Copies lie among the objects of the datasets, as JSON. `versions` are those that readers know of, by number."""

    def __init__(self, datasets: MemoryDatasetStore) -> None:
        self._datasets = datasets
        self.versions: dict[tuple[str, int], DatasetVersion] = {}

    def made_of(self, project: str, sha256: str) -> str | None:
        copy = self._copy(project, sha256)
        return copy.made_of if copy else None

    def put(self, project: str, sha256: str, made_of: str, lines: Iterable[Change]) -> None:
        changes = list(lines)
        copy = _Copy(
            made_of=made_of,
            lines=tuple(each for each in changes if isinstance(each, LabelledSample)),
            removed=tuple(each.sample_id for each in changes if isinstance(each, Removal)),
        )
        self._datasets.objects[copy_uri(project, sha256)] = msgspec.json.encode(copy)

    def put_version(self, version: DatasetVersion) -> None:
        self.versions[version.project, version.number] = version

    def samples(self, version: DatasetVersion) -> dict[str, LabelledSample]:
        """What a reader finds in a version, by sample."""
        found: dict[str, LabelledSample] = {}
        for each in version.segments:
            copy = self._copy(version.project, each.sha256)
            for name in copy.removed if copy else ():
                found.pop(name, None)
            found |= {line.sample_id: line for line in copy.lines} if copy else {}
        return found

    def _copy(self, project: str, sha256: str) -> _Copy | None:
        data = self._datasets.objects.get(copy_uri(project, sha256))
        return None if data is None else msgspec.json.decode(data, type=_Copy)


def copy_uri(project: str, sha256: str = "") -> str:
    """Where the lines of a segment are, or those of all of them begin."""
    return f"memory://{copies_of(project)}{sha256}"
