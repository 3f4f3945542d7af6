"""A version's segments become readable for other tools' SQL."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.dataset.segments import decode
from trueup.model import DatasetVersion
from trueup.ports import DatasetStore, SegmentTables


@dataclass(frozen=True)
class CopyTables:
    """Copy the segments that have no copy yet, then make the version known: what a reader sees is always whole.

    A version costs as much as what it changed. Idempotent. Raises NotFoundError.
    """

    datasets: DatasetStore
    tables: SegmentTables

    def __call__(self, project: str, version_id: str) -> DatasetVersion:
        version = self.datasets.version(project, version_id)
        for segment in version.segments:
            if not self.tables.has(project, segment.sha256):
                self.tables.put(project, segment.sha256, decode(self.datasets.segment(project, segment.sha256)))
        self.tables.put_version(version)
        return version
