"""What a function says when it fails, on the way from its error to whoever looks at the dead letters."""

from __future__ import annotations

from typing import Any

import pytest
from aws_lambda_powertools import Logger

from tests.worlds import NOW
from trueup.adapters.memory import FixedClock
from trueup.adapters.memory_operations import MemoryFailureNotes
from trueup.errors import CaptureError
from trueup.observability import process_messages, process_stream
from trueup.usecases.note_failure import NoteFailure

LOGGER = Logger(service="test")


@pytest.fixture
def notes() -> MemoryFailureNotes:
    return MemoryFailureNotes()


def noting(notes: MemoryFailureNotes) -> NoteFailure:
    return NoteFailure(notes=notes, clock=FixedClock(NOW), function="capture_ingest")


def message(name: str, body: str) -> dict[str, Any]:
    return {"messageId": name, "body": body, "eventSource": "aws:sqs"}


def picky(record: Any) -> None:
    if record.body == "bad":
        raise CaptureError("no project is named 'dogs'")


def test_only_the_message_that_fails_is_noted_and_comes_again(notes: MemoryFailureNotes) -> None:
    event = {"Records": [message("m1", "good"), message("m2", "bad")]}
    answer = process_messages(event, picky, LOGGER, lambda: noting(notes))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    (note,) = notes.find(["m1", "m2"]).values()
    assert (note.name, note.function, note.at) == ("m2", "capture_ingest", NOW)
    assert note.reason == "CaptureError: no project is named 'dogs'"


def test_a_stream_record_is_noted_under_its_sequence_number(notes: MemoryFailureNotes) -> None:
    def fail(_: object) -> None:
        raise KeyError("NewImage")

    record = {"eventID": "e1", "eventName": "INSERT", "dynamodb": {"Keys": {}, "SequenceNumber": "111"}}
    answer = process_stream({"Records": [record]}, fail, LOGGER, lambda: noting(notes))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "111"}]}
    assert notes.find(["111"])["111"].reason == "KeyError: 'NewImage'"


def test_a_note_that_cannot_be_kept_changes_nothing_for_the_message() -> None:
    def unable() -> NoteFailure:
        raise RuntimeError("no table")

    event = {"Records": [message("m1", "good"), message("m2", "bad")]}
    answer = process_messages(event, picky, LOGGER, unable)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m2"}]}


def test_nothing_is_built_for_a_note_while_nothing_fails() -> None:
    def never() -> NoteFailure:
        raise AssertionError("built")

    assert process_messages({"Records": [message("m1", "good")]}, picky, LOGGER, never) == {"batchItemFailures": []}


@pytest.mark.parametrize("text", ["x" * 100_000, "half \ud800 a pair"])
def test_any_error_becomes_a_note_that_can_be_stored(notes: MemoryFailureNotes, text: str) -> None:
    noting(notes)("m1", ValueError(text))
    reason = notes.find(["m1"])["m1"].reason
    assert 0 < len(reason.encode()) <= 1000
