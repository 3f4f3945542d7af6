"""Foreign labeling backends: what all of them do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.shops import Shop, by_annotator, fake, ground_truth, label_studio, stream
from tests.integration.test_ground_truth import NAME, tasks
from trueup.errors import NotFoundError
from trueup.ports import AnsweredTask


@pytest.fixture(params=["fake", "ground_truth", "stream", pytest.param("label_studio", marks=pytest.mark.studio)])
def shop(request: pytest.FixtureRequest) -> Shop:
    if request.param == "label_studio":
        return label_studio(request.getfixturevalue("studio"))
    return {"fake": fake, "ground_truth": ground_truth, "stream": stream}[request.param]()


@pytest.fixture(params=["fake", pytest.param("label_studio", marks=pytest.mark.studio)])
def editable(request: pytest.FixtureRequest) -> Shop:
    """Where people change their minds."""
    return fake() if request.param == "fake" else label_studio(request.getfixturevalue("studio"))


def test_a_batch_that_was_not_started_is_not_found(shop: Shop) -> None:
    with pytest.raises(NotFoundError):
        shop.backend.status(NAME)


def test_starting_twice_is_starting_once(shop: Shop) -> None:
    for batch in (tasks(), tasks()[:1]):
        shop.backend.start(NAME, batch)
    shop.answer(1, "dog", "w1")
    (answer,) = shop.backend.answers(NAME)
    assert (answer.task_id, answer.sample_id, answer.label) == (tasks()[1].task_id, tasks()[1].sample_id, "dog")
    assert shop.backend.status(NAME) == "in_progress"


def test_answers_come_one_by_one_and_stay_what_they_were(shop: Shop) -> None:
    shop.backend.start(NAME, tasks())
    assert shop.backend.answers(NAME) == []
    shop.answer(0, "cat", "w1")
    (first,) = shop.backend.answers(NAME)
    shop.answer(0, "dog", "w2")
    shop.end()
    assert shop.backend.status(NAME) == "completed"
    found = by_annotator(shop.backend.answers(NAME))
    assert found[shop.known("w1")] == first
    second = found[shop.known("w2")]
    assert (second.label, second.project, len(found)) == ("dog", "pets", 2)


def test_what_got_no_label_is_told(shop: Shop) -> None:
    shop.backend.start(NAME, tasks())
    assert shop.backend.failures(NAME) == {}
    shop.fail(1)
    assert shop.backend.failures(NAME).keys() == {tasks()[1].task_id}
    assert shop.backend.failures(NAME)[tasks()[1].task_id] in ("blurred", "3 people skipped it")
    assert shop.backend.retryable(NAME) <= shop.backend.failures(NAME).keys()


def test_a_bill_counts_what_got_a_label(shop: Shop) -> None:
    shop.backend.start(NAME, tasks())
    shop.fail(1)
    bill = shop.backend.bill(NAME, 0, 0)
    assert bill is None or (bill.objects, bill.amount) == (0, 0.0)


def test_a_batch_is_called_back_with_the_answers_so_far(shop: Shop) -> None:
    shop.backend.start(NAME, tasks())
    shop.answer(0, "cat", "w1")
    for _ in range(2):
        shop.backend.recall(NAME)
    if shop.backend.single:
        assert shop.backend.status(NAME) != "in_progress"
    assert [each.label for each in shop.backend.answers(NAME)] == ["cat"]


def test_tasks_come_back_one_by_one(editable: Shop) -> None:
    ids = [each.task_id for each in tasks()]
    editable.backend.start(NAME, tasks())
    editable.answer(0, "cat", "w1")
    assert editable.backend.returned(NAME, ids) == frozenset()
    editable.answer(0, "cat", "w2")
    assert editable.backend.returned(NAME, ids) == {ids[0]}
    editable.backend.withdraw(NAME, ids)
    editable.backend.withdraw(NAME, [])
    assert editable.backend.returned(NAME, ids) == set(ids)


def test_what_people_change_is_told_with_what_stands(editable: Shop) -> None:
    editable.backend.start(NAME, tasks())
    editable.answer(0, "cat", "w1")
    editable.answer(0, "cat", "w2")
    editable.answer(1, "fox", "w1")
    first = editable.backend.changes(None)
    assert _said(first.tasks[0]) | _said(first.tasks[1]) == {("w1", "cat"), ("w2", "cat"), ("w1", "fox")}
    assert first.until is not None
    editable.edit(0, "dog", "w1")
    editable.edit(0, None, "w2")
    later = editable.backend.changes(first.until)
    (changed,) = [each for each in later.tasks if each.task_id == tasks()[0].task_id]
    assert _said(changed) == {("w1", "dog")}
    assert later.until > first.until
    assert all(each.submitted_at <= changed.at for each in changed.answers)
    assert editable.backend.changes(later.until + timedelta(hours=1)).tasks == ()


def _said(task: AnsweredTask) -> set[tuple[str, str]]:
    return {(each.annotator.partition("@")[0], each.label) for each in task.answers}
