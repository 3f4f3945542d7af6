"""A deployment of as many projects as are allowed, with names as long as are allowed, fits into AWS's limits.

What CloudFormation would name and fill in is written out at its longest, so that lengths are those of a deployment.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from infra.app import build
from infra.config import read_config
from infra.keys import MAX_BUCKETS, MAX_CANARY_ALARMS, MAX_KEYS, MAX_MODELS, MAX_PROJECTS, MAX_QUEUES, MAX_TOPICS
from infra.packaging import ROOT, Packager
from infra.reference import PAGE
from trueup.settings import FUNCTION_SETTINGS

pytestmark = pytest.mark.infra
# The longest names of Regions, of which one has the longest suffix as well.
PSEUDO = {
    "AWS::Region": "cn-northwest-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws-cn",
    "AWS::URLSuffix": "amazonaws.com.cn",
}
# Where CloudFormation cuts the names that it makes; 255 elsewhere.
LONGEST_NAMES = {
    "AWS::SQS::Queue": 80,
    "AWS::S3::Bucket": 63,
    "AWS::IAM::Role": 64,
    "AWS::StepFunctions::StateMachine": 80,
}
# What Ref answers instead of a name.
REFERENCES = {
    "AWS::KMS::Key": 36,
    "AWS::Cognito::UserPool": 24,
    "AWS::Cognito::UserPoolClient": 26,
    "AWS::ApiGatewayV2::Api": 10,
}
ATTRIBUTES = {"DomainName": 32, "RegionalDomainName": 110, "ApiEndpoint": 70}
TOPIC = "arn:aws-cn:sns:cn-northwest-1:123456789012:"
KEY = "arn:aws-cn:kms:cn-northwest-1:123456789012:key/"
ARN = "arn:aws-cn:elasticloadbalancing:cn-northwest-1:123456789012:statemachine/"


# What is labelled elsewhere, and needs functions for it.
ELSEWHERE: dict[str, Any] = {
    "label_schema": {"kind": "polygons", "classes": [{"name": "a"}]},
    "triggers": {"action": "notify"},
    "backend": "ground_truth",
    "ground_truth": {
        "workteam_arn": "arn:aws-cn:sagemaker:cn-northwest-1:123456789012:workteam/private-crowd/pets",
        "streaming": True,
    },
    "annotation": {},
}


class Deployed:
    """Templates with every value written out."""

    def __init__(self, folder: Path) -> None:
        self.texts = {each.name.split(".")[0]: each.read_text() for each in folder.glob("*.template.json")}
        self.templates: dict[str, dict[str, Any]] = {name: json.loads(each) for name, each in self.texts.items()}
        self._exports = {
            each["Export"]["Name"]: (stack, each["Value"])
            for stack, template in self.templates.items()
            for each in template.get("Outputs", {}).values()
            if "Export" in each
        }

    def resources(self, kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for stack, template in self.templates.items():
            for name, each in template["Resources"].items():
                if each["Type"] == kind:
                    yield stack, name, each["Properties"]

    def text(self, stack: str, value: Any) -> str:
        if not isinstance(value, dict):
            return str(value)
        ((intrinsic, argument),) = value.items()
        if intrinsic == "Ref":
            return PSEUDO.get(argument) or self._reference(stack, argument)
        if intrinsic == "Fn::GetAtt":
            return "x" * ATTRIBUTES.get(argument[1], len(ARN) + len(self._name(stack, argument[0])))
        if intrinsic == "Fn::Join":
            return str(argument[0].join(self.text(stack, each) for each in argument[1]))
        if intrinsic == "Fn::ImportValue":
            return self.text(*self._exports[argument])
        if intrinsic == "Fn::FindInMap":
            return PSEUDO["AWS::AccountId"]
        if intrinsic == "Fn::Sub":
            return re.sub(r"\$\{([^}]+)\}", lambda found: PSEUDO[found[1]], argument)
        raise AssertionError(f"{value} is not expected in {stack}")

    def document(self, stack: str, value: Any) -> Any:
        """A policy, for one, with its values written out."""
        if isinstance(value, list):
            return [self.document(stack, each) for each in value]
        if not isinstance(value, dict) or (len(value) == 1 and re.match(r"Ref|Fn::", next(iter(value)))):
            return self.text(stack, value)
        return {key: self.document(stack, each) for key, each in value.items()}

    def _name(self, stack: str, logical: str) -> str:
        """CloudFormation's own: stack, logical id and up to thirteen characters of chance."""
        kind = self.templates[stack]["Resources"][logical]["Type"]
        return f"{stack}-{logical}-1234567890123"[: LONGEST_NAMES.get(kind, 255)]

    def _reference(self, stack: str, logical: str) -> str:
        kind, name = self.templates[stack]["Resources"][logical]["Type"], self._name(stack, logical)
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.cn-northwest-1.amazonaws.com.cn/123456789012/{name}"
        if kind in ("AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"):
            return ARN + name
        return "x" * REFERENCES.get(kind, len(name))


class NoPackages(Packager):
    """One file for each function: what is in the packages is not what is measured."""

    def __init__(self, folder: Path) -> None:
        super().__init__("host", b"[]")
        self._folder = folder

    def archive(self, function: str) -> Path:
        (self._folder / "handler.py").write_text("")
        return self._folder


