"""Annotators, a clock and a faulty queue at random: whatever they do, tasks end, and answers count once.

Hypothesis plays claims, heartbeats, answers, doubled and late ones, skips, crashes, lost, repeated and disordered
messages, a reviewer, and time that passes, over the real use cases on the fakes of the contract suite.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from tests.worlds import Loop, project
from trueup.annotation.answers import live
from trueup.errors import LeaseError, TaskClosedError
from trueup.model import Lease, Task, TaskStatus
from trueup.usecases.claim_task import ClaimedTask
from trueup.usecases.extend_lease import ExtendLease
from trueup.usecases.rule_on_task import RuleOnTask
from trueup.usecases.skip_task import SkipTask
from trueup.usecases.submit_annotation import Submission

pytestmark = pytest.mark.slow

PEOPLE = ("ada", "ben", "cleo", "dev", "eve")
LABELS = ("cat", "dog", "fox", '{"none":true,"proposed":""}')
DONE = (TaskStatus.SETTLED, TaskStatus.REVIEW, TaskStatus.CANCELLED)


class QueueMachine(RuleBasedStateMachine):
    held = Bundle("held")
    sent = Bundle("sent")

    @initialize(tasks=st.integers(1, 4), overlap=st.integers(1, 3), repeats=st.integers(0, 1), seed=st.integers(0, 99))
    def begin(self, tasks: int, overlap: int, repeats: int, seed: int) -> None:
        policy = {"overlap": overlap, "max_overlap": overlap + 1, "lease_seconds": 60, "method": "majority"}
        self.loop = Loop(project(consensus=policy), repeats, Random(seed))
        self.projects = {"pets": self.loop.config}
        self.extend = ExtendLease(self.projects, self.loop.tasks, self.loop.queue, self.loop.clock)
        self.skip = SkipTask(self.projects, self.loop.tasks, self.loop.queue, self.loop.clock)
        self.review = RuleOnTask(self.projects, self.loop.tasks, self.loop.lineage, self.loop.queue, self.loop.clock)
        self.loop.ingest(self.loop.capture(tasks))
        self.names = [each.task_id for each in self.loop.tasks.by_status("pets", TaskStatus.OPEN, 9)]
        assert len(self.names) == tasks
        # What was answered and accepted, by the receipt that the server gave: (task, annotator) to labels in turn.
        self.accepted: dict[tuple[str, str], list[str]] = {}

    def task(self, name: str) -> Task:
        return self.loop.tasks.get("pets", name)

    @rule(target=held, who=st.sampled_from(PEOPLE))
    def claim(self, who: str) -> Any:
        claimed = self.loop.claim("pets", who)
        if claimed is None:
            return multiple()
        before = self.accepted.get((claimed.task.task_id, who))
        assert before is None, "asked again about what they answered"
        assert claimed.lease.annotator == who
        return claimed

    @rule(claimed=held)
    def heartbeat(self, claimed: ClaimedTask) -> None:
        lease = claimed.lease
        now = self.loop.clock.now()
        try:
            longer = self.extend("pets", claimed.task.task_id, lease.annotator, lease.token)
        except LeaseError:
            assert self._held(claimed) is None
        else:
            assert longer.expires_at == now + timedelta(seconds=60)

    def _held(self, claimed: ClaimedTask) -> Lease | None:
        now = self.loop.clock.now()
        leases = self.task(claimed.task.task_id).leases
        return next((each for each in leases if each.token == claimed.lease.token and each.expires_at > now), None)

    @rule(target=sent, claimed=consumes(held), label=st.sampled_from(LABELS))
    def submit(self, claimed: ClaimedTask, label: str) -> Any:
        """Under a lease that holds it is taken, under one that ran out or is another's it is not."""
        given = Submission(
            project="pets",
            task_id=claimed.task.task_id,
            annotator=claimed.lease.annotator,
            label=label,
            lease_token=claimed.lease.token,
        )
        held = self._held(claimed)
        try:
            done = self.loop.submit(given)
        except (LeaseError, TaskClosedError):
            assert held is None
            return multiple()
        assert held is not None
        assert not done.repeated
        self.accepted[given.task_id, given.annotator] = [label]
        self.loop.settle("pets", given.task_id)
        return given

    @rule(given=sent)
    def submit_again(self, given: Submission) -> None:
        """The same answer twice, whenever: the page's outbox did not hear the first reply."""
        assert self.loop.submit(given).repeated

    @rule(given=sent, label=st.sampled_from(LABELS[:3]))
    def correct(self, given: Submission, label: str) -> None:
        mine = [
            each
            for each in live(self.loop.tasks.annotations("pets", given.task_id))
            if each.annotator == given.annotator
        ]
        if not mine or mine[0].label == label:
            return
        again = Submission(
            project="pets",
            task_id=given.task_id,
            annotator=given.annotator,
            label=label,
            supersedes=mine[0].annotation_id,
        )
        try:
            done = self.loop.submit(again)
        except TaskClosedError:
            task = self.task(given.task_id)
            assert task.final or task.status in (TaskStatus.REVIEW, TaskStatus.CANCELLED)
            return
        if not done.repeated:
            self.accepted[given.task_id, given.annotator].append(label)
        self.loop.settle("pets", given.task_id)

    @rule(claimed=consumes(held), reason=st.sampled_from(["unreadable", ""]))
    def pass_on(self, claimed: ClaimedTask, reason: str) -> None:
        held = self._held(claimed)
        try:
            self.skip("pets", claimed.task.task_id, claimed.lease.annotator, claimed.lease.token, reason)
        except LeaseError:
            assert held is None
        else:
            assert claimed.lease.annotator in self.task(claimed.task.task_id).skipped_by

    @rule(claimed=consumes(held))
    def submit_too_late(self, claimed: ClaimedTask) -> None:
        """Whatever they answered meanwhile under another lease stands as it was."""
        self.loop.clock.advance(61)
        before = self.task(claimed.task.task_id).answered_by
        self.submit(claimed, "cat")
        assert self.task(claimed.task.task_id).answered_by == before

    @rule(claimed=consumes(held))
    def crash(self, claimed: ClaimedTask) -> None:
        """The laptop is closed for good: nothing is said of it."""

    @rule(seconds=st.sampled_from([1, 30, 61, 600]))
    def wait(self, seconds: int) -> None:
        self.loop.clock.advance(seconds)

    @rule(number=st.integers(0, 9))
    def lose_a_message(self, number: int) -> None:
        messages = self.loop.queue._messages.get("pets", {})
        if messages:
            del messages[sorted(messages)[number % len(messages)]]

    @rule(number=st.integers(0, 9))
    def judge_again(self, number: int) -> None:
        """An event that is delivered twice changes nothing that the first one did not."""
        name = self.names[number % len(self.names)]
        self.loop.settle("pets", name)
        before = self.task(name)
        if before.status in DONE:
            self.loop.settle("pets", name)
            assert self.task(name) == before

    @rule(number=st.integers(0, 9), back=st.booleans())
    def rule_on_it(self, number: int, back: bool) -> None:
        waiting = self.loop.tasks.by_status("pets", TaskStatus.REVIEW, 9)
        if not waiting:
            return
        name = waiting[number % len(waiting)].task_id
        if back:
            self.review.give_back("pets", name, "rita", "look again")
        else:
            self.review.label("pets", name, "rita", "fox", "so it is")

    @invariant()
    def no_slot_is_held_twice(self) -> None:
        now = self.loop.clock.now()
        for name in self.names:
            task = self.task(name)
            holders = [each.annotator for each in task.leases if each.expires_at > now]
            assert len(holders) == len(set(holders))
            assert not set(holders) & set(task.answered_by)
            people = [each for each in task.answered_by if each != "rita"]
            assert len(people) == len(set(people))
            if task.status is TaskStatus.OPEN:
                assert len({*holders, *task.answered_by}) <= max(task.overlap, len(task.answered_by))

    @invariant()
    def answers_are_counted_once(self) -> None:
        for name in self.names:
            stored = [each for each in self.loop.tasks.annotations("pets", name) if each.annotator != "rita"]
            said = {who: labels for (task, who), labels in self.accepted.items() if task == name}
            assert Counter(each.annotator for each in stored) == Counter({who: len(each) for who, each in said.items()})
            assert {each.annotator: each.label for each in live(stored)} == {
                who: each[-1] for who, each in said.items()
            }

    @invariant()
    def what_is_settled_rests_on_enough_people(self) -> None:
        for name in self.names:
            task = self.task(name)
            if task.status is not TaskStatus.SETTLED:
                continue
            consensus = self.loop.tasks.consensus("pets", name)
            assert consensus is not None
            if consensus.method != "review":
                distinct = {each.annotator for each in self.loop.tasks.annotations("pets", name)}
                assert len(distinct - {"rita"}) >= self.loop.config.consensus.overlap

    def teardown(self) -> None:
        """Everybody comes back and works on: then every task ends, whatever was lost before."""
        if not hasattr(self, "names"):
            return
        for _ in range(40):
            self.loop.clock.advance(61)
            for who in (*PEOPLE, "fay", "gus"):
                claimed = self.loop.claim("pets", who)
                if claimed is not None:
                    self.submit_at_the_end(claimed)
            if all(self.task(each).status in DONE for each in self.names):
                return
        stuck = [self.task(each) for each in self.names if self.task(each).status not in DONE]
        raise AssertionError(f"these never end: {stuck}")

    def submit_at_the_end(self, claimed: ClaimedTask) -> None:
        given = Submission(
            project="pets",
            task_id=claimed.task.task_id,
            annotator=claimed.lease.annotator,
            label="cat",
            lease_token=claimed.lease.token,
        )
        self.loop.submit(given)
        self.loop.settle("pets", given.task_id)


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
