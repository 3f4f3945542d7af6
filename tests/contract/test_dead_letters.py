"""Dead letters, and what their consumers noted of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.marks import slow_on_aws
from tests.contract.operating import Operating
from tests.worlds import NOW
from trueup.errors import NotFoundError
from trueup.ports import DeadLetter, FailureNote


def note(name: str, reason: str = "KeyError: 'x'", minutes: int = 0) -> FailureNote:
    return FailureNote(name=name, function="capture_ingest", reason=reason, at=NOW + timedelta(minutes=minutes))


def test_the_newest_note_of_a_name_is_found(operating: Operating) -> None:
    operating.notes.keep(note("m1"))
    operating.notes.keep(note("m1", "NotFoundError: gone", minutes=5))
    operating.notes.keep(note("m2"))
    found = operating.notes.find(["m1", "m2", "m3"])
    assert found == {"m1": note("m1", "NotFoundError: gone", minutes=5), "m2": note("m2")}
    assert operating.notes.find([]) == {}


def test_notes_of_a_whole_queue_are_found_together(operating: Operating) -> None:
    names = [f"m{number}" for number in range(120)]
    for each in names[::10]:
        operating.notes.keep(note(each))
    assert sorted(operating.notes.find(names)) == sorted(names[::10])


def test_peeking_takes_nothing(operating: Operating) -> None:
    dead = operating.queue("dead")
    ids = operating.fill(dead, ["1", "2", "3"])
    assert len(operating.letters.peek(dead, 2)) == 2
    letters = operating.letters.peek(dead, 10)
    assert sorted((each.message_id, each.body) for each in letters) == sorted(zip(ids, ["1", "2", "3"], strict=True))
    assert all(each.sent_at is not None and each.reason for each in letters)
    assert operating.letters.count(dead) == 3


def test_a_letter_says_what_its_consumer_noted(operating: Operating) -> None:
    dead = operating.queue("dead")
    noted, _ = operating.fill(dead, ["1", "2"])
    operating.notes.keep(note(noted))
    reasons = {each.body: each.reason for each in operating.letters.peek(dead, 10)}
    assert reasons["1"] == "capture_ingest: KeyError: 'x'"
    assert "KeyError" not in reasons["2"]


def test_an_empty_queue_holds_nothing(operating: Operating) -> None:
    dead, live = operating.queue("dead"), operating.queue("live")
    assert operating.letters.count(dead) == 0
    assert operating.letters.peek(dead, 10) == []
    assert operating.letters.move(dead, live).messages == 0


@slow_on_aws
def test_every_message_is_moved(operating: Operating) -> None:
    dead, live = operating.queue("dead"), operating.queue("live")
    bodies = [f"{number:02}" for number in range(12)]
    operating.fill(dead, bodies)
    operating.fill(live, ["already"])
    assert operating.letters.move(dead, live).messages == 12
    assert operating.letters.count(dead) == 0
    assert sorted(each.body for each in operating.letters.peek(live, 20)) == [*bodies, "already"]


def test_what_is_done_is_drained_and_what_fails_stays_with_the_reason(operating: Operating) -> None:
    dead = operating.queue("dead")
    operating.fill(dead, ["good", "bad", "fine"])
    seen: list[str] = []

    def work(letter: DeadLetter) -> None:
        seen.append(letter.body)
        if letter.body == "bad":
            raise NotFoundError("its records are gone")

    drained = operating.letters.drain(dead, work)
    assert sorted(seen) == ["bad", "fine", "good"]
    assert drained.done == 2
    assert [(each.body, each.reason) for each in drained.kept] == [("bad", "its records are gone")]
    assert [each.body for each in operating.letters.peek(dead, 10)] == ["bad"]


def test_what_stayed_is_drained_the_next_time(operating: Operating) -> None:
    dead = operating.queue("dead")
    operating.fill(dead, ["late"])

    def refuse(_: DeadLetter) -> None:
        raise NotFoundError("not yet")

    assert operating.letters.drain(dead, refuse).done == 0
    assert operating.letters.drain(dead, lambda _: None).done == 1
    assert operating.letters.drain(dead, refuse).kept == ()


def test_an_error_that_is_none_of_ours_is_no_reason_to_delete(operating: Operating) -> None:
    dead = operating.queue("dead")
    operating.fill(dead, ["1"])

    def broken(_: DeadLetter) -> None:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError):
        operating.letters.drain(dead, broken)
    assert operating.waiting(dead) == 1