def longest_project(index: int) -> dict[str, Any]:
    last = index == MAX_PROJECTS - 1
    return {
        "name": f"p{index:02d}".ljust(32, "x"),
        "title": "x" * 100,
        "endpoint_name": f"e{index:02d}".ljust(63, "x"),
        "label_schema": {"classes": [{"name": "a"}, {"name": "b"}]},
        "sources": {
            "transform": True,
            "async_topics": [f"{TOPIC}{index:02d}{each}".ljust(len(TOPIC) + 256, "x") for each in range(MAX_TOPICS)],
            "buckets": [f"b{index:02d}{each}".ljust(63, "x") for each in range(MAX_BUCKETS)],
            "keys": [f"{KEY}{index:02d}{each}".ljust(len(KEY) + 36, "x") for each in range(MAX_KEYS)],
        },
        "consensus": {"overlap": 2, "max_overlap": 3},
        "label_studio": {"url": "https://labels.example.com", "secret": f"s{index:02d}".ljust(64, "x")},
        "lineage": {
            "openlineage": {
                "url": "https://m.example.com/".ljust(256, "x"),
                "secret": f"l{index:02d}".ljust(64, "x"),
                "namespace": "n" * 256,
            }
        },
        "annotation": {
            "models": [
                {"name": f"n{each}".ljust(32, "x"), "model_id": f"us.{(3 * index + each) % 10}".ljust(128, "x")}
                for each in range(MAX_MODELS)
            ],
            "queues": [
                {"name": f"q{each}".ljust(20, "x"), "reasons": ["audit"]}
                for each in range(MAX_QUEUES if index == 0 else 0)
            ],
        },
        **(ELSEWHERE if last else {}),
        "training": {"canary": {"alarm_names": [f"{each}".ljust(255, "x") for each in range(MAX_CANARY_ALARMS)]}},
    }


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    folder = tmp_path_factory.mktemp("limits")
    (folder / "package").mkdir()
    projects = [longest_project(index) for index in range(MAX_PROJECTS)]
    document = {"stage": "s" * 16, "alarm_email": "team@example.com", "projects": projects}
    context = {**json.loads((ROOT / "cdk.json").read_text())["context"], "trueup": document}
    app = App(context=context, outdir=str(folder / "out"))
    build(app, read_config(context), NoPackages(folder / "package"))
    app.synth()
    return Deployed(folder / "out")


def environment(deployed: Deployed, name: str) -> dict[str, str]:
    """The variables of one of our functions."""
    for stack, _, each in deployed.resources("AWS::Lambda::Function"):
        variables = each.get("Environment", {}).get("Variables", {})
        if variables.get("POWERTOOLS_SERVICE_NAME") == name:
            return {key: deployed.text(stack, value) for key, value in variables.items()}
    raise AssertionError(f"there is no function {name}")


@pytest.mark.parametrize("name", sorted(FUNCTION_SETTINGS))
def test_every_environment_fits_into_4_kb(name: str, deployed: Deployed) -> None:
    """Lambda measures the JSON text of the variables, in which the quotes of a value take two bytes."""
    assert len(_compact(environment(deployed, name))) <= 4096


def test_the_number_of_projects_is_what_the_environment_of_model_promote_holds(deployed: Deployed) -> None:
    """Each project takes its share of it; with room for one more left, the page tells these very figures."""
    promote = environment(deployed, "model_promote")
    size, alarms = len(_compact(promote)), len(_compact(promote["TRUEUP_ROLLBACK_ALARMS"]))
    share = alarms / MAX_PROJECTS
    assert 4096 - 2 * share < size < 4096 - share
    page = " ".join(PAGE.read_text().split())
    assert f"up to {share:.0f} bytes" in page
    assert f"beside {size - alarms} that are always there" in page
    urls = json.loads(environment(deployed, "annotation_api")["TRUEUP_ANNOTATION_QUEUE_URLS"])
    queues = json.dumps({name: url for name, url in urls.items() if "/" not in name}, separators=(",", ":"))
    assert f"({len(_compact(queues)) / MAX_PROJECTS:.0f} bytes a project)" in page


def test_every_template_fits_into_cloudformation(deployed: Deployed) -> None:
    for stack, template in deployed.templates.items():
        assert len(template["Resources"]) <= 500, stack
        assert len(template.get("Outputs", {})) <= 200, stack
        assert len(deployed.texts[stack].encode()) <= 1_000_000, stack


def test_every_parameter_fits_into_its_tier(deployed: Deployed) -> None:
    for stack, name, each in deployed.resources("AWS::SSM::Parameter"):
        limit = 8192 if each.get("Tier") == "Intelligent-Tiering" else 4096
        assert len(deployed.text(stack, each["Value"])) <= limit, name


def test_every_queue_policy_fits_into_sqs(deployed: Deployed) -> None:
    """docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html"""
    for stack, name, each in deployed.resources("AWS::SQS::QueuePolicy"):
        document = deployed.document(stack, each["PolicyDocument"])
        assert len(document["Statement"]) <= 20, name
        assert sum(len(statement.get("Condition", {})) for statement in document["Statement"]) <= 10, name
        assert len(json.dumps(document)) <= 8192, name


def test_every_role_fits_into_iam(deployed: Deployed) -> None:
    sizes: Counter[str] = Counter()
    for stack, _, each in deployed.resources("AWS::IAM::Policy"):
        document = _compact(deployed.document(stack, each["PolicyDocument"]))
        sizes.update({f"{stack} {role}": len(document) for role in each["Roles"]})
    assert max(sizes.values()) <= 10_240, sizes


def test_every_rule_fits_into_eventbridge(deployed: Deployed) -> None:
    for stack, name, each in deployed.resources("AWS::Events::Rule"):
        assert len(each["Targets"]) <= 5, name
        assert len(json.dumps(deployed.document(stack, each.get("EventPattern", {})))) <= 2048, name


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
