"""How runs end, and what may be deployed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.worlds import NOW, Loop
from trueup.adapters.memory import FixedClock
from trueup.errors import InputError, RetryableError
from trueup.model import ModelPackage, RetrainingRun, RunStatus
from trueup.ports import Journal
from trueup.usecases.conclude_run import ConcludeRun, Conclusion
from trueup.usecases.promote_model import Deployables, PromoteModel

ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/pets-models/1"


def begun(loop: Loop, run_id: str = "v1-aaaaaaaa", hours: int = 0) -> RetrainingRun:
    run = RetrainingRun(
        project="pets",
        run_id=run_id,
        status=RunStatus.RUNNING,
        version_id="f" * 64,
        rule="manual",
        reason="a test",
        started_at=NOW.replace(hour=NOW.hour + hours),
    )
    loop.runs.begin(run, Journal(at=NOW))
    return run


def concluding(loop: Loop) -> ConcludeRun:
    return ConcludeRun(runs=loop.runs, clock=FixedClock(NOW))


def ended(loop: Loop, run: RetrainingRun, outcome: str, **facts: Any) -> RetrainingRun:
    return concluding(loop)(Conclusion(project="pets", run_id=run.run_id, outcome=outcome, **facts))


def registered(loop: Loop, run: RetrainingRun, approval: str = "Approved", group: str = "pets-models") -> None:
    ended(loop, run, "registered", training_job="job", model_package_arn=ARN)
    loop.registry.configs["pets"] = {
        "EndpointConfigName": "before",
        "ProductionVariants": [{"VariantName": "AllTraffic", "ModelName": "before", "InitialInstanceCount": 1}],
    }
    metadata = {"trueup-project": "pets", "trueup-run": run.run_id}
    package = ModelPackage(arn=ARN, group=group, approval="Approved", image="i", model_data_url="s3://m")
    loop.registry.packages[ARN] = msgspec.structs.replace(package, metadata=metadata, approval=approval)


def promoting(loop: Loop) -> PromoteModel:
    around = Deployables(role_arn="r", key_arn="k", capture_uri="s3://captures/pets", model_package_group="pets-models")
    return PromoteModel(
        projects={"pets": loop.config},
        deployables=lambda _: around,
        registry=loop.registry,
        runs=loop.runs,
        workflows=loop.workflows,
        clock=FixedClock(NOW),
    )


def test_a_failed_job_says_its_own_reason() -> None:
    loop = Loop()
    job = json.dumps({"TrainingJobName": "x" * 2000, "FailureReason": "AlgorithmError: no labels"})
    run = ended(loop, begun(loop), "failed", step="Train", failure={"Error": "States.TaskFailed", "Cause": job})
    assert run.outcome == "Train failed: States.TaskFailed: AlgorithmError: no labels"


def test_a_stopped_job_says_what_stopped_it() -> None:
    loop = Loop()
    job = json.dumps({"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"})
    run = ended(loop, begun(loop), "failed", step="Train", failure={"Error": "States.TaskFailed", "Cause": job})
    assert run.outcome == "Train failed: States.TaskFailed: MaxRuntimeExceeded"


@pytest.mark.parametrize(("error", "says"), [("the version has no test split", None), ("", "ConflictError")])
def test_a_failed_function_says_its_error_without_the_stack(error: str, says: str | None) -> None:
    loop = Loop()
    answer = json.dumps({"errorMessage": error, "errorType": "ConflictError", "stackTrace": ["File x, line 1"] * 30})
    run = ended(loop, begun(loop), "failed", step="Freeze", failure={"Error": "ConflictError", "Cause": answer})
    assert run.outcome == f"Freeze failed: ConflictError: {says or error}"


@pytest.mark.parametrize("cause", ["plain words", '["not a job"]', '{"no": "reason"}', ""])
def test_any_other_cause_is_told_as_it_is(cause: str) -> None:
    loop = Loop()
    run = ended(loop, begun(loop), "failed", step="Gate", failure={"Error": "E", "Cause": cause})
    assert run.outcome == f"Gate failed: E: {cause}"


def test_an_end_frees_the_project_and_is_told_once() -> None:
    loop = Loop()
    run = begun(loop)
    for _ in range(2):
        ended(loop, run, "failed", step="Train", failure="it broke")
    assert loop.runs.active("pets") is None
    assert [each.event_type for each in loop.world.outbox] == ["RetrainingConcluded"]


@pytest.mark.parametrize("outcome", ["registered", "failed", "rejected", "promotion_failed", "rolled_back"])
def test_no_late_report_undoes_a_promotion(outcome: str) -> None:
    loop = Loop()
    run = begun(loop)
    registered(loop, run)
    ended(loop, run, "promoted", endpoint_name="pets", endpoint_config="after")
    assert ended(loop, run, outcome).status is RunStatus.PROMOTED


def test_an_approved_package_is_promoted_once() -> None:
    loop = Loop()
    run = begun(loop)
    registered(loop, run)
    promote = promoting(loop)
    first, second = promote(ARN), promote(ARN)
    assert first == second
    assert first is not None
    assert first.status is RunStatus.PROMOTING
    assert list(loop.workflows.started) == [f"promotion:pets-{run.run_id}"]


def test_a_rejected_package_is_never_deployed_whatever_comes_later() -> None:
    loop = Loop()
    run = begun(loop)
    registered(loop, run, approval="Rejected")
    promote = promoting(loop)
    promote(ARN)
    assert loop.runs.get("pets", run.run_id).status is RunStatus.REJECTED
    loop.registry.packages[ARN] = msgspec.structs.replace(loop.registry.packages[ARN], approval="Approved")
    promote(ARN)
    assert loop.runs.get("pets", run.run_id).status is RunStatus.REJECTED
    assert loop.workflows.started == {}


def test_a_package_of_somebody_else_is_left_alone() -> None:
    loop = Loop()
    run = begun(loop)
    registered(loop, run, group="another-group")
    assert promoting(loop)(ARN) is None
    assert loop.workflows.started == {}


def test_an_approval_that_comes_before_the_record_waits() -> None:
    loop = Loop()
    run = begun(loop)
    registered(loop, run)
    early = msgspec.structs.replace(run, run_id="v2-bbbbbbbb")
    loop.runs.begin(early, Journal(at=NOW))
    metadata = {"trueup-project": "pets", "trueup-run": early.run_id}
    loop.registry.packages[ARN] = msgspec.structs.replace(loop.registry.packages[ARN], metadata=metadata)
    with pytest.raises(RetryableError, match="not registered yet"):
        promoting(loop)(ARN)


def test_a_package_older_than_the_serving_one_is_refused() -> None:
    loop = Loop()
    old = begun(loop)
    registered(loop, old)
    newer = begun(loop, "v2-bbbbbbbb", hours=1)
    ended(loop, newer, "registered", training_job="job", model_package_arn=f"{ARN}2")
    ended(loop, newer, "promoted", endpoint_name="pets", endpoint_config="after")
    with pytest.raises(InputError, match="older than run v2-bbbbbbbb"):
        promoting(loop)(ARN)
