"""Lineage in the templates: who wants it is told, and the role may do that and no more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.synthesized import Synthesized

pytestmark = pytest.mark.infra
TOLD = {
    "digits": {"lineage": {"openlineage": {"url": "https://marquez.example.com", "secret": "trueup/marquez"}}},
    "tickets": {"lineage": {"sagemaker": False}},
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return Synthesized(tmp_path_factory.mktemp("told"), TOLD)


def statements(deployed: Synthesized) -> list[dict[str, Any]]:
    (policy,) = deployed.resources("AWS::IAM::Policy", "LineageEmit", stack="retraining")
    return list(policy["PolicyDocument"]["Statement"])


def allowed(deployed: Synthesized, action: str) -> str:
    """The resources of an action, as text."""
    return json.dumps([each["Resource"] for each in statements(deployed) if action in each["Action"]])


def test_cdk_nag_has_no_open_finding(told: Synthesized) -> None:
    assert told.findings() == []


def test_events_of_the_projects_that_want_it_arrive(told: Synthesized) -> None:
    rules = told.resources("AWS::Events::Rule", "Lineage", stack="retraining")
    (rule,) = rules
    assert rule["EventPattern"]["detail"] == {"data": {"project": ["digits"]}}
    assert "VersionCommitted" in rule["EventPattern"]["detail-type"]
    (dead,) = told.resources("AWS::SQS::Queue", "LineageToldDeadLetters", stack="retraining")
    assert dead["KmsMasterKeyId"]
    assert told.resources("AWS::CloudWatch::Alarm", "Stucklineage", stack="operations")


def test_the_secret_of_the_server_alone_may_be_read(told: Synthesized) -> None:
    found = allowed(told, "secretsmanager:GetSecretValue")
    assert "secret:trueup/marquez-??????" in found
    assert "*" not in found


def test_segments_of_the_project_alone_may_be_read(told: Synthesized) -> None:
    found = allowed(told, "s3:GetObject")
    assert "/digits/segments/*" in found
    assert "tickets" not in found
    assert "payloads" not in found


def test_nothing_but_failures_is_written_to_the_table(told: Synthesized) -> None:
    (write,) = [each for each in statements(told) if "dynamodb:PutItem" in each["Action"]]
    assert write["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["FAILURE#*"]}}
    for each in ("dynamodb:UpdateItem", "dynamodb:DeleteItem", "events:PutEvents"):
        assert allowed(told, each) == "[]"


def test_actions_are_trueups_own(told: Synthesized) -> None:
    assert ":action/trueup-dev-*" in allowed(told, "sagemaker:UpdateAction")
    assert ":artifact/*" in allowed(told, "sagemaker:CreateArtifact")


def test_where_nobody_wants_it_there_is_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    off = {name: {"lineage": {"sagemaker": False}} for name in ("digits", "tickets")}
    quiet = Synthesized(tmp_path_factory.mktemp("quiet"), off)
    assert quiet.resources("AWS::Lambda::Function", "LineageEmit", stack="retraining") == []
    assert quiet.resources("AWS::Events::Rule", "Lineage", stack="retraining") == []


def test_the_bus_is_written_to_where_events_go_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    on_bus = {"digits": {"lineage": {"sagemaker": False, "openlineage": {"transport": "eventbridge"}}}}
    deployed = Synthesized(tmp_path_factory.mktemp("bus"), on_bus)
    assert allowed(deployed, "events:PutEvents") != "[]"
    assert allowed(deployed, "secretsmanager:GetSecretValue") == "[]"
