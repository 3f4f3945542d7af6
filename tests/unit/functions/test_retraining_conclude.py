from __future__ import annotations

import json

from functions.retraining_conclude.handler import _conclusion


def ended(document: dict[str, object], status: str = "TIMED_OUT", cause: str | None = None) -> dict[str, object]:
    """As EventBridge tells it; docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html."""
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"name": "pets-v1", "status": status, "input": json.dumps(document), "cause": cause},
    }


def test_a_retraining_that_timed_out_has_failed() -> None:
    found = _conclusion(ended({"project": "pets", "run_id": "v1-aaaaaaaa"}))
    assert (found.outcome, found.run_id) == ("failed", "v1-aaaaaaaa")
    assert found.failure == {"Error": "TIMED_OUT", "Cause": "execution pets-v1 was ended"}


def test_a_promotion_that_was_aborted_has_failed_as_a_promotion() -> None:
    found = _conclusion(ended({"project": "pets", "run_id": "v1-aaaaaaaa", "plan": {}}, "ABORTED", "an operator"))
    assert found.outcome == "promotion_failed"
    assert found.failure == {"Error": "ABORTED", "Cause": "an operator"}


def test_a_workflows_own_report_is_taken_as_it_is() -> None:
    found = _conclusion({"project": "pets", "run_id": "v1-aaaaaaaa", "outcome": "promoted", "endpoint_config": "c"})
    assert (found.outcome, found.endpoint_config) == ("promoted", "c")
