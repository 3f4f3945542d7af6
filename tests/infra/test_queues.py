"""Queues beside a project's own in the templates: each with its dead letters and alarm, and known to who works them."""

from __future__ import annotations

import json

import pytest

from tests.infra.synthesized import Synthesized

pytestmark = pytest.mark.infra
QUEUES = [{"name": "urgent", "reasons": ["override"], "groups": ["night"], "deadline_hours": 1}]


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return Synthesized(tmp_path_factory.mktemp("queued"), {"digits": {"annotation": {"queues": QUEUES}}})


def test_cdk_nag_has_no_open_finding(queued: Synthesized) -> None:
    assert queued.findings() == []


def test_a_queue_has_its_dead_letters_and_its_alarm(queued: Synthesized) -> None:
    found = queued.resources("AWS::SQS::Queue", "Annotationdigitsurgent", stack="annotation")
    assert len(found) == 2
    assert any("RedrivePolicy" in each for each in found)
    assert "StuckAnnotationdigitsurgent" in json.dumps(list(queued.templates["operations"]["Resources"]))


def test_who_sends_and_who_claims_knows_it(queued: Synthesized) -> None:
    for stack, function in (
        ("annotation", "AnnotationApi"),
        ("ingest", "CaptureIngest"),
        ("dataset", "ConsensusSettle"),
    ):
        (made,) = [
            each for each in queued.resources("AWS::Lambda::Function", function, stack=stack) if "Environment" in each
        ]
        assert "digits/urgent" in json.dumps(made["Environment"]["Variables"]["TRUEUP_ANNOTATION_QUEUE_URLS"])
    parameters = json.dumps(queued.resources("AWS::SSM::Parameter", stack="operations"))
    assert '\\"urgent\\"' in parameters.replace("\\\\", "\\")


def test_every_alarm_says_what_is_wrong(queued: Synthesized) -> None:
    alarms = queued.resources("AWS::CloudWatch::Alarm", stack="operations")
    assert len(alarms) > 50
    assert [each["MetricName"] for each in alarms if not each.get("AlarmDescription")] == []
    says = [each["AlarmDescription"] for each in alarms if each.get("MetricName") == "CapturesQuarantined"]
    assert "Captures of digits cannot be used: trueup capture quarantine" in says


def test_a_project_without_any_has_its_own_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    bare = Synthesized(tmp_path_factory.mktemp("bare"), {})
    assert len(bare.resources("AWS::SQS::Queue", "Annotationdigits", stack="annotation")) == 2
