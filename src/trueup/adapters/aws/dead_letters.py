"""Dead-letter queues: what waits there, and bringing it back."""

from __future__ import annotations

from typing import Any

from trueup.adapters.aws.errors import translated

_BATCH = 10


class SqsDeadLetters:
    def __init__(self, client: Any) -> None:
        self._client = client

    def peek(self, url: str) -> int:
        """Approximate number of messages."""
        with translated(f"reading {url}"):
            answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def move(self, source: str, target: str) -> int:
        """Send each message to where it came from, then delete it here: a crash between doubles it, which every
        consumer bears, and never loses it."""
        moved = 0
        with translated(f"moving messages of {source}"):
            while True:
                answer = self._client.receive_message(QueueUrl=source, MaxNumberOfMessages=_BATCH, WaitTimeSeconds=1)
                messages = answer.get("Messages", [])
                if not messages:
                    return moved
                for each in messages:
                    self._client.send_message(QueueUrl=target, MessageBody=each["Body"])
                    self._client.delete_message(QueueUrl=source, ReceiptHandle=each["ReceiptHandle"])
                    moved += 1
