"""Ground Truth: what is deployed for a project whose tasks flow to a job that goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.synthesized import Synthesized

pytestmark = pytest.mark.infra
TEAM = {"workteam_arn": "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/pets"}
JOBS = "labeling-job/trueup-*"


@pytest.fixture(scope="module")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    changes = {"backend": "ground_truth", "ground_truth": {**TEAM, "streaming": True}}
    return Synthesized(tmp_path_factory.mktemp("streaming"), {"tickets": changes})


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return Synthesized(
        tmp_path_factory.mktemp("batches"), {"tickets": {"backend": "ground_truth", "ground_truth": TEAM}}
    )


def statements(deployed: Synthesized, name: str) -> dict[str, Any]:
    """By action."""
    found: dict[str, Any] = {}
    for policy in deployed.resources("AWS::IAM::Policy", name, "annotation"):
        for each in policy["PolicyDocument"]["Statement"]:
            actions = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
            found |= dict.fromkeys(actions, each)
    return found


def test_cdk_nag_has_no_open_finding(streaming: Synthesized) -> None:
    assert streaming.findings() == []


def test_a_topic_for_each_stream(streaming: Synthesized, batches: Synthesized) -> None:
    (topic,) = streaming.resources("AWS::SNS::Topic", "Labeling", "annotation")
    assert "KmsMasterKeyId" in topic
    assert batches.resources("AWS::SNS::Topic", "Labeling", "annotation") == []


def test_ground_truth_may_listen_to_the_topic_by_queues_of_its_own(streaming: Synthesized) -> None:
    allowed = statements(streaming, "LabelingRole")
    assert "GroundTruth-trueup-*" in str(allowed["sqs:CreateQueue"]["Resource"])
    subscribe = allowed["sns:Subscribe"]
    assert subscribe["Condition"]["StringEquals"] == {"sns:Protocol": "sqs"}
    assert "GroundTruth-trueup-*" in str(subscribe["Condition"]["StringLike"]["sns:Endpoint"])


def test_only_who_streams_may_publish(streaming: Synthesized, batches: Synthesized) -> None:
    allowed = statements(streaming, "BackendSync")
    assert "sns:Publish" in allowed
    assert "sns:Publish" not in statements(batches, "BackendSync")
    stops = [each for each in allowed.values() if "sagemaker:StopLabelingJob" in each["Action"]]
    assert all(JOBS in str(each["Resource"]) for each in stops)
    assert stops
    assert "sqs:CreateQueue" not in statements(batches, "LabelingRole")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    changes = {
        "label_schema": {"kind": "rating", "media": "text"},
        "triggers": {"action": "notify"},
        "backend": "ground_truth",
        "ground_truth": TEAM,
    }
    return Synthesized(tmp_path_factory.mktemp("pages"), {"tickets": changes})


def test_kinds_without_a_built_in_task_have_functions_before_and_after(
    pages: Synthesized, batches: Synthesized
) -> None:
    assert pages.findings() == []
    handlers = {each.get("Handler") for each in pages.resources("AWS::Lambda::Function", "Labeling", "annotation")}
    assert handlers == {f"functions.labeling_{each}.handler.handler" for each in ("prepare", "gather")}
    assert len(statements(pages, "LabelingRole")["lambda:InvokeFunction"]["Resource"]) == 2
    assert "tickets/labeling/*" in str(statements(pages, "LabelingFunctionsGather")["s3:GetObject"]["Resource"])
    assert "s3:GetObject" not in statements(pages, "LabelingFunctionsPrepare")
    assert batches.resources("AWS::Lambda::Function", "Labeling", "annotation") == []
