"""retrain start, list, show, approve, reject."""

from __future__ import annotations

from tests.unit.cli.conftest import FakeDeployed, Terminal, check_golden
from trueup.model import Payload
from trueup.usecases.import_labels import ImportedLabel

RUN = "v1-0123abcd"
PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/trueup-pets/1"


def test_runs_are_listed_and_shown(trueup: Terminal, lived: FakeDeployed) -> None:
    assert [each["run_id"] for each in trueup.json("retrain", "list")] == [RUN]
    check_golden("retrain-show", trueup.json("retrain", "show", RUN))
    assert "awaiting approval" in trueup("retrain", "list").stdout
    said = trueup("retrain", "show", RUN).stdout
    assert "0.93" in said
    assert f"trueup retrain approve {RUN}" in said


def test_a_run_that_is_not_there(trueup: Terminal, lived: FakeDeployed) -> None:
    assert trueup("retrain", "show", "v7-none").exit_code == 4


def test_no_run_yet(trueup: Terminal) -> None:
    assert trueup("retrain", "list").stdout.startswith("no run yet")


def test_a_candidate_is_approved(trueup: Terminal, lived: FakeDeployed) -> None:
    result = trueup("retrain", "approve", RUN)
    assert result.exit_code == 0
    assert lived.registry.package(PACKAGE).approval == "Approved"


def test_a_candidate_is_rejected(trueup: Terminal, lived: FakeDeployed) -> None:
    assert "the champion keeps serving" in trueup("retrain", "reject", RUN).stdout
    assert lived.registry.package(PACKAGE).approval == "Rejected"


def test_a_version_that_could_not_be_judged_is_not_trained_on(trueup: Terminal, lived: FakeDeployed) -> None:
    refused = trueup("retrain", "start")
    assert (refused.exit_code, "no sample in its test split" in refused.stderr) == (5, True), refused.output
    assert lived.loop.workflows.started == {}


def test_a_run_is_started_once(trueup: Terminal, lived: FakeDeployed) -> None:
    payloads = [Payload(data=f"imported {each}".encode(), content_type="text/plain") for each in range(40)]
    lived.import_labels("pets", [ImportedLabel(label="cat", payload=each) for each in payloads], "more to train on")
    run = trueup.json("retrain", "start", "--reason", "new camera")
    assert (run["rule"], run["reason"]) == ("manual", "new camera")
    assert list(lived.loop.workflows.started) == [f"retraining:pets-{run['run_id']}"]
    lived.clock.advance(5)
    second = trueup("retrain", "start")
    assert second.exit_code == 5
    assert "retrains already" in second.stderr
    refused = trueup("retrain", "approve", run["run_id"])
    assert refused.exit_code == 5
    assert "it is running" in refused.stderr
    assert lived.registry.package(PACKAGE).approval == "PendingManualApproval"


def test_nothing_to_train_on(trueup: Terminal) -> None:
    assert trueup("retrain", "start").exit_code == 4
