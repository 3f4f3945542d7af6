"""Labels that exist already become a version of a size that no process holds: staged here, committed by many."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.ports import DatasetStore
from trueup.usecases.bring_labels import Brought, Listeners, Request
from trueup.usecases.bulk.jobs import Bulk
from trueup.usecases.run_bulk import RunBulk
from trueup.usecases.stage_labels import StageLabels


@dataclass(frozen=True)
class BringByMany:
    """What BringLabels does, with memory that does not grow with the number of labels. What the dataset holds stays in
    its split, also where the source states another one. Raises what that and RunBulk do."""

    stage: StageLabels
    bulk: RunBulk
    datasets: DatasetStore

    def __call__(self, request: Request, labels: int, reason: str, listeners: Listeners | None = None) -> Brought:
        """`labels`: about how many there are."""
        staged = self.stage(request, labels, listeners)
        if not staged.segments:
            return Brought(tally=staged.tally)
        done = self.bulk(
            Bulk(
                verb="commit",
                project=request.project,
                branch=request.branch,
                by=request.by,
                reason=reason,
                staged=staged.segments,
                placing=staged.placing,
                imported=True,
                brought=staged.brought.id if staged.brought else "",
            )
        )
        made = self.datasets.version(request.project, done.version) if done.number else None
        return Brought(tally=staged.tally, version=made)
