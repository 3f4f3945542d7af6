"""Label Studio in the templates: a route for its hints and a secret to read, only where a project has a server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.synthesized import Synthesized

pytestmark = pytest.mark.infra
SERVER = {"url": "https://labels.example.com", "secret": "trueup/label-studio"}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    changes = {"digits": {"backend": "label_studio", "label_studio": SERVER}}
    return Synthesized(tmp_path_factory.mktemp("labelled"), changes)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return Synthesized(tmp_path_factory.mktemp("plain"), {})


def statements(deployed: Synthesized, function: str) -> list[dict[str, Any]]:
    (policy,) = deployed.resources("AWS::IAM::Policy", function, stack="annotation")
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def test_cdk_nag_has_no_open_finding(labelled: Synthesized) -> None:
    assert labelled.findings() == []


@pytest.mark.parametrize("function", ["BackendSync", "HintReceive"])
def test_the_named_secret_alone_may_be_read(labelled: Synthesized, function: str) -> None:
    (found,) = [each for each in statements(labelled, function) if "secretsmanager" in json.dumps(each["Action"])]
    assert found["Action"] == "secretsmanager:GetSecretValue"
    assert "secret:trueup/label-studio-??????" in json.dumps(found["Resource"])


def test_what_takes_hints_may_wake_and_nothing_else(labelled: Synthesized) -> None:
    actions = {each["Action"] for each in statements(labelled, "HintReceive") if isinstance(each["Action"], str)}
    assert actions == {"sqs:SendMessage", "secretsmanager:GetSecretValue"}
    assert "dynamodb" not in json.dumps(statements(labelled, "HintReceive"))


def test_the_hints_route_alone_is_open_and_slower_than_the_rest(labelled: Synthesized) -> None:
    routes = labelled.resources("AWS::ApiGatewayV2::Route", stack="annotation")
    open_ones = [each["RouteKey"] for each in routes if each["AuthorizationType"] == "NONE"]
    assert open_ones == ["POST /api/projects/{project}/hints"]
    (stage,) = labelled.resources("AWS::ApiGatewayV2::Stage", stack="annotation")
    limits = stage["RouteSettings"][open_ones[0]]
    assert limits["ThrottlingRateLimit"] < stage["DefaultRouteSettings"]["ThrottlingRateLimit"]


def test_without_a_server_there_is_neither(plain: Synthesized) -> None:
    routes = plain.resources("AWS::ApiGatewayV2::Route", stack="annotation")
    assert all(each["AuthorizationType"] == "JWT" for each in routes)
    assert "secretsmanager" not in json.dumps(plain.templates["annotation"])
