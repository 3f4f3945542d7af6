"""Tasks whose answer is known: hidden, stratified, retired; and what follows for whoever answers them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worlds import CLASSES, NOW, Loop, project
from trueup.annotation.gold import choices, drawn, status_of
from trueup.errors import InputError, NotFoundError, SuspendedError
from trueup.model import Gold, GoldAnswer, GoldPolicy, StandingStatus, Task, TaskStatus
from trueup.usecases.skip_task import SkipTask
from trueup.usecases.submit_annotation import Submission


def loop_with_gold(share: float = 1.0, **policy: object) -> Loop:
    """Nine labelled samples that became gold, and tasks besides."""
    gold = {"share": share, "window": 5, "min_answers": 5, **policy}
    loop = Loop(project(gold=gold, consensus={"overlap": 1, "max_overlap": 2, "target": 0.6}, commit={"batch": 9}))
    loop.ingest(loop.capture(9))
    for number, task in enumerate(loop.tasks.by_status("pets", TaskStatus.OPEN, 9)):
        claimed = claim_ordinary(loop, "zoe")
        assert claimed.task_id
        answer(loop, claimed, "zoe", CLASSES[number % 3])
        assert task
    loop.commit("pets", "first", force=True)
    return loop


def claim_ordinary(loop: Loop, who: str) -> Task:
    held = loop.claim("pets", who)
    assert held is not None
    return held.task


def answer(loop: Loop, task: Task, who: str, label: str) -> None:
    token = next(each.token for each in task.leases if each.annotator == who)
    given = Submission(project="pets", task_id=task.task_id, annotator=who, label=label, lease_token=token)
    loop.submit(given)
    assert loop.submit(given).repeated
    loop.settle("pets", task.task_id)


def truth(loop: Loop, task: Task) -> str:
    found = loop.gold.item("pets", task.gold_id or "")
    assert found is not None
    return found.label


def test_gold_is_made_of_the_surest_labels_of_each_class_as_many() -> None:
    loop = loop_with_gold()
    made = loop.keep_gold.add("pets", 5, "lea", 0.5)
    assert Counter(each.label for each in made) == {"cat": 2, "dog": 2, "fox": 1}
    more = loop.keep_gold.add("pets", 99, "lea", 0.5)
    assert len(more) == 4
    assert loop.keep_gold.add("pets", 99, "lea", 0.5) == []
    assert Counter(each.label for each in loop.keep_gold.items("pets")) == dict.fromkeys(CLASSES, 3)
    assert loop.keep_gold.items("pets")[0].added_by == "lea"
    loop.keep_gold.remove("pets", more[0].gold_id)
    with pytest.raises(NotFoundError, match="no gold task"):
        loop.keep_gold.remove("pets", more[0].gold_id)


def test_without_a_version_there_is_nothing_to_make_gold_of() -> None:
    with pytest.raises(NotFoundError, match="no dataset version yet"):
        Loop().keep_gold.add("pets", 5, "lea")


def test_a_gold_task_looks_like_any_other_and_is_one_annotators_alone() -> None:
    loop = loop_with_gold()
    loop.keep_gold.add("pets", 9, "lea", 0.5)
    loop.ingest(loop.capture(3, "more", 50))
    seen: list[str] = []
    for number in range(9):
        task = claim_ordinary(loop, "ada")
        assert task.gold_id is not None
        assert len(task.task_id) == 32
        assert task.task_id not in [each.task_id for each in loop.tasks.by_status("pets", TaskStatus.OPEN, 99)]
        seen.append(truth(loop, task))
        answer(loop, task, "ada", truth(loop, task))
        # Of each class as often as of the others, however far it got.
        assert max(Counter(seen).values()) - min(Counter({**dict.fromkeys(CLASSES, 0), **Counter(seen)}).values()) <= 1
        assert loop.tasks.count("pets", TaskStatus.OPEN) == 3
        assert number + 1 == len(loop.gold.answers("pets", "ada"))
    # All were answered: what is left are tasks like any other.
    assert claim_ordinary(loop, "ada").gold_id is None
    assert claim_ordinary(loop, "ben").gold_id is not None
    assert all(each.score == 1.0 for each in loop.gold.answers("pets"))


def test_nobody_is_asked_what_they_answered_as_a_task_like_any_other() -> None:
    loop = loop_with_gold()
    loop.keep_gold.add("pets", 9, "lea", 0.5)
    loop.ingest(loop.capture(3, "more", 50))
    assert claim_ordinary(loop, "zoe").gold_id is None


def test_gold_answers_enter_neither_consensus_nor_dataset_nor_skills() -> None:
    loop = loop_with_gold()
    loop.keep_gold.add("pets", 9, "lea", 0.5)
    before = loop.datasets.head("pets")
    for _ in range(3):
        task = claim_ordinary(loop, "ada")
        answer(loop, task, "ada", "fox")
        assert loop.tasks.get("pets", task.task_id).status is TaskStatus.SETTLED
        assert loop.tasks.consensus("pets", task.task_id) is None
    assert loop.commit("pets", "more", force=True) == []
    assert loop.datasets.head("pets") == before
    made = loop.report("pets")
    assert [each.annotator for each in made.annotators] == ["zoe"]
    assert made.looked_at == 9


def test_whoever_is_often_wrong_is_warned_and_then_suspended_and_what_rests_on_them_is_asked_again() -> None:
    loop = loop_with_gold(0.0)
    loop.keep_gold.add("pets", 9, "lea", 0.5)
    loop.ingest(loop.capture(2, "more", 50))
    work = [claim_ordinary(loop, "ada") for _ in range(2)]
    for each in work:
        answer(loop, each, "ada", "cat")
        assert loop.tasks.get("pets", each.task_id).status is TaskStatus.SETTLED
    object.__setattr__(loop.claim.gold, "projects", {})
    eager = project(gold={"share": 1.0, "window": 5, "min_answers": 5})
    for right in (True, True, True, True, False):
        asked(loop, eager, right)
    assert loop.people.standing("pets", "ada").status is StandingStatus.ACTIVE
    asked(loop, eager, right=False)
    warned = loop.people.standing("pets", "ada")
    assert (warned.status, warned.reason) == (
        StandingStatus.WARNED,
        "60% right of the newest 5 tasks whose answer is known",
    )
    asked(loop, eager, right=False)
    assert loop.people.standing("pets", "ada").status is StandingStatus.SUSPENDED
    with pytest.raises(SuspendedError, match="40% right"):
        loop.claim("pets", "ada")
    for each in work:
        again = loop.tasks.get("pets", each.task_id)
        assert (again.status, again.overlap) == (TaskStatus.OPEN, 2)
    loop.keep_gold.set_standing("pets", "ada", StandingStatus.ACTIVE, "lea")
    assert loop.claim("pets", "ada") is None
    assert loop.claim("pets", "ben") is not None
    asked(loop, eager, right=False)
    assert loop.people.standing("pets", "ada").status is StandingStatus.ACTIVE
    kinds = Counter(each.event_type for each in loop.world.outbox)
    assert (kinds["GoldAnswered"], kinds["StandingChanged"]) == (8, 3)


def asked(loop: Loop, eager: object, right: bool) -> None:
    """ada gets a gold task and is right or not."""
    loop.clock.advance(1)
    task = loop.claim.gold(eager, "ada")
    assert task is not None
    known = truth(loop, task)
    answer(loop, task, "ada", known if right else next(each for each in CLASSES if each != known))


def test_a_suspension_takes_a_reason() -> None:
    with pytest.raises(InputError, match="the annotator reads it"):
        Loop().keep_gold.set_standing("pets", "ada", StandingStatus.SUSPENDED, "lea", " ")


def test_the_report_tells_of_gold() -> None:
    loop = loop_with_gold(0.0)
    loop.keep_gold.add("pets", 9, "lea", 0.5)
    loop.ingest(loop.capture(1, "more", 50))
    answer(loop, claim_ordinary(loop, "ada"), "ada", "cat")
    eager = project(gold={"share": 1.0})
    for right in (True, True, True, False):
        asked(loop, eager, right)
    (ada,) = [each for each in loop.report("pets").annotators if each.annotator == "ada"]
    assert (ada.gold, ada.gold_right, ada.answers) == (4, 0.75, 1)
    assert ada.gold_low is not None
    assert ada.gold_high is not None
    assert ada.gold_low < 0.75 < ada.gold_high


golds = st.lists(st.sampled_from(CLASSES), min_size=1, max_size=12).map(
    lambda labels: [
        Gold(
            project="pets",
            gold_id=f"g{number}",
            sample_id=f"s{number}",
            label=label,
            names=(label,),
            content_type="text/plain",
            payload_uri="memory://x",
            added_at=NOW,
            exposures=number % 4,
        )
        for number, label in enumerate(labels)
    ]
)


@pytest.mark.slow
@given(golds, st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_every_one_is_asked_once_the_rarest_class_first_and_none_is_overexposed(items: list[Gold], most: int) -> None:
    policy = GoldPolicy(retire_after=most)
    answered: list[GoldAnswer] = []
    while found := choices(items, answered, policy, "ada"):
        first = found[0]
        assert first.exposures < most
        asked = Counter(name for each in answered for name in each.names)
        assert asked[first.label] == min(asked[each.label] for each in found)
        answered.append(
            GoldAnswer(
                project="pets",
                annotator="ada",
                gold_id=first.gold_id,
                task_id=first.gold_id,
                label="cat",
                names=first.names,
                score=1.0,
                at=NOW,
            )
        )
    assert {each.gold_id for each in answered} == {each.gold_id for each in items if each.exposures < most}


def test_the_draw_meets_its_share() -> None:
    met = sum(drawn(0.2, "pets", "ada", str(number)) for number in range(5000))
    assert 900 < met < 1100
    assert not drawn(0.0, "x")
    assert status_of([], GoldPolicy()) == (StandingStatus.ACTIVE, "")


def test_whoever_is_trained_gets_gold_alone_until_they_are_right_often_enough() -> None:
    policy = {"share": 0.0, "window": 4, "min_answers": 2, "train_below": 0.7, "suspend_below": 0.2}
    loop = Loop(project(gold=policy, consensus={"overlap": 1, "max_overlap": 2, "target": 0.7}, commit={"batch": 12}))
    loop.ingest(loop.capture(12))
    for number in range(12):
        answer(loop, claim_ordinary(loop, "zoe"), "zoe", CLASSES[number % 3])
    loop.commit("pets", "first", force=True)
    loop.keep_gold.add("pets", 12, "lea", 0.5)
    loop.ingest(loop.capture(2, "more", 50))
    eager = project(gold={**policy, "share": 1.0})
    for right in (True, False):
        asked(loop, eager, right)
    assert loop.people.standing("pets", "ada").status is StandingStatus.TRAINING
    for right in (True, True):
        task = claim_ordinary(loop, "ada")
        assert task.gold_id is not None
        known = truth(loop, task)
        loop.clock.advance(1)
        answer(loop, task, "ada", known if right else "wrong")
    assert loop.people.standing("pets", "ada").status is StandingStatus.ACTIVE
    assert claim_ordinary(loop, "ada").gold_id is None


def test_training_ends_where_there_is_nothing_left_to_train_with() -> None:
    loop = Loop(project(gold={"train_below": 0.7}))
    loop.ingest(loop.capture(2))
    loop.keep_gold.set_standing("pets", "ada", StandingStatus.TRAINING, "lea", "new here")
    with pytest.raises(SuspendedError, match="nothing left to train with"):
        loop.claim("pets", "ada")


def test_a_gold_task_that_was_let_lie_is_given_again_and_one_that_was_passed_on_is_not() -> None:
    loop = loop_with_gold()
    loop.keep_gold.add("pets", 9, "lea", 0.5)
    first, second = claim_ordinary(loop, "ada"), claim_ordinary(loop, "ada")
    assert first.task_id != second.task_id
    skip = SkipTask({"pets": loop.config}, loop.tasks, loop.queue, loop.clock)
    skip("pets", second.task_id, "ada", second.leases[0].token, "unsure")
    loop.clock.advance(3600)
    rest = [claim_ordinary(loop, "ada") for _ in range(8)]
    assert {each.gold_id for each in rest} | {second.gold_id} == {each.gold_id for each in loop.keep_gold.items("pets")}
    (again,) = [each for each in rest if each.task_id == first.task_id]
    assert again.leases[0].token != first.leases[0].token
    answer(loop, again, "ada", truth(loop, again))
    assert [each.task_id for each in loop.gold.answers("pets", "ada")] == [first.task_id]
