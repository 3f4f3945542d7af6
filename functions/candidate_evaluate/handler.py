"""Gate of the retraining workflow → evaluate_candidate."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.observability import count, logger_of
from trueup.settings import CandidateEvaluateSettings
from trueup.usecases.evaluate_candidate import EvaluateCandidate
from trueup.wiring.evaluate_candidate import evaluate_candidate

logger = logger_of("candidate_evaluate")


@cache
def _evaluate() -> EvaluateCandidate:
    return evaluate_candidate(CandidateEvaluateSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    verdict = _evaluate()(event["project"], event["run_id"], event["evaluation_uri"])
    summary = "; ".join(verdict.reasons)[:1024]
    logger.info("gate", project=event["project"], run=event["run_id"], passed=verdict.passed, summary=summary)
    count(event["project"], {"GatePassed" if verdict.passed else "GateRefused": 1})
    return {
        "passed": verdict.passed,
        "summary": summary,
        "reasons": list(verdict.reasons),
        "metrics": dict(verdict.metrics),
    }
