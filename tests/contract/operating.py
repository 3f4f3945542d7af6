"""The implementations of the ports that an operator's tools look through: the fakes, and the AWS adapters on moto."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import moto  # noqa: F401 - before any client is made, or moto does not see its calls
from botocore.exceptions import ClientError

from tests.contract.implementations import TABLE, clients_of_moto, create_table
from tests.worlds import NOW
from trueup.adapters.aws.dead_letters import SqsDeadLetters
from trueup.adapters.aws.failure_notes import DynamoFailureNotes
from trueup.adapters.aws.table import Table
from trueup.adapters.memory_operations import MemoryDeadLetters, MemoryFailureNotes
from trueup.ports import DeadLetter, DeadLetters, FailureNotes


@dataclass(frozen=True)
class Operating:
    """One implementation of each, and what a test needs to set it up and look behind it."""

    letters: DeadLetters
    notes: FailureNotes
    queue: Callable[[str], str]
    fill: Callable[[str, Sequence[str]], list[str]]
    waiting: Callable[[str], int]


def operating_in_memory() -> Operating:
    notes = MemoryFailureNotes()
    letters = MemoryDeadLetters(notes)

    def fill(queue: str, bodies: Sequence[str]) -> list[str]:
        made = [DeadLetter(message_id=f"{queue}-{body}", body=body, reason="untold", sent_at=NOW) for body in bodies]
        letters.put(queue, made)
        return [each.message_id for each in made]

    return Operating(letters=letters, notes=notes, queue=lambda name: name, fill=fill, waiting=letters.count)


class NoMoves:
    """moto's SQS knows no message move tasks, and says so in its own way; emulators and some queues in AWS's."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def start_message_move_task(self, **_: str) -> None:
        raise ClientError({"Error": {"Code": "UnsupportedOperation", "Message": "no"}}, "StartMessageMoveTask")


def operating_on_aws() -> Operating:
    """To be called with moto's mock_aws in force."""
    clients = clients_of_moto()
    sqs = clients["sqs"]
    create_table(clients["dynamodb"])
    notes = DynamoFailureNotes(Table(clients["dynamodb"], TABLE))

    def fill(queue: str, bodies: Sequence[str]) -> list[str]:
        return [sqs.send_message(QueueUrl=queue, MessageBody=each)["MessageId"] for each in bodies]

    return Operating(
        letters=SqsDeadLetters(NoMoves(sqs), notes),
        notes=notes,
        queue=lambda name: str(sqs.create_queue(QueueName=name)["QueueUrl"]),
        fill=fill,
        waiting=lambda queue: _messages(sqs, queue),
    )


def _messages(sqs: Any, queue: str) -> int:
    """Hidden ones included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(each) for each in attributes.values())
