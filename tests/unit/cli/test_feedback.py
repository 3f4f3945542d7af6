"""feedback put, list and show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import FakeDeployed, Terminal
from tests.worlds import NOW
from trueup.model import FeedbackStatus
from trueup.usecases.put_feedback import Report


def pending(place: FakeDeployed) -> list[tuple[str | None, str, str]]:
    states = place.loop.feedback.by_status("pets", FeedbackStatus.PENDING, 99)
    return [(each.feedback.inference_id, each.feedback.kind, each.feedback.label) for each in states]


def test_one_is_put_and_followed(trueup: Terminal, place: FakeDeployed) -> None:
    said = trueup("feedback", "put", "--inference-id", "call 1", "--label", "dog", "--by", "ada")
    assert (said.exit_code, "1 kept" in said.stdout) == (0, True), said.output
    assert pending(place) == [("call 1", "override", "dog")]
    (waiting,) = trueup.json("feedback", "list")
    feedback_id = waiting["feedback_id"]
    assert f"trueup feedback show {feedback_id}" in said.stdout
    shown = trueup("feedback", "show", feedback_id)
    assert ("pending" in shown.stdout, "its capture is looked for" in shown.stdout) == (True, True)
    place.loop.ingest(place.loop.capture(2))
    place.loop.put_feedback(Report(project="pets", event_id="event-1", label="cat"))
    place.loop.join_feedback("pets", 60)
    (joined,) = trueup.json("feedback", "list", "--status", "joined")
    assert (joined["outcome"], joined["feedback"]["event_id"]) == ("agreed", "event-1")
    assert "it agrees with the model" in trueup("feedback", "show", joined["feedback_id"]).stdout
    assert "no feedback is expired" in trueup("feedback", "list", "--status", "expired").stdout


def test_the_same_again_says_that_it_was_there(trueup: Terminal) -> None:
    arguments = ("feedback", "put", "--event-id", "e", "--label", "dog", "--truth", "--at", "2026-11-24T09:30:00Z")
    assert [each["repeated"] for each in trueup.json(*arguments)] == [False]
    assert "0 kept, 1 were there before" in trueup(*arguments).stdout
    (waiting,) = trueup.json("feedback", "list")
    assert waiting["feedback"]["kind"] == "truth"
    assert waiting["feedback"]["inferred_at"] == NOW.replace(hour=9, minute=30).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Add --label"),
        (["--label", "cat"], "Add --inference-id or --event-id"),
        (["--inference-id", "a", "--event-id", "b", "--label", "cat"], "one of the two"),
        (["--inference-id", "a", "--label", "cow"], "'cow' is not a class; classes: cat, dog, fox"),
        (
            ["--inference-id", "a", "--label", "cat", "--at", "2027-01-01"],
            "inferred_at is 2027-01-01T00:00:00Z: not yet",
        ),
        (["--inference-id", "a", "--label", "cat", "--project", "p"], "there is no project 'p'"),
        (
            ["--file", "x", "--label", "cat"],
            "--file has labels and ids in its lines: leave --label, --inference-id and",
        ),
        (["--inference-id", "a" * 201, "--label", "cat"], "inference_id: Expected `str` of length <= 200"),
        (["--file", "/no/such/file"], "/no/such/file cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(
    trueup: Terminal, place: FakeDeployed, arguments: list[str], says: str
) -> None:
    said = trueup("feedback", "put", *arguments)
    assert said.exit_code in (2, 4), said.output
    assert says in said.stderr
    assert pending(place) == []


def test_many_come_from_a_file_or_a_pipe(trueup: Terminal, place: FakeDeployed, tmp_path: Path) -> None:
    lines = [
        {"inference_id": "call 1", "label": "dog", "by": "ada"},
        {"inference_id": "call 2", "label": "cat", "kind": "truth", "index": 3},
    ]
    text = "\n".join(json.dumps(each) for each in lines) + "\n\n"
    file = tmp_path / "feedback.jsonl"
    file.write_text(text)
    assert "2 would be kept" in trueup("feedback", "put", "--file", str(file), "--dry-run").stdout
    assert pending(place) == []
    assert "2 kept" in trueup("feedback", "put", "--file", str(file)).stdout
    assert "stdin line 1 is no JSON object" in trueup("feedback", "put", "--file", "-", keys="{").stderr
    assert "0 kept, 2 were there before" in trueup("feedback", "put", "--file", "-", keys=text).stdout
    assert sorted(pending(place), key=str) == [("call 1", "override", "dog"), ("call 2", "truth", "cat")]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "feedback.jsonl line 2 is no JSON object"),
        ("[]", "feedback.jsonl line 2 is no JSON object"),
        ('{"label": "cat"}', "feedback.jsonl line 2: give `inference_id` or `event_id`, one of the two"),
        ('{"label": "cow", "event_id": "e"}', "feedback.jsonl line 2: 'cow' is not a class"),
        ('{"label": "cat", "event_id": "e", "kind": "guess"}', "line 2: kind: use override or truth"),
        ('{"label": 1, "event_id": "e"}', "feedback.jsonl line 2: label: Expected `str`, got `int`"),
        ('{"label": "cat", "event_id": "e", "at": 1}', "feedback.jsonl line 2: Object contains unknown field `at`"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_kept(
    trueup: Terminal, place: FakeDeployed, tmp_path: Path, line: str, says: str
) -> None:
    file = tmp_path / "feedback.jsonl"
    file.write_text('{"inference_id": "call 1", "label": "dog"}\n' + line)
    said = trueup("feedback", "put", "--file", str(file))
    assert (said.exit_code, says in said.stderr.replace("\n", " ")) == (2, True), said.stderr
    assert pending(place) == []


def test_one_that_is_not_there_is_not_found(trueup: Terminal) -> None:
    said = trueup("feedback", "show", "nothing")
    assert (said.exit_code, "trueup feedback list" in said.stderr) == (4, True)
