"""Each consumer, run as Lambda runs it, leaves the reason of a failure where `trueup redrive` shows it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from moto import mock_aws

from tests.contract.implementations import TABLE, clients_of_moto, create_table, items_of
from tests.worlds import NOW
from trueup.adapters.aws.dead_letters import SqsDeadLetters
from trueup.adapters.aws.failure_notes import DynamoFailureNotes
from trueup.adapters.aws.table import Table
from trueup.ports import FailureNote
from trueup.settings import FUNCTION_SETTINGS

QUEUE_CONSUMERS = (
    "backend_sync",
    "capture_ingest",
    "capture_translate",
    "consensus_settle",
    "dataset_collect",
    "dataset_commit",
    "lineage_emit",
    "model_promote",
    "retrain_decide",
)
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 1000)


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = clients_of_moto()["dynamodb"]
        create_table(client)
        yield client


def environment(name: str) -> dict[str, str]:
    """The settings of a function, with nothing behind them but the table."""
    kind = FUNCTION_SETTINGS[name]
    values = {each.name: "x" if each.type is str else {} for each in msgspec.structs.fields(kind) if each.required}
    return msgspec.convert({**values, "table_name": TABLE}, kind).to_env()


@pytest.fixture
def run(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    ran = []

    def call(name: str, event: dict[str, Any]) -> Any:
        for variable, value in environment(name).items():
            monkeypatch.setenv(variable, value)
        module = importlib.import_module(f"functions.{name}.handler")
        ran.append(module)
        return module.handler(event, CONTEXT)

    yield call
    for each in ran:
        each._note.cache_clear()


def notes(dynamodb: Any) -> DynamoFailureNotes:
    return DynamoFailureNotes(Table(dynamodb, TABLE))


@pytest.mark.parametrize("name", QUEUE_CONSUMERS)
def test_a_message_that_cannot_be_processed_is_noted_by_its_consumer(dynamodb: Any, run: Any, name: str) -> None:
    message = {"messageId": "m1", "body": "not JSON", "eventSource": "aws:sqs"}
    assert run(name, {"Records": [message]}) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    note = notes(dynamodb).find(["m1"])["m1"]
    assert note.function == name
    assert "Error: " in note.reason


def test_an_event_that_cannot_be_published_is_noted(dynamodb: Any, run: Any) -> None:
    change = {"Keys": {"pk": {"S": "EVENT#e1"}}, "SequenceNumber": "111"}
    run("event_publish", {"Records": [{"eventID": "r1", "eventName": "INSERT", "dynamodb": change}]})
    assert notes(dynamodb).find(["111"])["111"].reason == "KeyError: 'NewImage'"


def test_a_file_that_no_project_owns_says_so_in_its_dead_letter(dynamodb: Any, run: Any) -> None:
    sqs = clients_of_moto()["sqs"]
    dead = sqs.create_queue(QueueName="ingest-dead")["QueueUrl"]
    key = "dogs/no-endpoint.jsonl"
    body = json.dumps({"detail": {"bucket": {"name": "captures"}, "object": {"key": key}}})
    name = sqs.send_message(QueueUrl=dead, MessageBody=body)["MessageId"]
    run("capture_ingest", {"Records": [{"messageId": name, "body": body, "eventSource": "aws:sqs"}]})
    (letter,) = SqsDeadLetters(sqs, notes(dynamodb)).peek(dead, 1)
    assert letter.reason.startswith("capture_ingest: CaptureError: s3://captures/dogs/no-endpoint.jsonl: not a capture")


def test_a_note_outlives_every_dead_letter_and_then_goes(dynamodb: Any) -> None:
    notes(dynamodb).keep(FailureNote(name="m1", function="capture_ingest", reason="KeyError: 'x'", at=NOW))
    (item,) = items_of(dynamodb)
    assert int(item["expires_at"]["N"]) == (NOW + timedelta(days=15)).timestamp()
