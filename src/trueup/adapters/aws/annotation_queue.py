"""SQS annotation queues: one message per free slot of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from trueup.adapters.aws.errors import code_of, translated
from trueup.errors import NotFoundError, RetryableError, ServiceError
from trueup.model import Record
from trueup.ports import AnnotationQueue, Slot

_BATCH = 10
_ATTEMPTS = 3
_GONE = frozenset(
    {
        "ReceiptHandleIsInvalid",
        "InvalidParameterValue",
        "AWS.SimpleQueueService.MessageNotInflight",
        "MessageNotInflight",
    }
)


class _Invitation(Record, frozen=True, kw_only=True):
    task_id: str


class SqsAnnotationQueue(AnnotationQueue):
    """`urls` maps project to queue URL. A message that is no invitation is left to the queue's redrive policy."""

    def __init__(self, client: Any, urls: Mapping[str, str], wait_seconds: int = 1) -> None:
        self._client = client
        self._urls = urls
        self._wait_seconds = wait_seconds

    def send(self, project: str, task_ids: Sequence[str]) -> None:
        for start in range(0, len(task_ids), _BATCH):
            self._send(project, task_ids[start : start + _BATCH])

    def _send(self, project: str, task_ids: Sequence[str], delay: int = 0) -> None:
        entries = [_entry(index, each, delay) for index, each in enumerate(task_ids)]
        for _ in range(_ATTEMPTS):
            with translated(f"sending {len(entries)} messages to the annotation queue of {project}"):
                answer = self._client.send_message_batch(QueueUrl=self._url(project), Entries=entries)
            refused = {each["Id"]: each for each in answer.get("Failed", [])}
            entries = [each for each in entries if each["Id"] in refused]
            if not entries:
                return
            ours = [each for each in refused.values() if each.get("SenderFault")]
            if ours:
                raise ServiceError(f"the annotation queue of {project} refused a message: {ours[0].get('Message')}")
        raise RetryableError(f"{len(entries)} messages were refused by the annotation queue of {project}")

    def receive(self, project: str, limit: int, hold_seconds: int) -> list[Slot]:
        with translated(f"receiving from the annotation queue of {project}"):
            answer = self._client.receive_message(
                QueueUrl=self._url(project),
                MaxNumberOfMessages=limit,
                VisibilityTimeout=hold_seconds,
                WaitTimeSeconds=self._wait_seconds,
            )
        slots = [_slot(each) for each in answer.get("Messages", [])]
        return [each for each in slots if each is not None]

    def hold(self, project: str, receipt: str, seconds: int) -> None:
        with translated(f"holding a message of {project}"):
            try:
                self._client.change_message_visibility(
                    QueueUrl=self._url(project), ReceiptHandle=receipt, VisibilityTimeout=seconds
                )
            except ClientError as error:
                if code_of(error) not in _GONE:
                    raise

    def give_back(self, project: str, slot: Slot, delay_seconds: int = 0) -> None:
        """A new message first, then the old one goes: made visible again instead, it would count as a failed
        delivery and end in the dead-letter queue of a task that is merely unpopular."""
        self._send(project, [slot.task_id], delay_seconds)
        self.done(project, slot.receipt)

    def done(self, project: str, receipt: str) -> None:
        with translated(f"deleting a message of {project}"):
            try:
                self._client.delete_message(QueueUrl=self._url(project), ReceiptHandle=receipt)
            except ClientError as error:
                if code_of(error) not in _GONE:
                    raise

    def depth(self, project: str) -> int:
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        with translated(f"reading the annotation queue of {project}"):
            answer = self._client.get_queue_attributes(QueueUrl=self._url(project), AttributeNames=names)
        return sum(int(answer["Attributes"].get(each, 0)) for each in names)

    def _url(self, project: str) -> str:
        if project not in self._urls:
            raise NotFoundError(f"project {project} has no annotation queue")
        return self._urls[project]


def _entry(index: int, task_id: str, delay: int) -> dict[str, Any]:
    body = msgspec.json.encode(_Invitation(task_id=task_id)).decode()
    return {"Id": str(index), "MessageBody": body, "DelaySeconds": delay}


def _slot(message: Mapping[str, Any]) -> Slot | None:
    try:
        invitation = msgspec.json.decode(message["Body"], type=_Invitation)
    except msgspec.DecodeError:
        return None
    return Slot(task_id=invitation.task_id, receipt=message["ReceiptHandle"])
