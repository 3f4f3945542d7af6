"""The segments of a branch's head become fewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.dataset.checkpoints import due, merged_segments
from trueup.model import DatasetVersion, Project, Segment
from trueup.ports import DatasetStore
from trueup.usecases.find_project import project_named
from trueup.usecases.making_versions import view_of


@dataclass(frozen=True)
class CheckpointVersion:
    """Merge the newest segments of head into larger ones, on which the next commit builds, once enough have piled up.

    No version changes by it and nothing depends on it: again, or after a crash, it does what is left to do. Returns the
    segments that hold head now, None when nothing was due. Raises NotFoundError, IntegrityError, ManifestError.
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore

    def __call__(self, project_name: str, branch: str = "main") -> tuple[Segment, ...] | None:
        project = project_named(self.projects, project_name)
        head = self.datasets.head(project.name, branch)
        return self._checkpoint(project, head) if head else None

    def _checkpoint(self, project: Project, head: DatasetVersion) -> tuple[Segment, ...] | None:
        segments = self.datasets.checkpoint(project.name, head.version_id) or head.segments
        kept = due(segments)
        if kept is None:
            return None
        stack = view_of(self.datasets, project.name, head, segments).stack.above(kept)
        made = []
        for each in merged_segments(stack, oldest=kept == 0):
            self.datasets.put_segment(project.name, each.data)
            made.append(each.segment)
        fewer = (*segments[:kept], *made)
        self.datasets.put_checkpoint(project.name, head.version_id, fewer)
        return fewer
