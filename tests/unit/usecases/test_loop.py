"""The loop on fakes: from a capture file to a started retraining, with crashes, repeats and disorder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec
import pytest

from tests.worlds import Loop, capture_file, capture_half, capture_line, project
from trueup.adapters.memory import MemoryRunStore
from trueup.errors import LeaseError, RunActiveError
from trueup.model import (
    Action,
    CaptureFile,
    DatasetVersion,
    FileReceipt,
    RetrainingRun,
    RunStatus,
    Selection,
    TaskStatus,
)
from trueup.ports import Journal, Opening, TaskStore
from trueup.usecases.decide_retraining import DecideRetraining
from trueup.usecases.ingest_captures import IngestCaptures
from trueup.usecases.submit_annotation import Submission


def answer_all(loop: Loop, label: str = "cat", people: tuple[str, ...] = ("ada", "ben")) -> int:
    given = 0
    for name in people:
        while (claimed := loop.claim("pets", name)) is not None:
            loop.clock.advance(1)
            loop.submit(
                Submission(
                    project="pets",
                    task_id=claimed.task.task_id,
                    annotator=name,
                    label=label,
                    lease_token=claimed.lease.token,
                )
            )
            loop.settle("pets", claimed.task.task_id)
            given += 1
    return given


def test_a_capture_becomes_a_label_a_version_and_a_run() -> None:
    loop = Loop()
    receipt = loop.ingest(loop.capture(5))
    assert (receipt.lines, receipt.captures, receipt.selected) == (5, 5, 5)
    assert answer_all(loop) == 10
    assert loop.tasks.count("pets", TaskStatus.SETTLED) == 5
    (version,) = loop.commit("pets", "test")
    assert version.samples == 5
    decision = loop.decide("pets")
    assert decision.action is Action.RETRAIN
    assert list(loop.workflows.started) == [f"retraining:pets-{loop.runs.runs('pets', 1)[0].run_id}"]


def test_the_same_file_twice_and_messages_doubled_give_the_same_state() -> None:
    once, often = Loop(), Loop(repeats=2)
    for loop in (once, often):
        first, second = loop.capture(4, "a"), loop.capture(4, "b", first=5)
        for file in (first, second) if loop is once else (second, first, second, first):
            loop.ingest(file)
        answer_all(loop)
    for key in ("edges", "events"):
        assert once.state()[key] == pytest.approx(often.state()[key]) or len(once.state()[key]) == len(
            often.state()[key]
        )
    assert once.tasks.count("pets", TaskStatus.SETTLED) == often.tasks.count("pets", TaskStatus.SETTLED) == 8
    _, reservation = once.ledger.begun(once.capture(4))
    assert reservation is not None
    assert reservation.granted["margin"] == 4


def test_every_line_is_accounted_for() -> None:
    loop = Loop()
    file = loop.capture(3)
    bad = capture_line(9, [5.0, 1.0, 2.0])
    loop.archive.files[file.uri] += b"not json\n" + capture_line(1) + b"\n" + bad + b"\n"
    receipt = loop.ingest(file)
    assert (receipt.lines, receipt.captures, receipt.quarantined, receipt.duplicates) == (6, 3, 2, 1)
    assert [each.line for each in loop.archive.quarantined[file.file_id]] == [4, 6]


def test_sides_that_stand_on_two_lines_are_one_question() -> None:
    loop = Loop()
    file = loop.capture(1)
    loop.archive.files[file.uri] += b"\n".join(
        [capture_half(2, "endpointOutput"), capture_half(3, "endpointInput"), capture_half(2, "endpointInput"), b""]
    )
    receipt = loop.ingest(file)
    assert (receipt.lines, receipt.captures, receipt.quarantined) == (4, 3, 1)
    assert (receipt.predictions, receipt.selected) == (2, 2)
    (bad,) = loop.archive.quarantined[file.file_id]
    assert (bad.line, "no output" in bad.reason) == (3, True)


def test_the_budget_is_taken_once_and_never_overrun() -> None:
    loop = Loop(config=project(selection={"rate": 1.0, "audit_share": 0.0, "budget": {"per_day": 3}}))
    file = loop.capture(5)
    assert loop.ingest(file).selected == 3
    assert loop.ingest(file).selected == 3
    assert loop.ingest(loop.capture(5, "b", first=6)).selected == 0


def test_a_sample_asked_about_before_is_not_asked_again() -> None:
    loop = Loop()
    loop.ingest(loop.capture(2, "a"))
    again = loop.capture(1, "b")
    loop.archive.files[again.uri] = capture_line(77, text="text 1") + b"\n"
    assert loop.ingest(again).selected == 0


def test_a_lost_message_orphans_no_task() -> None:
    loop = Loop()
    loop.ingest(loop.capture(1))
    for slot in loop.queue.receive("pets", 10, 60):
        loop.queue.done("pets", slot.receipt)
    assert loop.claim("pets", "ada") is not None


def test_who_answered_the_most_urgent_tasks_gets_the_others_though_their_messages_are_lost() -> None:
    loop = Loop(config=project(selection={"rate": 1.0, "audit_share": 0.0}))
    loop.ingest(loop.capture(120))
    drain(loop)
    answered = [answer_one(loop, "ada") for _ in range(120)]
    assert len(set(answered)) == 120
    assert loop.claim("pets", "ada") is None


def drain(loop: Loop) -> None:
    """All messages are lost."""
    while slots := loop.queue.receive("pets", 10, 60):
        for slot in slots:
            loop.queue.done("pets", slot.receipt)


def answer_one(loop: Loop, name: str) -> str:
    claimed = loop.claim("pets", name)
    assert claimed is not None
    task_id = claimed.task.task_id
    given = Submission(project="pets", task_id=task_id, annotator=name, label="cat", lease_token=claimed.lease.token)
    loop.submit(given)
    drain(loop)
    return task_id


def test_an_expired_lease_returns_and_its_token_is_refused() -> None:
    loop = Loop(config=project(consensus={"overlap": 1, "max_overlap": 2, "lease_seconds": 60}))
    loop.ingest(loop.capture(1))
    late = loop.claim("pets", "ada")
    assert late is not None
    assert loop.claim("pets", "ben") is None
    loop.clock.advance(61)
    assert loop.claim("pets", "ben") is not None
    with pytest.raises(LeaseError):
        loop.submit(
            Submission(
                project="pets", task_id=late.task.task_id, annotator="ada", label="cat", lease_token=late.lease.token
            )
        )


def test_a_repeated_submit_is_one_annotation_and_a_correction_is_settled_anew() -> None:
    loop = Loop(config=project(consensus={"overlap": 1, "max_overlap": 2, "target": 0.6}))
    loop.ingest(loop.capture(1))
    claimed = loop.claim("pets", "ada")
    assert claimed is not None
    submission = Submission(
        project="pets", task_id=claimed.task.task_id, annotator="ada", label="cat", lease_token=claimed.lease.token
    )
    first = loop.submit(submission)
    assert loop.submit(submission).repeated
    loop.settle("pets", claimed.task.task_id)
    loop.commit("pets", "test", force=True)
    loop.clock.advance(5)
    correction = Submission(
        project="pets",
        task_id=claimed.task.task_id,
        annotator="ada",
        label="dog",
        supersedes=first.annotation.annotation_id,
    )
    loop.submit(correction)
    loop.settle("pets", claimed.task.task_id)
    (version,) = loop.commit("pets", "test", force=True)
    assert (version.number, version.relabelled, version.class_counts) == (2, 1, {"dog": 1})


def test_disputes_widen_and_then_go_to_review() -> None:
    loop = Loop(config=project(consensus={"overlap": 2, "max_overlap": 3}))
    loop.ingest(loop.capture(1))
    for name, label in (("ada", "cat"), ("ben", "dog"), ("cleo", "fox")):
        answer_all(loop, label, (name,))
    assert loop.tasks.count("pets", TaskStatus.REVIEW) == 1
    events = [each.event_type for each in loop.world.outbox]
    assert events.count("OverlapExtended") == 1
    assert events.count("ReviewRequested") == 1


def test_one_run_at_a_time_and_no_trigger_is_lost() -> None:
    loop = Loop()
    loop.ingest(loop.capture(3, "a"))
    answer_all(loop)
    loop.commit("pets", "test")
    loop.decide("pets")
    first = loop.runs.active("pets")
    assert first is not None
    loop.ingest(loop.capture(3, "b", first=4))
    answer_all(loop)
    loop.commit("pets", "test")
    assert loop.decide("pets").action is Action.RETRAIN
    assert len(loop.workflows.started) == 1
    with pytest.raises(RunActiveError):
        loop.decide.start_now("pets", "impatience")
    loop.clock.advance(60)
    loop.runs.save(msgspec.structs.replace(first, status=RunStatus.REJECTED), Journal(at=loop.clock.now()))
    loop.decide("pets")
    assert len(loop.workflows.started) == 2


class Overtaken(MemoryRunStore):
    """Somebody else's run begins just before the first one here would."""

    other: RetrainingRun | None = None

    def begin(self, run: RetrainingRun, journal: Journal) -> None:
        if self.other is not None:
            super().begin(self.other, journal)
            self.other = None
        super().begin(run, journal)


