"""Dead letters on SQS as moto plays it, and where SQS refuses to move them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from trueup.adapters.aws.dead_letters import SqsDeadLetters
from trueup.adapters.memory_operations import MemoryFailureNotes
from trueup.errors import NotFoundError, PermissionDeniedError, RetryableError
from trueup.ports import FailureNote, Move

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
UNTOLD = "its consumer left no reason on any delivery (it died or ran out of time): see the function's log"


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield boto3.client("sqs", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def queues(sqs: Any) -> tuple[str, str]:
    return sqs.create_queue(QueueName="dead")["QueueUrl"], sqs.create_queue(QueueName="live")["QueueUrl"]


def bodies(sqs: Any, url: str) -> list[str]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return sorted(each["Body"] for each in answer.get("Messages", []))


class Refusing:
    """An SQS that knows no message move tasks."""

    def __init__(self, client: Any, code: str) -> None:
        self._client = client
        self._code = code

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def start_message_move_task(self, **_: str) -> None:
        raise ClientError({"Error": {"Code": self._code, "Message": "no"}}, "StartMessageMoveTask")


class Moving:
    """An SQS whose move task ends as told."""

    def __init__(self, client: Any, ends: list[dict[str, Any]]) -> None:
        self._client = client
        self._ends = ends
        self.started: list[dict[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def start_message_move_task(self, **request: str) -> dict[str, str]:
        self.started.append(request)
        return {"TaskHandle": "h"}

    def list_message_move_tasks(self, **_: Any) -> dict[str, Any]:
        return {"Results": [self._ends.pop(0)]}


@pytest.mark.slow
def test_peeking_takes_nothing(sqs: Any, queues: tuple[str, str]) -> None:
    dead, _ = queues
    for number in range(3):
        sqs.send_message(QueueUrl=dead, MessageBody=str(number))
    letters = SqsDeadLetters(sqs, wait_seconds=0)
    assert letters.count(dead) == 3
    assert sorted(each.body for each in letters.peek(dead, 10)) == ["0", "1", "2"]
    assert len(letters.peek(dead, 2)) == 2
    assert bodies(sqs, dead) == ["0", "1", "2"]


@pytest.mark.slow
def test_messages_are_copied_where_sqs_moves_nothing(sqs: Any, queues: tuple[str, str]) -> None:
    dead, live = queues
    for number in range(12):
        sqs.send_message(QueueUrl=dead, MessageBody=f"{number:02}")
    move = SqsDeadLetters(Refusing(sqs, "UnsupportedOperation"), wait_seconds=0).move(dead, live)
    assert move == Move(messages=12, how="copy")
    assert bodies(sqs, dead) == []
    assert SqsDeadLetters(sqs).count(live) == 12


def test_other_refusals_are_told(sqs: Any, queues: tuple[str, str]) -> None:
    with pytest.raises(RetryableError):
        SqsDeadLetters(Refusing(sqs, "ThrottlingException")).move(*queues)


def test_sqs_moves_them_itself(sqs: Any, queues: tuple[str, str]) -> None:
    client = Moving(sqs, [{"Status": "RUNNING"}, {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": 7}])
    assert SqsDeadLetters(client, poll_seconds=0).move(*queues) == Move(messages=7, how="task")
    assert {each.rsplit(":", 1)[-1] for each in client.started[0].values()} == {"dead", "live"}


def test_a_move_that_fails_is_told_with_its_reason(sqs: Any, queues: tuple[str, str]) -> None:
    client = Moving(sqs, [{"Status": "FAILED", "FailureReason": "AccessDenied"}])
    with pytest.raises(RetryableError, match="AccessDenied"):
        SqsDeadLetters(client, poll_seconds=0).move(*queues)


@pytest.mark.slow
def test_reasons_come_from_where_each_service_puts_them(sqs: Any, queues: tuple[str, str]) -> None:
    dead, _ = queues
    letters = SqsDeadLetters(sqs, wait_seconds=0)
    stream = {**failed("event_publish", "RetryAttemptsExhausted"), "DDBStreamBatchInfo": {"batchSize": 4}}
    call = {
        **failed("retraining_conclude:$LATEST", "RetriesExhausted"),
        "responsePayload": {"errorType": "NotFoundError", "errorMessage": "there is no run v1"},
    }
    messages: list[tuple[str, dict[str, str], str]] = [
        ("{}", {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "not allowed"}, "NO_PERMISSIONS: not allowed"),
        ("{}", {"ErrorCode": "200", "ErrorMessage": "KeyError: 'x'"}, "200: KeyError: 'x'"),
        (json.dumps(stream), {}, "event_publish: RetryAttemptsExhausted, 4 records of the table's stream"),
        (json.dumps(call), {}, "retraining_conclude: RetriesExhausted, NotFoundError: there is no run v1"),
        (json.dumps(failed("f", "EventAgeExceeded")), {}, "f: EventAgeExceeded"),
        ("not JSON", {}, UNTOLD),
        ("[]", {}, UNTOLD),
        ('{"requestContext": 5, "DDBStreamBatchInfo": 5}', {}, UNTOLD),
    ]
    for body, attributes, reason in messages:
        named = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        sqs.send_message(QueueUrl=dead, MessageBody=body, MessageAttributes=named)
        (letter,) = letters.peek(dead, 1)
        assert letter.reason == reason
        assert letter.sent_at is not None
        _empty(sqs, dead)


def test_a_batch_of_the_stream_says_what_was_noted_of_its_first_record(sqs: Any, queues: tuple[str, str]) -> None:
    notes = MemoryFailureNotes()
    notes.keep(FailureNote(name="111", function="event_publish", reason="RetryableError: refused", at=NOW))
    batch = {"startSequenceNumber": "111", "endSequenceNumber": "999", "batchSize": 4}
    body = {**failed("event_publish", "RetryAttemptsExhausted"), "DDBStreamBatchInfo": batch}
    sqs.send_message(QueueUrl=queues[0], MessageBody=json.dumps(body))
    (letter,) = SqsDeadLetters(sqs, notes).peek(queues[0], 1)
    assert letter.reason == "event_publish: RetryableError: refused"


def test_letters_are_shown_to_who_may_not_read_the_notes(sqs: Any, queues: tuple[str, str]) -> None:
    class Locked(MemoryFailureNotes):
        def find(self, names: Sequence[str]) -> Mapping[str, FailureNote]:
            raise PermissionDeniedError("no dynamodb:BatchGetItem")

    sqs.send_message(QueueUrl=queues[0], MessageBody="{}")
    (letter,) = SqsDeadLetters(sqs, Locked()).peek(queues[0], 1)
    assert letter.reason == UNTOLD


def failed(function: str, condition: str) -> dict[str, Any]:
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
    return {"requestContext": {"functionArn": arn, "condition": condition}}


def _empty(sqs: Any, url: str) -> None:
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_a_queue_that_is_not_there(sqs: Any, queues: tuple[str, str]) -> None:
    with pytest.raises(NotFoundError, match="missing"):
        SqsDeadLetters(sqs).count(queues[0].replace("dead", "missing"))
