"""Feedback that waits for its capture, how far captures were searched, and which capture files there are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.contract.implementations import Ports
from tests.contract.marks import slow_on_aws
from tests.contract.records import QUIET, edge, event, journal
from tests.worlds import NOW, capture_file
from trueup.model import CaptureFile, Feedback, FeedbackSearch, FeedbackState, FeedbackStatus
from trueup.ports import Journal


def feedback(number: int = 1, **changes: Any) -> Feedback:
    facts = {"project": "pets", "kind": "override", "label": "dog", "inference_id": f"inference {number}", **changes}
    return msgspec.convert({"received_at": NOW + timedelta(seconds=number), **facts}, Feedback)


def pending(ports: Ports, project: str = "pets", limit: int = 10) -> list[str | None]:
    return [each.feedback.inference_id for each in ports.feedback.by_status(project, FeedbackStatus.PENDING, limit)]


def test_what_is_pending_is_listed_newest_first(ports: Ports) -> None:
    for number in (2, 1, 3):
        assert ports.feedback.put(feedback(number))
    ports.feedback.put(feedback(9, project="others"))
    assert pending(ports) == ["inference 3", "inference 2", "inference 1"]
    assert pending(ports, limit=2) == ["inference 3", "inference 2"]
    assert pending(ports, project="others") == ["inference 9"]
    assert pending(ports, project="nobody") == []


def test_the_same_word_is_kept_once_and_another_label_is_another_word(ports: Ports) -> None:
    assert ports.feedback.put(feedback())
    again = feedback(received_at=NOW + timedelta(days=1))
    assert not ports.feedback.put(again)
    assert ports.feedback.put(feedback(label="cat"))
    assert ports.feedback.put(feedback(by="ada"))
    kept = ports.feedback.get("pets", feedback().feedback_id)
    assert kept == FeedbackState(feedback=feedback())
    assert ports.feedback.get("pets", "nothing") is None
    assert ports.feedback.get("others", feedback().feedback_id) is None


def test_it_is_done_with_once_together_with_its_journal(ports: Ports) -> None:
    ports.feedback.put(feedback())
    done = FeedbackState(feedback=feedback(), status=FeedbackStatus.JOINED, outcome="asked", sample_id="s", at=NOW)
    assert ports.feedback.save(done, journal())
    assert ports.feedback.get("pets", feedback().feedback_id) == done
    assert pending(ports) == []
    assert ports.feedback.by_status("pets", FeedbackStatus.JOINED, 9) == [done]
    assert ports.lineage.edges_from("pets", edge().source) == [edge()]
    assert [each.event_type for each in ports.outbox()] == [type(event()).__name__]
    late = Journal(at=NOW, edges=(edge(2),))
    assert not ports.feedback.save(replace(done, outcome="known"), late)
    assert ports.feedback.get("pets", feedback().feedback_id) == done
    assert ports.lineage.edges_from("pets", edge().source) == [edge()]
    assert not ports.feedback.put(feedback())


def test_one_that_nobody_put_is_not_done_with(ports: Ports) -> None:
    assert not ports.feedback.save(FeedbackState(feedback=feedback(), status=FeedbackStatus.JOINED), QUIET)
    assert ports.feedback.get("pets", feedback().feedback_id) is None


@pytest.mark.parametrize("status", [FeedbackStatus.REFUSED, FeedbackStatus.EXPIRED])
def test_what_came_to_nothing_may_be_put_again(ports: Ports, status: FeedbackStatus) -> None:
    ports.feedback.put(feedback())
    assert ports.feedback.save(FeedbackState(feedback=feedback(), status=status, reason="why"), QUIET)
    again = feedback(received_at=NOW + timedelta(days=1))
    assert ports.feedback.put(again)
    assert ports.feedback.get("pets", again.feedback_id) == FeedbackState(feedback=again)
    assert ports.feedback.by_status("pets", status, 9) == []


def test_a_pending_one_remembers_where_its_capture_is(ports: Ports) -> None:
    ports.feedback.put(feedback())
    found = FeedbackState(feedback=feedback(), capture_uri="s3://captures/a", reason="no budget")
    assert ports.feedback.save(found, QUIET)
    assert ports.feedback.by_status("pets", FeedbackStatus.PENDING, 9) == [found]


def test_a_search_is_remembered(ports: Ports) -> None:
    assert ports.feedback.search("pets") == FeedbackSearch(project="pets")
    for search in (
        FeedbackSearch(project="pets", began=NOW, reached="2026/11/24/09 a"),
        FeedbackSearch(project="pets", searched_to=NOW),
    ):
        ports.feedback.save_search(search)
        assert ports.feedback.search("pets") == search
    assert ports.feedback.search("others") == FeedbackSearch(project="others")


def file_of(hour: str, name: str = "a.jsonl", endpoint: str = "pets", variant: str = "AllTraffic") -> CaptureFile:
    key = f"pets/{endpoint}/{variant}/{hour}/{name}"
    return CaptureFile(project="pets", endpoint=endpoint, variant=variant, bucket="captures", key=key)


def listed(ports: Ports, start: datetime, end: datetime) -> set[str]:
    return {each.uri for each in ports.listing.files("pets", start, end)}


@slow_on_aws
def test_files_are_listed_by_the_hour_of_their_captures(ports: Ports) -> None:
    hours = ["2026/11/23/23", "2026/11/24/00", "2026/11/24/09", "2026/11/24/10", "2026/12/01/00"]
    files = {hour: file_of(hour) for hour in hours}
    shadow = file_of("2026/11/24/09", "b.jsonl", variant="Shadow")
    nightly = file_of("2026/11/24/09", "c.jsonl.gz", endpoint="nightly", variant="transform")
    for each in (*files.values(), shadow, nightly):
        ports.put_file(each, b"")
    ports.put_file(msgspec.structs.replace(capture_file("other"), project="x", key=f"x/e/v/{hours[2]}/a"), b"")
    start = datetime.fromisoformat("2026-11-23T23:59:59+00:00")
    assert listed(ports, start, start) == {files[hours[0]].uri}
    assert listed(ports, start, NOW.replace(hour=9, minute=1)) == {
        *(files[each].uri for each in hours[:3]),
        shadow.uri,
        nightly.uri,
    }
    assert listed(ports, NOW + timedelta(hours=1), NOW + timedelta(days=30)) == {files[hours[4]].uri}
    assert listed(ports, NOW - timedelta(days=9), NOW - timedelta(days=8)) == set()
    assert {each.hour for each in ports.listing.files("pets", start, NOW)} == set(hours[:4])