def test_what_a_run_takes_along_that_began_meanwhile_triggers_no_other() -> None:
    loop = Loop()
    runs = Overtaken(loop.world)
    decide = DecideRetraining(loop.projects, loop.datasets, runs, loop.workflows, loop.clock)
    first, second = [grown(loop, count) for count in (3, 1)]
    run = RetrainingRun(
        project="pets",
        run_id="earlier",
        status=RunStatus.RUNNING,
        version_id=first.version_id,
        version_number=first.number,
        rule="count",
        reason="3 new labels",
        started_at=loop.clock.now(),
    )
    runs.other = run
    assert decide("pets").action is Action.RETRAIN
    assert (runs.active("pets"), runs.postponed("pets")) == (run, None)
    loop.clock.advance(60)
    runs.save(msgspec.structs.replace(run, status=RunStatus.PROMOTED), Journal(at=loop.clock.now()))
    assert decide("pets").action is Action.WAIT
    assert loop.datasets.head("pets") == second
    assert [each.run_id for each in runs.runs("pets", 5)] == ["earlier"]


def grown(loop: Loop, count: int) -> DatasetVersion:
    """A version with so many new labels."""
    loop.ingest(loop.capture(count, f"of {count}", first=10 * count))
    answer_all(loop)
    (version,) = loop.commit("pets", "test", force=True)
    return version


