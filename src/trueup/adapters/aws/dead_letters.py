"""SQS dead-letter queues: what waits there and why, and bringing it back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from trueup.adapters.aws.errors import code_of, translated
from trueup.errors import NotFoundError, RetryableError, TrueupError
from trueup.ports import DeadLetter, DeadLetters, Drained, FailureNote, FailureNotes, Move

_BATCH = 10
_PEEK_SECONDS = 10
_WORK_SECONDS = 300
_MOVE_SECONDS = 120
_UNTOLD = "its consumer left no reason on any delivery (it died or ran out of time): see the function's log"
# What SQS or an emulator answers when it will not run a message move task for this pair of queues.
_NO_MOVE = frozenset(
    {
        "AWS.SimpleQueueService.UnsupportedOperation",
        "InvalidAction",
        "InvalidParameterValue",
        "ResourceNotFoundException",
        "UnknownOperationException",
        "UnsupportedOperation",
    }
)


class SqsDeadLetters(DeadLetters):
    """`notes` are what consumers said of their failures; `poll_seconds` is how often a running move task is looked
    at, and `wait_seconds` how long a queue is waited for that seems to hold nothing: SQS asks all its hosts then."""

    def __init__(
        self, client: Any, notes: FailureNotes | None = None, poll_seconds: float = 1.0, wait_seconds: int = 1
    ) -> None:
        self._client = client
        self._notes = notes
        self._poll_seconds = poll_seconds
        self._wait_seconds = wait_seconds

    def count(self, queue: str) -> int:
        return int(self._attributes(queue).get("ApproximateNumberOfMessages", 0))

    def peek(self, queue: str, limit: int) -> list[DeadLetter]:
        """Received and made visible again: SQS has no other way to read a message."""
        found: dict[str, Mapping[str, Any]] = {}
        while len(found) < limit:
            messages = self._receive(queue, min(_BATCH, limit - len(found)))
            found |= {each["MessageId"]: each for each in messages}
            if not messages:
                break
        self._release(queue, list(found.values()))
        return self._letters(list(found.values()))

    def move(self, queue: str, to: str) -> Move:
        source, target = self._arn(queue), self._arn(to)
        with translated(f"moving the messages of {_name(queue)}"):
            try:
                self._client.start_message_move_task(SourceArn=source, DestinationArn=target)
            except ClientError as error:
                if code_of(error) not in _NO_MOVE:
                    raise
                return Move(messages=self._copy(queue, to), how="copy")
        return Move(messages=self._await(queue, source), how="task")

    def _letters(self, messages: list[Mapping[str, Any]]) -> list[DeadLetter]:
        notes = self._noted([_noted_as(each) for each in messages])
        return [_letter(each, notes.get(_noted_as(each))) for each in messages]

    def _noted(self, names: list[str]) -> Mapping[str, FailureNote]:
        """Letters are shown even to somebody who may not read the table."""
        try:
            return self._notes.find(names) if self._notes else {}
        except TrueupError:
            return {}

    def _await(self, queue: str, source: str) -> int:
        deadline = time.monotonic() + _MOVE_SECONDS
        while time.monotonic() < deadline:
            with translated(f"watching the messages of {_name(queue)} move"):
                task = self._client.list_message_move_tasks(SourceArn=source, MaxResults=1)["Results"][0]
            if task["Status"] == "COMPLETED":
                return int(task.get("ApproximateNumberOfMessagesMoved", 0))
            if task["Status"] in ("FAILED", "CANCELLED"):
                why = task.get("FailureReason", "no reason given")
                raise RetryableError(f"moving the messages of {_name(queue)} {task['Status'].lower()}: {why}")
            time.sleep(self._poll_seconds)
        raise RetryableError(f"the messages of {_name(queue)} are still moving after {_MOVE_SECONDS} s")

    def _copy(self, queue: str, to: str) -> int:
        """Sent first and deleted then: a crash between doubles a message, which consumers bear, and loses none.
        Messages count once, so that one which fails again meanwhile does not come round for ever."""
        seen: set[str] = set()
        while messages := [each for each in self._receive(queue, _BATCH) if each["MessageId"] not in seen]:
            for each in messages:
                self._client.send_message(QueueUrl=to, MessageBody=each["Body"])
                self._client.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
                seen.add(each["MessageId"])
        return len(seen)

    def drain(self, queue: str, work: Callable[[DeadLetter], None]) -> Drained:
        """What stays is hidden until the end, so that it comes round once."""
        done = 0
        kept: list[tuple[DeadLetter, Mapping[str, Any]]] = []
        while messages := self._receive(queue, 1, _WORK_SECONDS):
            (letter,) = self._letters(messages)
            if letter.message_id in {each.message_id for each, _ in kept}:
                break
            try:
                work(letter)
            except TrueupError as error:
                kept.append((msgspec.structs.replace(letter, reason=str(error)), messages[0]))
                continue
            self._delete(queue, messages[0])
            done += 1
        self._release(queue, [message for _, message in kept])
        return Drained(done=done, kept=tuple(letter for letter, _ in kept))

    def _delete(self, queue: str, message: Mapping[str, Any]) -> None:
        with translated(f"deleting a message of {_name(queue)}"):
            self._client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    def _receive(self, queue: str, limit: int, seconds: int = _PEEK_SECONDS) -> list[Mapping[str, Any]]:
        with translated(f"reading {_name(queue)}"):
            answer = self._client.receive_message(
                QueueUrl=queue,
                MaxNumberOfMessages=limit,
                VisibilityTimeout=seconds,
                WaitTimeSeconds=self._wait_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
                MessageAttributeNames=["All"],
            )
        messages: list[Mapping[str, Any]] = answer.get("Messages", [])
        return messages

    def _release(self, queue: str, messages: list[Mapping[str, Any]]) -> None:
        with translated(f"releasing the messages of {_name(queue)}"):
            for each in messages:
                self._client.change_message_visibility(
                    QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0
                )

    def _arn(self, queue: str) -> str:
        arn = self._attributes(queue).get("QueueArn")
        if not arn:
            raise NotFoundError(f"the queue {_name(queue)} has no ARN")
        return arn

    def _attributes(self, queue: str) -> Mapping[str, str]:
        with translated(f"reading {_name(queue)}"):
            answer = self._client.get_queue_attributes(
                QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages", "QueueArn"]
            )
        attributes: Mapping[str, str] = answer.get("Attributes", {})
        return attributes


def _noted_as(message: Mapping[str, Any]) -> str:
    """A batch of the stream is noted under the record that it failed at, which is its first."""
    batch = _document(message["Body"]).get("DDBStreamBatchInfo")
    first = batch.get("startSequenceNumber") if isinstance(batch, dict) else None
    return str(first or message["MessageId"])


def _letter(message: Mapping[str, Any], note: FailureNote | None) -> DeadLetter:
    sent = message.get("Attributes", {}).get("SentTimestamp")
    return DeadLetter(
        message_id=message["MessageId"],
        body=message["Body"],
        reason=f"{note.function}: {note.reason}" if note else _reason(message),
        sent_at=datetime.fromtimestamp(int(sent) / 1000, UTC) if sent else None,
    )


def _reason(message: Mapping[str, Any]) -> str:
    """EventBridge puts the reason into attributes, Lambda into the body; SQS itself only moves a message that was
    received too often."""
    attributes = {name: each.get("StringValue", "") for name, each in message.get("MessageAttributes", {}).items()}
    for code, text in (("ERROR_CODE", "ERROR_MESSAGE"), ("ErrorCode", "ErrorMessage")):
        if code in attributes:
            return f"{attributes[code]}: {attributes.get(text, '')}".rstrip(": ")
    return _invocation_reason(_document(message["Body"])) or _UNTOLD


def _invocation_reason(document: Mapping[str, Any]) -> str:
    """Empty when the message is no record of a failed invocation."""
    context = document.get("requestContext")
    if not isinstance(context, dict) or "functionArn" not in context:
        return ""
    function = f"{_function(str(context['functionArn']))}: {context.get('condition', 'failed')}"
    if isinstance(document.get("DDBStreamBatchInfo"), dict):
        return f"{function}, {document['DDBStreamBatchInfo'].get('batchSize', 'some')} records of the table's stream"
    error = document.get("responsePayload")
    if isinstance(error, dict) and error.get("errorMessage"):
        return f"{function}, {error.get('errorType', 'Error')}: {error['errorMessage']}"
    return function


def _document(body: str) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _function(arn: str) -> str:
    """The name in arn:aws:lambda:<region>:<account>:function:<name>[:<qualifier>]."""
    return arn.partition(":function:")[2].partition(":")[0] or arn


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]
