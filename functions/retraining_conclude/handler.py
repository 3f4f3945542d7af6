"""Last step of both workflows, and executions that ended without reaching it → conclude_run."""

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
    run = _conclude()(_conclusion(event))
    logger.info("run concluded", project=run.project, run=run.run_id, status=run.status, outcome=run.outcome)
    count(run.project, {f"Run{run.status.title().replace('_', '')}": 1})
    return {"project": run.project, "run_id": run.run_id, "status": run.status.value, "outcome": run.outcome}


def _conclusion(event: dict[str, Any]) -> Conclusion:
    """Either a workflow's own report, or EventBridge's word that an execution failed, timed out or was aborted."""
    if event.get("source") != "aws.states":
        return msgspec.convert(event, Conclusion)
    detail = event["detail"]
    started_with = msgspec.json.decode(detail["input"])
    return Conclusion(
        project=started_with["project"],
        run_id=started_with["run_id"],
        outcome="promotion_failed" if "plan" in started_with else "failed",
        step="the workflow",
        failure={"Error": detail["status"], "Cause": detail.get("cause") or f"execution {detail['name']} was ended"},
    )