class Interrupted:
    """Opens half of the first tasks, and does something else before it opens the others."""

    def __init__(self, inner: TaskStore, between: Callable[[], object]) -> None:
        self._inner = inner
        self._between: Callable[[], object] | None = between

    def open(self, openings: Sequence[Opening], journal: Journal) -> tuple[str, ...]:
        between, self._between = self._between, None
        if between is not None:
            self._inner.open(openings[: len(openings) // 2], journal)
            between()
        return self._inner.open(openings, journal)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class KilledError(Exception):
    pass


def kill() -> None:
    raise KilledError


def reading(loop: Loop, between: Callable[[], object]) -> IngestCaptures:
    """Another reader of files, to which something happens when half of the tasks are open."""
    return msgspec.structs.replace(loop.ingest, tasks=cast(TaskStore, Interrupted(loop.tasks, between)))


def varied(loop: Loop, name: str, first: int = 1) -> CaptureFile:
    """Sixty captures, no two of which are equally sure."""
    file = capture_file(name)
    lines = [
        capture_line(first + number, [0.34 + number / 100, 0.33 - number / 200, 0.33 - number / 200])
        for number in range(60)
    ]
    loop.archive.files[file.uri] = b"".join(line + b"\n" for line in lines)
    return file


def opened(loop: Loop, file: CaptureFile) -> list[Selection]:
    samples = [each.sample_id for each in loop.tasks.by_status("pets", TaskStatus.OPEN, 1000)]
    found = [loop.tasks.selection("pets", each) for each in samples]
    ours = (each for each in found if each is not None and each.capture_uri == file.uri)
    return sorted(ours, key=lambda each: each.sample_id)


def two_loops(selection: dict[str, Any]) -> tuple[Loop, Loop, CaptureFile]:
    """Alike, with the same file in both, which nobody has read yet."""
    calm, rough = Loop(config=project(selection=selection)), Loop(config=project(selection=selection))
    varied(calm, "a")
    return calm, rough, varied(rough, "a")


EVENLY = {"rate": None, "audit_share": 0.2, "budget": {"per_day": 8}}
SHARE = {"rate": 0.2, "audit_share": 0.2}
policies = pytest.mark.parametrize("selection", [EVENLY, SHARE], ids=["what the budget leaves", "a fixed share"])


@policies
def test_two_readings_of_a_file_at_once_ask_what_one_asks(selection: dict[str, Any]) -> None:
    calm, rough, file = two_loops(selection)
    alone = calm.ingest(file)
    inner: list[FileReceipt] = []
    outer = reading(rough, lambda: inner.append(rough.ingest(file)))(file)
    assert alone.selected >= 6
    assert inner == [alone]
    assert outer == alone
    assert opened(rough, file) == opened(calm, file)


@policies
def test_a_reading_that_was_killed_is_completed_as_it_began(selection: dict[str, Any]) -> None:
    calm, rough, file = two_loops(selection)
    alone = calm.ingest(file)
    with pytest.raises(KilledError):
        reading(rough, kill)(file)
    for name in "bc":
        rough.ingest(varied(rough, name, first=100 * ord(name)))
    mended = rough.ingest(file)
    assert mended == alone
    assert opened(rough, file) == opened(calm, file)
