"""redrive, with and without touching."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.unit.cli.conftest import FakeDeployed, Terminal, check_golden
from trueup.errors import NotFoundError
from trueup.ports import DeadLetter

LETTER = DeadLetter(
    message_id="m1",
    body='{"detail": {"object": {"key": "pets/pets/AllTraffic/2026/11/24/09/a.jsonl"}}}',
    reason="AccessDenied: not allowed to read",
    sent_at=datetime(2026, 11, 24, 9, tzinfo=UTC),
)


@pytest.fixture
def failed(place: FakeDeployed) -> FakeDeployed:
    place.letters.put("https://sqs/ingest-dead", [LETTER])
    place.letters.put("https://sqs/annotation-pets-dead", [LETTER])
    place.letters.put("https://sqs/failures-dead", [LETTER])
    return place


def test_a_dry_run_shows_the_reasons_and_touches_nothing(trueup: Terminal, failed: FakeDeployed) -> None:
    check_golden("redrive-dry-run", trueup.json("redrive", "--dry-run"))
    result = trueup("redrive", "--dry-run")
    assert result.exit_code == 0
    assert "AccessDenied: not allowed to read" in result.stdout
    assert "empty: backend, commit, decide, feedback, promote, settle" in result.stdout
    assert failed.letters.moved == []
    assert failed.replays.replayed == []


def test_messages_go_back_where_they_belong(trueup: Terminal, failed: FakeDeployed) -> None:
    said = {each["queue"]: each for each in trueup.json("redrive")}
    assert failed.letters.moved == [
        ("m1", "https://sqs/annotation-pets-dead", "https://sqs/annotation-pets"),
        ("m1", "https://sqs/ingest-dead", "https://sqs/ingest"),
    ]
    assert (said["ingest"]["moved"], said["ingest"]["how"]) == (1, "task")
    assert failed.replays.replayed == ["m1"]
    assert (said["failures"]["moved"], said["failures"]["how"], said["failures"]["kept"]) == (1, "call", [])


def test_a_call_that_cannot_be_made_again_stays_and_says_why(trueup: Terminal, failed: FakeDeployed) -> None:
    failed.replays.refuse["m1"] = NotFoundError("the stream no longer holds the records from 111")
    result = trueup("redrive", "failures")
    assert "0 called again" in result.stdout
    assert "m1 stays: the stream no longer holds the records from 111" in result.stdout
    assert failed.letters.count("https://sqs/failures-dead") == 1
    assert trueup.json("redrive", "failures")[0]["kept"][0]["message_id"] == "m1"


def test_one_queue_alone(trueup: Terminal, failed: FakeDeployed) -> None:
    result = trueup("redrive", "ingest")
    assert "1 brought back by SQS" in result.stdout
    assert [each[1] for each in failed.letters.moved] == ["https://sqs/ingest-dead"]


def test_an_unknown_queue_names_those_there_are(trueup: Terminal) -> None:
    result = trueup("redrive", "nowhere")
    assert result.exit_code == 4
    assert "annotation-pets, backend, commit" in result.stderr
