"""A reviewer's word: it settles what people dispute, changes what they agreed on, or asks one of them more."""

from __future__ import annotations

import threading

import pytest

from tests.worlds import Loop, project
from trueup.errors import InputError, LabelError, NotFoundError, TaskClosedError
from trueup.events import ConsensusReached, TaskReturned, TaskRuled
from trueup.model import Node, NodeKind, TaskStatus
from trueup.usecases.rule_on_task import RuleOnTask
from trueup.usecases.show_reviews import ShowReviews
from trueup.usecases.submit_annotation import Submission


def disputed(answers: tuple[str, ...] = ("cat", "dog")) -> tuple[Loop, str]:
    loop = Loop(project(consensus={"method": "majority", "overlap": 2, "max_overlap": 2, "target": 0.9}))
    loop.ingest(loop.capture(1))
    task_id = ""
    for name, label in zip(("ada", "ben", "cleo"), answers, strict=False):
        task_id = answer(loop, name, label)
    return loop, task_id


def answer(loop: Loop, name: str, label: str) -> str:
    claimed = loop.claim("pets", name)
    assert claimed is not None
    task_id, token = claimed.task.task_id, claimed.lease.token
    loop.submit(Submission(project="pets", task_id=task_id, annotator=name, label=label, lease_token=token))
    loop.settle("pets", task_id)
    return task_id


def rules(loop: Loop) -> RuleOnTask:
    return RuleOnTask({"pets": loop.config}, loop.tasks, loop.lineage, loop.queue, loop.clock)


def views(loop: Loop) -> ShowReviews:
    return ShowReviews({"pets": loop.config}, loop.tasks)


def events(loop: Loop, kind: type) -> int:
    return sum(each.event_type == kind.__name__ for each in loop.world.outbox)


def test_a_ruling_settles_what_people_dispute_and_the_next_version_holds_it() -> None:
    loop, task_id = disputed()
    assert [each.task_id for each in views(loop).waiting("pets")] == [task_id]
    ruled = rules(loop).label("pets", task_id, "rita", "fox", "look at the tail")
    assert (ruled.repeated, ruled.ruling.before, ruled.ruling.version_id) == (False, None, None)
    task = loop.tasks.get("pets", task_id)
    assert (task.status, task.answered_by) == (TaskStatus.SETTLED, ("ada", "ben", "rita"))
    consensus = loop.tasks.consensus("pets", task_id)
    assert consensus is not None
    assert (consensus.label, consensus.method, consensus.posterior, consensus.agreement) == ("fox", "review", 1.0, 0.0)
    assert views(loop).waiting("pets") == []
    assert (events(loop, TaskRuled), events(loop, ConsensusReached)) == (1, 1)
    (version,) = loop.commit("pets", "ruled", force=True)
    assert version.class_counts == {"fox": 1}


def test_the_same_again_changes_nothing_and_another_word_is_another_ruling() -> None:
    loop, task_id = disputed()
    first = rules(loop).label("pets", task_id, "rita", "fox")
    again = rules(loop).label("pets", task_id, "rita", "fox", "whatever")
    assert (again.repeated, again.ruling) == (True, first.ruling)
    loop.clock.advance(60)
    second = rules(loop).label("pets", task_id, "sam", "cat", "it purrs")
    assert (second.repeated, second.ruling.before) == (False, "fox")
    assert [each.label for each in views(loop).rulings("pets")] == ["cat", "fox"]
    assert [each.label for each in views(loop).task("pets", task_id).rulings] == ["fox", "cat"]


def test_changing_what_people_agreed_on_takes_a_reason_and_tells_which_version_held_it() -> None:
    loop, task_id = disputed(("cat", "cat"))
    (version,) = loop.commit("pets", "agreed", force=True)
    with pytest.raises(InputError, match="is settled as 'cat': say why it should change"):
        rules(loop).label("pets", task_id, "rita", "dog")
    loop.clock.advance(60)
    ruling = rules(loop).label("pets", task_id, "rita", "dog", "the picture was turned").ruling
    assert (ruling.before, ruling.version_id) == ("cat", version.version_id)
    (second,) = loop.commit("pets", "ruled", force=True)
    assert (second.class_counts, second.relabelled) == ({"dog": 1}, 1)
    edges = loop.lineage.edges_to("pets", Node(kind=NodeKind.VERSION, id=second.version_id))
    assert sum(each.source.kind is NodeKind.CONSENSUS for each in edges) == 1


def test_a_task_sent_back_goes_to_one_more_person_who_reads_why() -> None:
    loop, task_id = disputed()
    depth = loop.queue.depth("pets")
    ruled = rules(loop).give_back("pets", task_id, "rita", "mind the ears")
    assert rules(loop).give_back("pets", task_id, "rita", "mind the ears").repeated
    assert ruled.ruling.label is None
    assert loop.queue.depth("pets") == depth + 1
    assert (events(loop, TaskReturned), loop.tasks.get("pets", task_id).overlap) == (1, 3)
    assert loop.claim("pets", "ada") is None
    claimed = loop.claim("pets", "cleo")
    assert claimed is not None
    assert [each.text for each in claimed.task.comments] == ["mind the ears"]
    token = claimed.lease.token
    loop.submit(Submission(project="pets", task_id=task_id, annotator="cleo", label="cat", lease_token=token))
    loop.settle("pets", task_id)
    assert loop.tasks.get("pets", task_id).status is TaskStatus.REVIEW


def test_what_is_wrong_is_said() -> None:
    loop, task_id = disputed(("cat", "cat"))
    rule = rules(loop)
    with pytest.raises(LabelError, match="'cow' is not a class; classes: cat"):
        rule.label("pets", task_id, "rita", "cow")
    with pytest.raises(NotFoundError):
        rule.label("pets", "nowhere", "rita", "cat")
    with pytest.raises(InputError, match="say what the next annotator should look at"):
        rule.give_back("pets", task_id, "rita", " ")
    with pytest.raises(TaskClosedError, match="only one in review can be sent back"):
        rule.give_back("pets", task_id, "rita", "why?")
    assert views(loop).rulings("pets") == []


def test_of_reviewers_who_rule_at_once_both_are_heard_and_the_last_one_stands() -> None:
    loop, task_id = disputed()
    threads = [
        threading.Thread(target=rules(loop).label, args=("pets", task_id, name, label, "mine"))
        for name, label in (("rita", "fox"), ("sam", "dog"))
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    found = views(loop).task("pets", task_id)
    assert sorted(str(each.label) for each in found.rulings) == ["dog", "fox"]
    assert found.consensus is not None
    assert found.consensus.label in ("dog", "fox")
