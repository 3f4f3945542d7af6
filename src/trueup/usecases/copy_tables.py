"""A version's segments become readable for other tools' SQL."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from trueup.dataset.receipts import read_receipt
from trueup.dataset.segments import decode
from trueup.errors import ConflictError
from trueup.model import DatasetVersion
from trueup.ports import DatasetStore, ReceiptBook, SegmentTables

_RACES = 8


@dataclass(frozen=True)
class CopyTables:
    """Copy the segments that have no copy yet, then make the version known: what a reader sees is always whole.

    A version costs as much as what it changed. Idempotent. Raises NotFoundError; ConflictError where samples of a
    segment were forgotten time and again while it was copied.
    """

    datasets: DatasetStore
    tables: SegmentTables
    receipts: ReceiptBook

    def __call__(self, project: str, version_id: str) -> DatasetVersion:
        version = self.datasets.version(project, version_id)
        for segment in version.segments:
            self._copy(project, segment.sha256)
        self.tables.put_version(version)
        return version

    def again(self, project: str, receipt_uri: str) -> tuple[str, ...]:
        """Copy the segments of which a deletion took the copies away, as its receipt says; returns them. Raises
        ManifestError when there is something else at the URI."""
        redacted = read_receipt(self.receipts.read(receipt_uri)).receipt.segments
        listed = {each.sha256 for version in self.datasets.versions(project) for each in version.segments}
        copied = tuple(each for each in redacted if each in listed)
        for each in copied:
            self._copy(project, each)
        return copied

    def _copy(self, project: str, sha256: str) -> None:
        """A copy of what was read before samples of it were forgotten may come after the deletion has looked for
        copies: whoever made it looks again, and so does whoever comes after one that was cut short."""
        for _ in range(_RACES):
            if self.tables.made_of(project, sha256) == self._stands(project, sha256):
                return
            data = self.datasets.segment(project, sha256)
            self.tables.put(project, sha256, hashlib.sha256(data).hexdigest(), decode(data))
        raise ConflictError(f"segment {sha256[:12]} of {project} changed {_RACES} times while it was copied: try again")

    def _stands(self, project: str, sha256: str) -> str:
        """The hash of what is read under the segment's name."""
        redaction = self.datasets.redaction(project, sha256)
        return redaction.sha256 if redaction else sha256
