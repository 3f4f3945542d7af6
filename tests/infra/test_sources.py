"""Captures that no endpoint writes: what is deployed for them, where a project wants it, and what it may do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.synthesized import Synthesized

pytestmark = pytest.mark.infra
TOPIC = "arn:aws:sns:us-east-1:123456789012:told"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SOURCES: dict[str, dict[str, Any]] = {
    "digits": {"transform": True, "buckets": ["batch-in", "batch-out"], "keys": [KEY]},
    "tickets": {"async_topics": [TOPIC, TOPIC + "-errors"], "buckets": ["answers"]},
}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return Synthesized(tmp_path_factory.mktemp("both"), {name: {"sources": each} for name, each in SOURCES.items()})


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return Synthesized(tmp_path_factory.mktemp("messages"), {"tickets": {"sources": SOURCES["tickets"]}})


@pytest.fixture(scope="module")
def neither(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return Synthesized(tmp_path_factory.mktemp("neither"), {})


def patterns(deployed: Synthesized) -> dict[str, Any]:
    rules = {name: deployed.resources("AWS::Events::Rule", name) for name in ("CaptureFileCreated", "ManifestWritten")}
    return {
        name: each["EventPattern"]["detail"].get("object", {}).get("key")
        for name, found in rules.items()
        for each in found
    }


def statements(deployed: Synthesized) -> Iterator[dict[str, Any]]:
    for policy in deployed.resources("AWS::IAM::Policy", "CaptureTranslate"):
        yield from policy["PolicyDocument"]["Statement"]


def test_cdk_nag_has_no_open_finding(both: Synthesized) -> None:
    assert both.findings() == []


def test_manifests_and_capture_files_go_different_ways(both: Synthesized) -> None:
    assert patterns(both) == {
        "CaptureFileCreated": [{"anything-but": {"suffix": ".json"}}],
        "ManifestWritten": [{"suffix": ".json"}],
    }


def test_nothing_passes_unread_where_nobody_reads_manifests(messages: Synthesized, neither: Synthesized) -> None:
    assert patterns(messages) == {"CaptureFileCreated": None}
    assert patterns(neither) == {"CaptureFileCreated": None}


def test_who_wants_no_sources_pays_for_none(neither: Synthesized) -> None:
    assert neither.resources("AWS::Lambda::Function", "CaptureTranslate") == []
    assert neither.resources("AWS::SQS::Queue", "Translation") == []
    assert neither.resources("AWS::CloudWatch::Alarm", "translate", stack="operations") == []


def test_topics_reach_the_queue_with_the_projects_endpoint_alone(both: Synthesized) -> None:
    subscriptions = both.resources("AWS::SNS::Subscription")
    assert sorted(each["TopicArn"] for each in subscriptions) == [TOPIC, TOPIC + "-errors"]
    for each in subscriptions:
        assert (each["Protocol"], each["RawMessageDelivery"], each["FilterPolicyScope"]) == ("sqs", True, "MessageBody")
        endpoint = {"endpointName": [{"equals-ignore-case": "tickets"}]}
        assert each["FilterPolicy"] == {"requestParameters": endpoint}
        assert "DeadLetters" in json.dumps(each["RedrivePolicy"])


def test_topics_of_this_account_alone_may_send(both: Synthesized) -> None:
    policies = both.resources("AWS::SQS::QueuePolicy", "Translation")
    assert len(policies) == 2
    for policy in policies:
        (ours,) = [
            each
            for each in policy["PolicyDocument"]["Statement"]
            if each["Principal"] == {"Service": "sns.amazonaws.com"}
        ]
        source = json.dumps(ours["Condition"]["ArnLike"]["aws:SourceArn"])
        assert ":sns:" in source
        assert "AWS::AccountId" in source


def test_it_reads_the_named_buckets_and_writes_capture_files(both: Synthesized) -> None:
    objects = {
        action: json.dumps([each["Resource"] for each in statements(both) if action in each["Action"]])
        for action in ("s3:GetObject", "s3:PutObject", "kms:Decrypt", "sqs:SendMessage", "dynamodb:PutItem")
    }
    for name in ("answers", "batch-in", "batch-out"):
        assert f":s3:::{name}/*" in objects["s3:GetObject"]
    assert objects["s3:GetObject"].count("/*") == 4
    assert objects["s3:PutObject"].count("/*.jsonl") == 1
    assert KEY in objects["kms:Decrypt"]
    assert "Sources" in objects["sqs:SendMessage"]
    assert [each for each in statements(both) if each["Resource"] == "*"] == [
        {"Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "Effect": "Allow", "Resource": "*"}
    ]


def test_its_queue_and_errors_ring(both: Synthesized) -> None:
    alarms = both.templates["operations"]["Resources"]
    names = {name for name, each in alarms.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    assert {
        each
        for each in ("Stucktranslate", "Agetranslate", "Errorscapturetranslate")
        if any(each in name for name in names)
    } == {"Stucktranslate", "Agetranslate", "Errorscapturetranslate"}


def test_a_message_returns_well_after_the_function_times_out(both: Synthesized) -> None:
    (function,) = both.resources("AWS::Lambda::Function", "CaptureTranslate")
    queues = both.resources("AWS::SQS::Queue", "TranslationSourcesQueue")
    assert [each["VisibilityTimeout"] for each in queues] == [6 * function["Timeout"]]
    assert queues[0]["RedrivePolicy"]["maxReceiveCount"] == 5
    assert queues[0]["KmsMasterKeyId"]
