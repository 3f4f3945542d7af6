"""Tasks: opening, compare-and-swap, answers, consensus, and what waits for a version."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.contract.implementations import Ports
from tests.contract.marks import slow_on_aws
from tests.contract.records import QUIET, annotation, consensus, edge, given, journal
from tests.worlds import NOW, opening, project
from trueup.annotation.tasks import answer, grant, send_to_review, settle
from trueup.errors import ConflictError, NotFoundError
from trueup.model import Found, Node, NodeKind, Prediction, Ruling, Task, TaskStatus


def opened(ports: Ports, number: int = 1) -> Task:
    one = opening(number)
    ports.tasks.open([one], QUIET)
    return one.task


def next_of(task: Task) -> Task:
    return msgspec.structs.replace(task, revision=task.revision + 1)


def give(ports: Ports, task: Task, name: str = "ada", seconds: float = 0) -> Task:
    """Store one answer; the task as it is then."""
    ports.tasks.save(next_of(task), QUIET, annotation=annotation(task, name, seconds=seconds))
    return next_of(task)


# ---------------------------------------------------------------- opening


@slow_on_aws
def test_openings_are_written_whole_and_a_repeat_changes_nothing(ports: Ports) -> None:
    openings = [opening(each) for each in range(5)]
    first = ports.tasks.open(openings, journal())
    assert first == tuple(each.task.task_id for each in openings)
    assert ports.tasks.open(openings, journal()) == first
    assert ports.tasks.count("pets", TaskStatus.OPEN) == 5
    assert len(ports.outbox()) == 1
    for each in openings:
        assert ports.tasks.get("pets", each.task.task_id) == each.task
        assert ports.tasks.sample("pets", each.sample.sample_id) == each.sample
        assert ports.tasks.selection("pets", each.sample.sample_id) == each.selection
        for arrow in each.edges:
            assert arrow in ports.lineage.edges_from("pets", arrow.source)
            assert arrow in ports.lineage.edges_to("pets", arrow.target)


def test_boxes_and_spans_come_back_as_they_were(ports: Ports) -> None:
    found = (
        Found(label="cat", score=0.9, box=(0.1, 0.2, 0.3, 0.4), unit="share"),
        Found(label="dog", score=0.5, start=0, end=3, text="Rex"),
    )
    said = Prediction(classes=("cat", "dog"), probabilities=(0.9, 0.5), partial=True, kind="detections", objects=found)
    one = opening(1)
    selection = msgspec.structs.replace(one.selection, prediction=said)
    task = msgspec.structs.replace(one.task, prediction=said)
    ports.tasks.open([msgspec.structs.replace(one, selection=selection, task=task)], QUIET)
    assert ports.tasks.selection("pets", one.sample.sample_id) == selection
    assert ports.tasks.get("pets", task.task_id) == task


def test_a_sample_of_another_capture_is_left_alone(ports: Ports) -> None:
    opened(ports, 1)
    other = opening(1, event="other", score=0.9)
    assert ports.tasks.open([opening(2), other, opening(3)], QUIET) == (
        opening(2).task.task_id,
        opening(3).task.task_id,
    )
    assert ports.tasks.selection("pets", other.sample.sample_id) == opening(1).selection
    assert ports.tasks.get("pets", other.task.task_id) == opening(1).task
    assert ports.lineage.edges_from("pets", other.edges[0].source) == []


def test_of_two_openings_of_a_sample_in_one_call_the_first_counts(ports: Ports) -> None:
    one, same, other = opening(1), opening(1), opening(1, event="other")
    assert ports.tasks.open([one, other, same], QUIET) == (one.task.task_id,)
    assert ports.tasks.selection("pets", one.sample.sample_id) == one.selection


@slow_on_aws
def test_more_openings_than_a_transaction_holds_are_all_written(ports: Ports) -> None:
    openings = [opening(each) for each in range(20)]
    assert len(ports.tasks.open(openings, journal())) == 20
    assert ports.tasks.count("pets", TaskStatus.OPEN) == 20
    assert len(ports.outbox()) == 1


def test_opening_a_task_that_moved_on_does_not_bring_it_back(ports: Ports) -> None:
    task = opened(ports)
    granted = grant(task, "ada", "token", "", NOW, 60)
    ports.tasks.save(granted, QUIET)
    assert ports.tasks.open([opening(1)], QUIET) == (task.task_id,)
    assert ports.tasks.get("pets", task.task_id) == granted


def test_nothing_to_open_still_writes_the_journal(ports: Ports) -> None:
    assert ports.tasks.open([], journal()) == ()
    assert len(ports.outbox()) == 1


@slow_on_aws
def test_many_who_open_the_same_samples_open_each_once(ports: Ports) -> None:
    openings = [opening(each) for each in range(3)]
    with ThreadPoolExecutor(4) as workers:
        answers = list(workers.map(lambda _: ports.tasks.open(openings, QUIET), range(4)))
    assert set(answers) == {tuple(each.task.task_id for each in openings)}
    assert ports.tasks.count("pets", TaskStatus.OPEN) == 3


def test_known_samples_are_those_with_a_task(ports: Ports) -> None:
    ports.tasks.open([opening(each) for each in range(3)], QUIET)
    names = [opening(each).sample.sample_id for each in range(105)]
    assert ports.tasks.known_samples("pets", names) == frozenset(names[:3])
    assert ports.tasks.known_samples("other", names) == frozenset()
    assert ports.tasks.known_samples("pets", []) == frozenset()


# ---------------------------------------------------------------- compare-and-swap


def test_a_write_on_an_old_revision_leaves_nothing_behind(ports: Ports) -> None:
    task = opened(ports)
    ports.tasks.save(next_of(task), QUIET)
    with pytest.raises(ConflictError):
        ports.tasks.save(next_of(task), journal(), annotation=annotation(task), consensus=consensus(task, "c1"))
    with pytest.raises(ConflictError):
        ports.tasks.save(msgspec.structs.replace(task, revision=7), journal())
    assert ports.tasks.get("pets", task.task_id).revision == 1
    assert ports.outbox() == []
    assert ports.lineage.edges_from("pets", edge().source) == []
    assert ports.tasks.annotations("pets", task.task_id) == []
    assert ports.tasks.work("pets", "ada", 10) == []
    assert ports.tasks.consensus("pets", task.task_id) is None
    assert ports.tasks.uncommitted("pets", 10) == []


def test_an_annotation_is_never_written_over(ports: Ports) -> None:
    task = opened(ports)
    given = annotation(task)
    ports.tasks.save(next_of(task), QUIET, annotation=given)
    again = msgspec.structs.replace(given, label="dog", submitted_at=NOW + timedelta(seconds=9))
    with pytest.raises(ConflictError):
        ports.tasks.save(next_of(next_of(task)), journal(), annotation=again)
    assert ports.tasks.annotations("pets", task.task_id) == [given]
    assert ports.tasks.get("pets", task.task_id).revision == 1
    assert ports.outbox() == []


def test_a_task_that_does_not_exist_cannot_be_saved(ports: Ports) -> None:
    with pytest.raises(ConflictError):
        ports.tasks.save(next_of(opening().task), journal())
    assert ports.outbox() == []


def test_of_many_claims_at_once_exactly_one_wins(ports: Ports) -> None:
    task = opened(ports)

    def claim(name: str) -> bool:
        try:
            ports.tasks.save(grant(task, name, name, "", NOW, 60), journal(ord(name)))
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as people:
        won = dict(zip("abcdefgh", people.map(claim, "abcdefgh"), strict=True))
    (winner,) = [name for name, won_it in won.items() if won_it]
    assert [each.annotator for each in ports.tasks.get("pets", task.task_id).leases] == [winner]
    assert [each.data["task_id"] for each in ports.outbox()] == [f"t{ord(winner)}"]


# ---------------------------------------------------------------- lists and counts


@slow_on_aws
def test_open_tasks_come_by_priority_then_age_over_all_pages(ports: Ports) -> None:
    scores = [0.5, -2.0, 1e12, 0.5000000001, 0.0, 3.5, -0.25]
    for number, score in enumerate(scores):
        ports.tasks.open([opening(number, score=score)], QUIET)
    found = ports.tasks.by_status("pets", TaskStatus.OPEN, 50)
    assert [each.priority for each in found] == sorted(scores, reverse=True)
    assert ports.tasks.by_status("pets", TaskStatus.OPEN, 3) == found[:3]
    assert ports.tasks.by_status("pets", TaskStatus.OPEN, 0) == []
    assert ports.tasks.by_status("other", TaskStatus.OPEN, 3) == []


def test_of_equal_priority_the_older_task_comes_first(ports: Ports) -> None:
    for number, age in ((1, 5), (2, 60), (3, 0)):
        one = opening(number)
        task = msgspec.structs.replace(one.task, opened_at=NOW - timedelta(seconds=age))
        ports.tasks.open([msgspec.structs.replace(one, task=task)], QUIET)
    found = ports.tasks.by_status("pets", TaskStatus.OPEN, 10)
    assert [each.task_id for each in found] == [opening(number).task.task_id for number in (2, 1, 3)]


def test_a_task_is_listed_under_its_present_status_alone(ports: Ports) -> None:
    tasks = [opened(ports, number) for number in range(3)]
    ports.tasks.save(settle(tasks[0]), QUIET)
    ports.tasks.save(send_to_review(tasks[1]), QUIET)
    assert {each: ports.tasks.count("pets", each) for each in TaskStatus} == {
        TaskStatus.OPEN: 1,
        TaskStatus.SETTLING: 0,
        TaskStatus.SETTLED: 1,
        TaskStatus.REVIEW: 1,
        TaskStatus.CANCELLED: 0,
    }
    assert [each.task_id for each in ports.tasks.by_status("pets", TaskStatus.REVIEW, 5)] == [tasks[1].task_id]


def test_projects_do_not_see_each_other(ports: Ports) -> None:
    task = opened(ports)
    other = opening(1, config=project(name="birds"))
    ports.tasks.open([other], QUIET)
    give(ports, task)
    assert ports.tasks.count("birds", TaskStatus.OPEN) == 1
    assert ports.tasks.answers("birds", 10) == []
    assert ports.tasks.work("birds", "ada", 10) == []
    with pytest.raises(NotFoundError):
        ports.tasks.get("birds", task.task_id)


def test_answers_of_a_task_of_a_person_and_of_a_project(ports: Ports) -> None:
    first, second = opened(ports, 1), opened(ports, 2)
    for seconds, name in ((1, "ada"), (2, "ben"), (3.5, "cleo")):
        first = give(ports, first, name, seconds)
    give(ports, second, "ada", 3)
    people = [each.annotator for each in ports.tasks.annotations("pets", first.task_id)]
    assert people == ["ada", "ben", "cleo"]
    work = ports.tasks.work("pets", "ada", 10)
    assert [each.task_id for each in work] == [second.task_id, first.task_id]
    assert ports.tasks.work("pets", "ada", 1) == work[:1]
    assert [each.annotator for each in ports.tasks.answers("pets", 3)] == ["cleo", "ada", "ben"]
    assert len(ports.tasks.answers("pets", 99)) == 4
    assert ports.tasks.work_count("pets", "ada") == 2
    assert ports.tasks.work_count("pets", "ada", NOW + timedelta(seconds=3)) == 1
    assert ports.tasks.work_count("pets", "ada", NOW + timedelta(seconds=3.1)) == 0
    assert ports.tasks.work_count("pets", "nobody") == 0
    one = ports.tasks.annotations("pets", first.task_id)[1]
    assert ports.tasks.annotation("pets", first.task_id, one.annotation_id) == one
    assert ports.tasks.annotation("pets", second.task_id, one.annotation_id) is None


def test_a_correction_stands_beside_the_answer_it_supersedes(ports: Ports) -> None:
    task = opened(ports)
    granted = grant(task, "ada", "token", "", NOW, 60)
    ports.tasks.save(granted, QUIET)
    first = annotation(task)
    answered = answer(granted, first, "token", NOW)
    ports.tasks.save(answered, QUIET, annotation=first)
    later = annotation(task, label="dog", seconds=5, supersedes=first.annotation_id)
    ports.tasks.save(answer(answered, later, None, NOW), QUIET, annotation=later)
    assert ports.tasks.annotations("pets", task.task_id) == [first, later]


# ---------------------------------------------------------------- what came with an import


def test_imported_answers_are_known_and_belong_to_no_task(ports: Ports) -> None:
    one = given("a" * 64, "ada", "ben")
    for _ in range(2):
        ports.tasks.bring([one])
    place = one.consensus.task_id
    assert tuple(ports.tasks.annotations("pets", place)) == one.annotations
    assert ports.tasks.annotation("pets", place, one.annotations[0].annotation_id) == one.annotations[0]
    assert ports.tasks.consensuses("pets", place) == [one.consensus]
    assert [each.annotator for each in ports.tasks.answers("pets", 10)] == ["ben", "ada"]
    assert ports.tasks.work("pets", "ada", 10) == []
    assert ports.tasks.work_count("pets", "ada") == 0
    assert ports.tasks.uncommitted("pets", 10) == []
    assert ports.tasks.known_samples("pets", ["a" * 64]) == frozenset()
    assert all(ports.tasks.count("pets", each) == 0 for each in TaskStatus)
    assert ports.outbox() == []
    for each in one.edges:
        assert each in ports.lineage.edges_from("pets", each.source)
        assert each in ports.lineage.edges_to("pets", each.target)


def test_an_imported_answer_stays_as_it_was_first_written(ports: Ports) -> None:
    one = given("a" * 64, "ada")
    ports.tasks.bring([one])
    other = msgspec.structs.replace(one.annotations[0], source="another")
    ports.tasks.bring([msgspec.structs.replace(one, annotations=(other,)), given("b" * 64, "ada")])
    assert tuple(ports.tasks.annotations("pets", one.consensus.task_id)) == one.annotations
    assert len(ports.tasks.answers("pets", 10)) == 2


@slow_on_aws
def test_an_import_may_be_larger_than_transactions_are(ports: Ports) -> None:
    crowd = [f"person {number:02}" for number in range(45)]
    brought = [given("a" * 64, *crowd), *(given(f"{number:064x}", "ada", "ben", "cleo") for number in range(12))]
    ports.tasks.bring(iter(brought))
    assert len(ports.tasks.answers("pets", 1000)) == 45 + 36
    for each in brought:
        place = each.consensus.task_id
        assert tuple(ports.tasks.annotations("pets", place)) == each.annotations
        assert ports.tasks.consensus("pets", place) == each.consensus
        node = Node(kind=NodeKind.CONSENSUS, id=each.consensus.consensus_id)
        assert len(ports.lineage.edges_to("pets", node)) == len(each.annotations)


@slow_on_aws
def test_long_imported_answers_are_written_too(ports: Ports) -> None:
    brought = [given(f"{number:064x}", "ada", "ben", "cleo", label="x" * 100_000) for number in range(12)]
    ports.tasks.bring(brought)
    assert len(ports.tasks.answers("pets", 100)) == 36


# ---------------------------------------------------------------- consensus


def test_labels_wait_oldest_first_until_a_version_holds_them(ports: Ports) -> None:
    for number in (3, 1, 2):
        task = opened(ports, number)
        ports.tasks.save(settle(task), QUIET, consensus=consensus(task, f"c{number}", seconds=number))
    waiting = ports.tasks.uncommitted("pets", 10)
    assert [each.consensus.consensus_id for each in waiting] == ["c1", "c2", "c3"]
    assert waiting[0].sample == opening(1).sample
    assert waiting[0].selection == opening(1).selection
    assert ports.tasks.uncommitted("pets", 2) == waiting[:2]
    for version in ("v1", "v2"):
        ports.tasks.mark_committed(waiting[:2], version)
    assert ports.tasks.uncommitted("pets", 10) == waiting[2:]
    assert ports.tasks.consensus("pets", opening(1).task.task_id) == waiting[0].consensus
    ports.tasks.mark_committed([], "v3")


def test_a_new_consensus_takes_the_place_of_the_one_that_waits(ports: Ports) -> None:
    task = opened(ports)
    ports.tasks.save(settle(task), QUIET, consensus=consensus(task, "c1"))
    (old,) = ports.tasks.uncommitted("pets", 10)
    settled = settle(settle(task))
    ports.tasks.save(settled, QUIET, consensus=consensus(task, "c2", "dog", seconds=5))
    (waiting,) = ports.tasks.uncommitted("pets", 10)
    assert waiting.consensus.label == "dog"
    assert ports.tasks.consensus("pets", task.task_id) == waiting.consensus
    assert [each.consensus_id for each in ports.tasks.consensuses("pets", task.task_id)] == ["c1", "c2"]
    assert ports.tasks.consensuses("pets", "another") == []
    ports.tasks.mark_committed([old], "v1")
    assert ports.tasks.uncommitted("pets", 10) == [waiting]


def test_a_consensus_is_never_written_over(ports: Ports) -> None:
    task = opened(ports)
    ports.tasks.save(settle(task), QUIET, consensus=consensus(task, "c1"))
    ports.tasks.mark_committed(ports.tasks.uncommitted("pets", 1), "v1")
    with pytest.raises(ConflictError):
        ports.tasks.save(settle(settle(task)), journal(), consensus=consensus(task, "c1"))
    assert ports.tasks.uncommitted("pets", 10) == []
    assert ports.outbox() == []


def test_marking_a_consensus_that_is_not_there_is_refused(ports: Ports) -> None:
    task = opened(ports)
    ports.tasks.save(settle(task), QUIET, consensus=consensus(task, "c1"))
    (label,) = ports.tasks.uncommitted("pets", 1)
    unknown = msgspec.structs.replace(label, consensus=consensus(task, "c9"))
    with pytest.raises(NotFoundError):
        ports.tasks.mark_committed([unknown], "v1")


def test_what_is_not_there_is_said(ports: Ports) -> None:
    with pytest.raises(NotFoundError):
        ports.tasks.get("pets", "none")
    with pytest.raises(NotFoundError):
        ports.tasks.sample("pets", "none")
    assert ports.tasks.selection("pets", "none") is None
    assert ports.tasks.consensus("pets", "none") is None
    assert ports.tasks.annotations("pets", "none") == []
    assert ports.tasks.annotation("pets", "none", "none") is None


def test_the_journal_of_an_answer_is_written_with_it(ports: Ports) -> None:
    task = opened(ports)
    ports.tasks.save(next_of(task), journal(), annotation=annotation(task))
    assert [each.event_type for each in ports.outbox()] == ["TaskSkipped"]
    assert ports.lineage.edges_to("pets", Node(kind=NodeKind.ANNOTATION, id="a1")) == [edge()]


def ruling(task: Task, seconds: int = 0, **changes: Any) -> Ruling:
    facts = {
        "project": task.project,
        "ruling_id": f"r{seconds}",
        "task_id": task.task_id,
        "sample_id": task.sample_id,
        "reviewer": "rita",
        "label": "cat",
        "comment": "why",
        "at": NOW + timedelta(seconds=seconds),
    }
    return Ruling(**{**facts, **changes})


def test_a_ruling_is_written_with_its_task_or_not_at_all(ports: Ports) -> None:
    ports.tasks.open([opening(1), opening(2)], QUIET)
    first, second = opening(1).task, opening(2).task
    ports.tasks.save(settle(first), QUIET, ruling=ruling(first))
    with pytest.raises(ConflictError):
        ports.tasks.save(settle(first), QUIET, ruling=ruling(first, 1))
    ports.tasks.save(settle(second), QUIET, ruling=ruling(second, 2, label=None, before="dog", version_id="v1"))
    assert ports.tasks.rulings("pets", 9) == [
        ruling(second, 2, label=None, before="dog", version_id="v1"),
        ruling(first),
    ]
    assert ports.tasks.rulings("pets", 1) == [ruling(second, 2, label=None, before="dog", version_id="v1")]
    assert ports.tasks.rulings_of("pets", first.task_id) == [ruling(first)]
    assert ports.tasks.rulings_of("pets", "nothing") == ports.tasks.rulings("others", 9) == []


def test_a_gold_task_is_added_once_and_listed_nowhere(ports: Ports) -> None:
    task = msgspec.structs.replace(opening(1).task, gold_id="g1", backend="gold", task_id="1" * 32)
    ports.tasks.add(task, journal())
    with pytest.raises(ConflictError):
        ports.tasks.add(task, journal())
    assert ports.tasks.get("pets", task.task_id) == task
    assert ports.tasks.count("pets", TaskStatus.OPEN) == 0
    settled = msgspec.structs.replace(next_of(task), status=TaskStatus.SETTLED)
    ports.tasks.save(settled, QUIET, annotation=annotation(task, "ada"))
    assert ports.tasks.get("pets", task.task_id) == settled
    assert ports.tasks.count("pets", TaskStatus.SETTLED) == 0
    assert len(ports.outbox()) == 1
