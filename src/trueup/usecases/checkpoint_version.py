"""The segments of a branch's head become fewer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from trueup.dataset.checkpoints import FEW, due, merged_segments
from trueup.dataset.segments.cache import SegmentCache
from trueup.dataset.verify import forgotten_of
from trueup.dataset.view import View
from trueup.model import DatasetVersion, Project, Segment
from trueup.ports import DatasetStore, ReceiptBook
from trueup.usecases.find_project import project_named
from trueup.usecases.making_versions import view_of


@dataclass(frozen=True)
class CheckpointVersion:
    """Merge the newest segments of head into larger ones, on which the next commit builds, once enough have piled up.

    No version changes by it and nothing depends on it: again, or after a crash, it does what is left to do. Returns the
    segments that hold head now, None when nothing was due, or when somebody is being forgotten: the next commit's will
    do it. Raises NotFoundError, IntegrityError, ManifestError.
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore
    receipts: ReceiptBook
    few: int = FEW

    def __call__(self, project_name: str, branch: str = "main") -> tuple[Segment, ...] | None:
        project = project_named(self.projects, project_name)
        head = self.datasets.head(project.name, branch)
        return self._checkpoint(project, head) if head else None

    def _checkpoint(self, project: Project, head: DatasetVersion) -> tuple[Segment, ...] | None:
        segments = self.datasets.checkpoint(project.name, head.version_id) or head.segments
        first = due(segments, self.few)
        if first is None:
            return None
        epoch = self.datasets.forgotten(project.name, ()).epoch
        kept = max(first, self._telling(project, head, segments))
        if kept > first and len(segments) - kept < self.few:
            return None
        view = view_of(self.datasets, project.name, head, segments)
        if self._being_forgotten(project, view):
            return None
        made = []
        for each in merged_segments(view.stack.above(kept), oldest=kept == 0):
            self.datasets.put_segment(project.name, each.data)
            made.append(each.segment)
        fewer = (*segments[:kept], *made)
        # What was read before may have been forgotten since: then it lies in nothing but what the collection takes.
        if self.datasets.forgotten(project.name, ()).epoch != epoch:
            return None
        self.datasets.put_checkpoint(project.name, head.version_id, fewer)
        return fewer

    def _being_forgotten(self, project: Project, view: View) -> bool:
        """Whether a deletion that began before is yet to redact lines that are held: it would pass over what is made
        of them."""
        samples = {name for job in self.receipts.jobs(project.name) for name in job.draft.samples}
        return bool(view.lookup(samples))

    def _telling(self, project: Project, head: DatasetVersion, segments: Sequence[Segment]) -> int:
        """How many of the oldest segments must stay for what they tell. A version that was taken up again after samples
        of it were forgotten counts them still, as these say."""
        redactions = {each.sha256: self.datasets.redaction(project.name, each.sha256) for each in segments}
        told = [place for place, each in enumerate(segments, 1) if redactions[each.sha256] is not None]
        version, read = replace(head, segments=tuple(segments)), partial(self.datasets.segment, project.name)
        return told[-1] if told and forgotten_of(version, read, SegmentCache(), redactions.get) else 0
