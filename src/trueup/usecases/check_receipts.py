"""Whether what was signed about deletions holds: signatures, the chain, and what stands for segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.dataset.receipts import read_receipt, receipt_problems
from trueup.errors import ManifestError, NotFoundError
from trueup.model import Project, ReceiptEntry, Record, SignedReceipt
from trueup.ports import DatasetStore, ReceiptBook, ReceiptSigner
from trueup.usecases.find_project import project_named


class Checked(Record, frozen=True, kw_only=True):
    """What was looked at, and sentences about what does not hold."""

    receipts: int
    segments: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class CheckReceipts:
    """Raises NotFoundError (no such project, no such receipt)."""

    projects: Mapping[str, Project]
    receipts: ReceiptBook
    signer: ReceiptSigner
    datasets: DatasetStore

    def __call__(self, project_name: str) -> Checked:
        """All receipts of a project, each as a link of the chain. What stands for a segment must be what the newest
        receipt about it says: otherwise somebody changed the dataset and called that a deletion."""
        project = project_named(self.projects, project_name)
        entries = self.receipts.entries(project.name)
        problems, stands = [], dict[str, str]()
        for entry, before in zip(entries, [None, *entries], strict=False):
            problems += self._problems(entry, before)
            stands |= self._segments(entry)
        redacted = self._redacted(project.name)
        unsigned = [name for name, sha256 in redacted.items() if stands.get(name) != sha256]
        problems += [f"segment {name[:12]} was redacted, and no receipt says so" for name in sorted(unsigned)]
        return Checked(receipts=len(entries), segments=len(redacted), problems=tuple(problems))

    def one(self, project_name: str, data: bytes) -> list[str]:
        """A receipt that somebody holds in hand, against the chain."""
        project = project_named(self.projects, project_name)
        try:
            number = read_receipt(data).receipt.number
        except ManifestError as error:
            return [str(error)]
        entries = {each.number: each for each in self.receipts.entries(project.name)}
        if number not in entries:
            return [f"project {project.name} issued no receipt {number}"]
        return receipt_problems(data, entries[number], entries.get(number - 1), self.signer.holds)

    def all(self, project_name: str) -> list[SignedReceipt]:
        """Those that can be read, newest first."""
        project = project_named(self.projects, project_name)
        return [read_receipt(self.receipts.read(each.uri)) for each in reversed(self.receipts.entries(project.name))]

    def stored(self, project_name: str, number: int) -> bytes:
        project = project_named(self.projects, project_name)
        found = [each for each in self.receipts.entries(project.name) if each.number == number]
        if not found:
            raise NotFoundError(f"project {project.name} issued no receipt {number}: trueup forget list shows them")
        return self.receipts.read(found[0].uri)

    def _problems(self, entry: ReceiptEntry, before: ReceiptEntry | None) -> list[str]:
        try:
            data = self.receipts.read(entry.uri)
        except NotFoundError:
            return [f"receipt {entry.number} is missing"]
        return receipt_problems(data, entry, before, self.signer.holds)

    def _segments(self, entry: ReceiptEntry) -> Mapping[str, str]:
        try:
            return read_receipt(self.receipts.read(entry.uri)).receipt.segments
        except (NotFoundError, ManifestError):
            return {}

    def _redacted(self, project: str) -> dict[str, str]:
        """Of the segments that versions list."""
        names = {segment.sha256 for version in self.datasets.versions(project) for segment in version.segments}
        found = (self.datasets.redaction(project, each) for each in names)
        return {each.segment: each.sha256 for each in found if each is not None}
