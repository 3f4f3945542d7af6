"""A person approves or rejects a candidate that waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trueup.errors import ConflictError
from trueup.model import RetrainingRun, RunStatus
from trueup.ports import PackageRulings, RunStore


@dataclass(frozen=True)
class RuleOnCandidate:
    """Set the approval of a run's model package; the registry's event then promotes it, or lets it rest.

    Raises NotFoundError (run, or its package), ConflictError when the run does not wait for a ruling.
    """

    runs: RunStore
    rulings: PackageRulings

    def __call__(self, project: str, run_id: str, approval: Literal["Approved", "Rejected"]) -> RetrainingRun:
        run = self.runs.get(project, run_id)
        if run.status is not RunStatus.AWAITING_APPROVAL or run.model_package_arn is None:
            raise ConflictError(f"run {run_id} waits for no ruling: it is {run.status.value.replace('_', ' ')}")
        self.rulings.rule(run.model_package_arn, approval)
        return run
