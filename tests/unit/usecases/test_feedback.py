"""Feedback meets its capture, whichever comes first, and leads to what it should, once."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.worlds import NOW, Loop, capture_file, capture_line, project
from trueup.errors import InputError, LabelError, NotFoundError
from trueup.events import FeedbackJoined
from trueup.model import CaptureFile, FeedbackState, FeedbackStatus, Node, NodeKind, TaskStatus
from trueup.usecases.join_feedback import JoinReport
from trueup.usecases.put_feedback import Report, read_report
from trueup.usecases.submit_annotation import Submission

# The model says cat to all of them; nothing is asked about of itself.
QUIET = {"selection": {"rate": 0.001, "strategy": "margin", "audit_share": 0.0, "budget": {"per_day": 100}}}


def quiet(**changes: Any) -> Loop:
    selection = {**QUIET["selection"], **changes.pop("selection", {})}
    return Loop(project(selection=selection, **changes))


def captured(loop: Loop, *numbers: int, name: str = "a", hour: str = "09", ingest: bool = True) -> CaptureFile:
    """A file with captures of these numbers, whose inference ids are `call <number>`."""
    file = capture_file(name)
    file = msgspec.structs.replace(file, key=file.key.replace("/09/", f"/{hour}/"))
    lines = []
    for number in numbers:
        record = json.loads(capture_line(number))
        record["eventMetadata"]["inferenceId"] = f"call {number}"
        lines.append(json.dumps(record).encode() + b"\n")
    loop.archive.files[file.uri] = b"".join(lines)
    if ingest:
        loop.ingest(file)
    return file


def put(loop: Loop, number: int, label: str = "dog", **fields: Any) -> str:
    report = Report(project="pets", label=label, inference_id=f"call {number}", **fields)
    return loop.put_feedback(report).feedback.feedback_id


def join(loop: Loop, seconds: float = 60) -> JoinReport:
    return loop.join_feedback("pets", seconds)


def state(loop: Loop, feedback_id: str) -> FeedbackState:
    found = loop.feedback.get("pets", feedback_id)
    assert found is not None
    return found


def test_a_correction_that_contradicts_the_model_opens_a_task_for_people() -> None:
    loop = quiet()
    captured(loop, *range(9))
    feedback_id = put(loop, 3, by="ada")
    assert join(loop) == JoinReport(files=1, outcomes={"asked": 1})
    found = state(loop, feedback_id)
    assert (found.status, found.outcome, found.capture_uri) == (
        FeedbackStatus.JOINED,
        "asked",
        capture_file().uri,
    )
    (task,) = loop.tasks.by_status("pets", TaskStatus.OPEN, 9)
    selection = loop.tasks.selection("pets", task.sample_id)
    assert selection is not None
    assert (task.task_id, task.sample_id) == (found.task_id, found.sample_id)
    assert (selection.strategy, selection.event_id, selection.propensity) == ("override", "event-3", 1.0)
    assert selection.score == pytest.approx(1 - 0.35)
    assert loop.queue.depth("pets") == 2
    assert loop.claim("pets", "ben") is not None
    (event,) = [each for each in loop.world.outbox if each.event_type == FeedbackJoined.__name__]
    assert (event.data["predicted"], event.data["label"], event.data["outcome"]) == ("cat", "dog", "asked")
    causes = loop.lineage.edges_to("pets", Node(kind=NodeKind.TASK, id=task.task_id))
    assert {str(each.source): each.actor for each in causes}[f"feedback:{feedback_id}"] == "ada"


def test_one_that_comes_before_its_capture_waits_for_it() -> None:
    loop = quiet()
    captured(loop, 1, name="earlier")
    feedback_id = put(loop, 3)
    assert join(loop) == JoinReport(files=1, pending=1)
    loop.clock.advance(300)
    assert join(loop).pending == 1
    loop.clock.advance(3600)
    captured(loop, 3, name="later")
    loop.clock.advance(300)
    assert join(loop).outcomes == {"asked": 1}
    assert state(loop, feedback_id).capture_uri == capture_file("later").uri


def test_files_are_searched_once_for_what_waits() -> None:
    loop = quiet()
    captured(loop, 1)
    loop.clock.advance(3600)
    put(loop, 3)
    loop.clock.advance(120)
    assert join(loop).files == 1
    loop.clock.advance(3600)
    assert join(loop) == JoinReport(files=0, pending=1)
    captured(loop, 2, name="b")
    loop.clock.advance(3600)
    assert [join(loop).files, loop.clock.advance(3600), join(loop).files] == [1, None, 0]


def test_agreement_asks_nobody_and_neither_does_a_task_that_is_there() -> None:
    loop = Loop()
    captured(loop, 1)
    ids = [put(loop, 1, label="cat"), put(loop, 1, label="dog")]
    before = loop.queue.depth("pets")
    assert join(loop).outcomes == {"agreed": 1, "known": 1}
    assert [state(loop, each).outcome for each in ids] == ["agreed", "known"]
    assert loop.queue.depth("pets") == before


def test_the_real_outcome_is_the_label() -> None:
    loop = quiet()
    captured(loop, *range(9))
    put(loop, 3, kind="truth", by="billing")
    assert join(loop).outcomes == {"labelled": 1}
    (label,) = loop.tasks.uncommitted("pets", 9)
    assert (label.consensus.label, label.consensus.posterior, label.consensus.method) == ("dog", 1.0, "truth")
    assert label.selection is not None
    assert (label.selection.strategy, label.selection.propensity) == ("truth", 1.0)
    assert loop.queue.depth("pets") == 0
    (version,) = loop.commit("pets", "test", force=True)
    assert version.class_counts == {"dog": 1}


def test_outcomes_that_agree_become_labels_at_the_audit_share() -> None:
    loop = quiet(selection={"audit_share": 0.25})
    captured(loop, *range(400))
    for number in range(400):
        put(loop, number, label="cat", kind="truth")
    outcomes = join(loop).outcomes
    assert sum(outcomes.values()) == 400
    assert 70 < outcomes["labelled"] < 130
    labels = loop.tasks.uncommitted("pets", 400)
    assert {each.selection.propensity for each in labels if each.selection} == {0.25}


def test_the_real_outcome_settles_a_task_that_people_have_before_them() -> None:
    loop = Loop()
    captured(loop, 1)
    claimed = loop.claim("pets", "ada")
    assert claimed is not None
    put(loop, 1, label="fox", kind="truth")
    assert join(loop).outcomes == {"labelled": 1}
    task = loop.tasks.get("pets", claimed.task.task_id)
    assert (task.status, task.leases) == (TaskStatus.SETTLED, ())
    assert loop.settle("pets", task.task_id) is None


def test_the_real_outcome_overrules_what_people_agreed_on_and_the_next_version_says_so() -> None:
    loop = Loop()
    captured(loop, 1)
    for name in ("ada", "ben"):
        claimed = loop.claim("pets", name)
        assert claimed is not None
        loop.submit(
            Submission(
                project="pets",
                task_id=claimed.task.task_id,
                annotator=name,
                label="cat",
                lease_token=claimed.lease.token,
            )
        )
    loop.settle("pets", claimed.task.task_id)
    loop.commit("pets", "people", force=True)
    put(loop, 1, label="cat", kind="truth")
    loop.clock.advance(60)
    assert join(loop).outcomes == {"known": 1}
    put(loop, 1, label="fox", kind="truth")
    assert join(loop).outcomes == {"labelled": 1}
    (version,) = loop.commit("pets", "the truth", force=True)
    assert (version.class_counts, version.relabelled) == ({"fox": 1}, 1)


def test_a_project_may_have_people_asked_about_outcomes_too() -> None:
    loop = quiet(feedback={"truth": "ask"})
    captured(loop, 1, 2)
    put(loop, 1, kind="truth")
    put(loop, 2, kind="truth", label="cat")
    assert join(loop).outcomes == {"asked": 1, "agreed": 1}
    (task,) = loop.tasks.by_status("pets", TaskStatus.OPEN, 9)
    selection = loop.tasks.selection("pets", task.sample_id)
    assert selection is not None
    assert selection.strategy == "truth"


def test_corrections_wait_while_the_budget_is_used_up_and_are_asked_about_later() -> None:
    loop = quiet(selection={"budget": {"per_day": 100, "per_hour": 2, "reasons": {"override": {"per_hour": 1}}}})
    captured(loop, *range(1, 5))
    ids = [put(loop, number) for number in range(1, 5)]
    asked = []
    for _ in range(5):
        asked.append(join(loop).outcomes.get("asked", 0))
        loop.clock.advance(3600)
    assert asked == [1, 1, 1, 1, 0]
    assert {state(loop, each).status for each in ids} == {FeedbackStatus.JOINED}
    assert loop.tasks.count("pets", TaskStatus.OPEN) == 4


def test_an_event_id_names_it_as_well_and_the_index_a_record_of_several() -> None:
    loop = quiet()
    file = capture_file()
    record = json.loads(capture_line(1))
    record["captureData"]["endpointInput"] |= {"encoding": "CSV", "observedContentType": "text/csv", "data": "1,2\n3,4"}
    answer = json.dumps({"predictions": [[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]]})
    record["captureData"]["endpointOutput"] |= {"data": answer}
    loop.archive.files[file.uri] = json.dumps(record).encode()
    loop.ingest(file)
    second = Report(project="pets", event_id="event-1", label="cat", index=1)
    third = Report(project="pets", event_id="event-1", label="cat", index=2)
    ids = [loop.put_feedback(each).feedback.feedback_id for each in (second, third)]
    assert join(loop).outcomes == {"asked": 1, "refused": 1}
    assert state(loop, ids[1]).reason == "index is 2, and the request had 2 records, which count from 0"
    (task,) = loop.tasks.by_status("pets", TaskStatus.OPEN, 9)
    assert loop.payloads.get(task.payload_uri).data == b"3,4"
    assert not loop.put_feedback(third).repeated


def test_what_finds_no_capture_expires_with_its_reason() -> None:
    loop = quiet(feedback={"keep_days": 2})
    feedback_id = put(loop, 1)
    join(loop)
    loop.clock.advance(2 * 86_400 + 1)
    assert join(loop) == JoinReport(outcomes={"expired": 1})
    assert state(loop, feedback_id).reason == "no capture of it came within 2 days"


def test_only_the_hours_of_the_inference_are_searched() -> None:
    loop = quiet(feedback={"lookback_hours": 2})
    for hour in range(10):
        captured(loop, hour, name=f"h{hour}", hour=f"{hour:02}")
    put(loop, 8)
    assert join(loop) == JoinReport(files=1, outcomes={"asked": 1})
    put(loop, 2, inferred_at=NOW.replace(hour=2, minute=30))
    assert join(loop) == JoinReport(files=2, outcomes={"asked": 1})
    put(loop, 0)
    assert join(loop).pending == 1


class SlowClock:
    """Each look at it takes a second."""

    def __init__(self, loop: Loop) -> None:
        self._clock = loop.clock

    def now(self) -> datetime:
        self._clock.advance(1)
        return self._clock.now()


def test_a_search_that_runs_out_of_time_goes_on_where_it_stopped() -> None:
    loop = quiet()
    numbers = range(12)
    for number in numbers:
        captured(loop, number, name=f"{number:02}")
        put(loop, number)
    search = replace(loop.join_feedback, clock=SlowClock(loop))
    reports = []
    for _ in range(20):
        reports.append(search("pets", 5))
        if reports[-1].complete:
            break
    assert len(reports) > 2
    assert sum(each.outcomes.get("asked", 0) for each in reports) == 12
    assert sum(each.files for each in reports) <= 12 + len(reports)
    assert loop.tasks.count("pets", TaskStatus.OPEN) == 12


class CrashError(Exception):
    """The function ends here."""


@pytest.mark.parametrize("kind", ["override", "truth"])
@pytest.mark.parametrize("call", ["open", "save", "send"])
def test_a_crash_anywhere_is_mended_by_the_next_search(kind: str, call: str) -> None:
    loop = quiet()
    captured(loop, 1)
    feedback_id = put(loop, 1, kind=kind)
    ports: dict[str, Any] = {"tasks": loop.tasks, "queue": loop.queue, "feedback": loop.feedback}
    fragile = {name: Fragile(each, call) for name, each in ports.items()}
    search = replace(loop.join_feedback, answer=replace(loop.join_feedback.answer, **fragile))
    for _ in range(2):
        with contextlib.suppress(CrashError):
            search("pets", 60)
    outcome = {"override": "asked", "truth": "labelled"}[kind]
    assert join(loop).pending == 0
    assert state(loop, feedback_id).status is FeedbackStatus.JOINED
    assert state(loop, feedback_id).outcome in (outcome, "known")
    status = TaskStatus.OPEN if kind == "override" else TaskStatus.SETTLED
    assert loop.tasks.count("pets", status) == 1
    if kind == "override":
        assert loop.queue.depth("pets") >= 2


class Fragile:
    """Does the named call once, and crashes after it."""

    def __init__(self, inner: Any, call: str) -> None:
        self._inner, self._call, self._crashed = inner, call, False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name != self._call or self._crashed:
            return found

        def run(*args: Any, **kwargs: Any) -> Any:
            found(*args, **kwargs)
            self._crashed = True
            raise CrashError

        return run


def test_reports_are_checked_at_the_door() -> None:
    loop = quiet()
    with pytest.raises(LabelError, match="'cow' is not a class; classes: cat, dog, fox"):
        put(loop, 1, label="cow")
    with pytest.raises(NotFoundError, match="projects: pets"):
        loop.put_feedback(Report(project="p", label="cat", event_id="e"))
    with pytest.raises(InputError, match="not yet"):
        put(loop, 1, inferred_at=NOW + timedelta(seconds=1))
    assert loop.feedback.by_status("pets", FeedbackStatus.PENDING, 9) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not a feedback"),
        (b"\xff", "not a feedback"),
        (b"[]", "Expected `object`"),
        (b'{"project": "pets", "label": "cat"}', "give `inference_id` or `event_id`, one of the two"),
        (b'{"project": "pets", "label": "cat", "event_id": "e", "inference_id": "i"}', "one of the two"),
        (b'{"project": "pets", "label": "cat", "event_id": "e", "kind": "guess"}', "kind"),
        (b'{"project": "pets", "label": "cat", "event_id": "e", "lable": "cat"}', "lable"),
        (b'{"project": "pets", "label": "cat", "event_id": "e", "index": -1}', "index"),
        (b'{"project": "pets", "label": "cat", "event_id": "e", "inferred_at": "2026-11-24T09:00:00"}', "no time zone"),
    ],
)
def test_a_message_that_is_no_report_says_what_is_wrong(body: bytes, says: str) -> None:
    with pytest.raises(InputError) as refused:
        read_report(body)
    assert says in str(refused.value)
