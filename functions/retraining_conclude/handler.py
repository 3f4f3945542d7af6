"""Last step of both workflows → conclude_run."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import msgspec

from trueup.observability import count, logger_of
from trueup.settings import RetrainingConcludeSettings
from trueup.usecases.conclude_run import ConcludeRun, Conclusion
from trueup.wiring.conclude_run import conclude_run

logger = logger_of("retraining_conclude")


@cache
def _conclude() -> ConcludeRun:
    return conclude_run(RetrainingConcludeSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    run = _conclude()(msgspec.convert(event, Conclusion))
    logger.info("run concluded", project=run.project, run=run.run_id, status=run.status, outcome=run.outcome)
    count(run.project, {f"Run{run.status.title().replace('_', '')}": 1})
    return {"project": run.project, "run_id": run.run_id, "status": run.status.value, "outcome": run.outcome}
