"""Model annotators in the templates: only where a project has some, and only the models that it names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.synthesized import Synthesized

pytestmark = pytest.mark.infra
OWN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
MODELS = [
    {"name": "nova", "model_id": "us.amazon.nova-pro-v1:0"},
    {"name": "own", "model_id": OWN},
    {"name": "plain", "model_id": "amazon.nova-lite-v1:0"},
]
CONSENSUS = {"overlap": 2, "max_overlap": 3}


@pytest.fixture(scope="module")
def helped(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    changes = {"digits": {"annotation": {"models": MODELS}, "consensus": CONSENSUS}}
    return Synthesized(tmp_path_factory.mktemp("helped"), changes)


def allowed(deployed: Synthesized, action: str) -> list[Any]:
    (policy,) = deployed.resources("AWS::IAM::Policy", "ModelAnnotate", stack="annotation")
    statements = [each for each in policy["PolicyDocument"]["Statement"] if action in each["Action"]]
    found = [each["Resource"] for each in statements]
    return [one for each in found for one in (each if isinstance(each, list) else [each])]


def test_cdk_nag_has_no_open_finding(helped: Synthesized) -> None:
    assert helped.findings() == []


def test_the_named_models_alone_may_be_asked(helped: Synthesized) -> None:
    found = sorted(json.dumps(each) for each in allowed(helped, "bedrock:InvokeModel"))
    assert len(found) == 4
    assert any(f'"{OWN}"' == each for each in found)
    ends = ("::foundation-model/amazon.nova-lite-v1:0", "::foundation-model/amazon.nova-pro-v1:0")
    assert all(any(end in each for each in found) for end in ends)
    assert sum(":inference-profile/us.amazon.nova-pro-v1:0" in each for each in found) == 1
    assert sum(":bedrock:*::" in each for each in found) == 1


def test_payloads_of_the_project_are_all_that_it_reads(helped: Synthesized) -> None:
    assert "digits/payloads/*" in json.dumps(allowed(helped, "s3:GetObject"))
    assert "tickets" not in json.dumps(allowed(helped, "s3:GetObject") + allowed(helped, "sqs:SendMessage"))
    assert allowed(helped, "s3:PutObject") == []


def test_each_model_is_woken_on_the_schedule_and_its_queue_rings(helped: Synthesized) -> None:
    rules = helped.resources("AWS::Events::Rule", "ModelAnnotation", stack="annotation")
    inputs = [json.loads(each["Targets"][0]["Input"]) for each in rules]
    assert sorted(each["model"] for each in inputs) == ["nova", "own", "plain"]
    assert {each["project"] for each in inputs} == {"digits"}
    alarms = json.dumps(list(helped.templates["operations"]["Resources"]))
    assert all(each in alarms for each in ("Stuckmodels", "Agemodels", "Errorsmodelannotate"))


def test_who_has_no_models_pays_for_none(tmp_path: Any) -> None:
    deployed = Synthesized(tmp_path, {})
    assert deployed.resources("AWS::Lambda::Function", "ModelAnnotate", stack="annotation") == []
    assert "models" not in json.dumps(list(deployed.templates["operations"]["Resources"]))
