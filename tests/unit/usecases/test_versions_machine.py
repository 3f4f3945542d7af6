"""Commits, branches, merges, reverts, tags, trainings and collections in any order, played at random."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from tests.unit.dataset.test_versions import line
from tests.unit.usecases.refs import BY, shelf
from trueup.dataset.diff import diff
from trueup.errors import ConflictError, InputError, NotFoundError
from trueup.model import DatasetVersion, RetrainingRun, RunStatus
from trueup.ports import Journal

pytestmark = pytest.mark.slow

_BRANCHES = ("main", "one", "two")
Content = dict[str, tuple[str, str]]

changes = st.dictionaries(st.integers(0, 6), st.sampled_from(["cat", "dog", "fox", None]), min_size=1, max_size=4)
branches = st.sampled_from(_BRANCHES)


class VersionsMachine(RuleBasedStateMachine):
    """`contents` has what each version held when it was made; `named` the ids of those that must never lose it."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = shelf()
        self.contents: dict[str, Content] = {}
        self.named: set[str] = set()
        self.trained = 0

    @initialize(labels=st.dictionaries(st.integers(0, 6), st.sampled_from(["cat", "dog"]), min_size=1))
    def begin(self, labels: dict[int, str]) -> None:
        self._made(self.shelf.make(dict(labels)))

    @rule(branch=branches, labels=changes)
    def commit(self, branch: str, labels: dict[int, str | None]) -> None:
        head = self.shelf.datasets.head("pets", branch)
        if head is None:
            return
        made = self.shelf.make(labels, branch)
        wanted = dict(self.contents[head.version_id])
        for number, label in labels.items():
            name = line(number, "").sample_id
            wanted.pop(name, None)
            if label is not None:
                wanted[name] = (label, line(number, label).split)
        self._made(made)
        assert self._held(made or head) == wanted

    @rule(name=st.sampled_from(_BRANCHES[1:]), data=st.data())
    def branch(self, name: str, data: st.DataObject) -> None:
        version = self._any(data)
        try:
            self.shelf.names.branch(name, version, BY, "")
        except ConflictError:
            assert self.shelf.datasets.head("pets", name) or version.version_id in self._pruned()

    @rule(name=st.sampled_from(_BRANCHES[1:]))
    def delete_branch(self, name: str) -> None:
        if self.shelf.datasets.head("pets", name):
            self.shelf.names.delete_branch("pets", name, BY, "")

    @rule(source=branches, into=branches, strategy=st.sampled_from(["ours", "theirs", "newest", None]))
    def merge(self, source: str, into: str, strategy: str | None) -> None:
        theirs, ours = (self.shelf.datasets.head("pets", each) for each in (source, into))
        if theirs is None or ours is None:
            return
        try:
            done = self.shelf.merge("pets", theirs, into, "merge", by=BY, strategy=strategy)  # type: ignore[arg-type]
        except (ConflictError, NotFoundError):
            assert self.shelf.datasets.head("pets", into) == ours
            return
        self._made(done.version)
        again = self.shelf.merge("pets", theirs, into, "merge", by=BY)
        assert again.kind == "current"

    @rule(branch=branches, data=st.data())
    def revert(self, branch: str, data: st.DataObject) -> None:
        head, version = self.shelf.datasets.head("pets", branch), self._any(data)
        before = self.shelf.datasets.version("pets", version.parent) if version.parent else None
        if head is None:
            return
        try:
            done = self.shelf.revert("pets", before, version, "back", by=BY, branch=branch, keep_newer=True)
        except NotFoundError:
            assert {version.version_id, before.version_id if before else ""} & self._pruned()
            return
        except InputError:
            return
        self._made(done.version)
        if head == version:
            assert self._held(done.version or head) == (self.contents[before.version_id] if before else {})

    @rule(data=st.data(), name=st.sampled_from(["frozen", "kept"]))
    def tag(self, data: st.DataObject, name: str) -> None:
        version, before = self._any(data), self.shelf.refs.tag("pets", name)
        try:
            self.shelf.names.tag(name, version, BY, "", move=True)
        except ConflictError:
            assert version.version_id in self._pruned()
            return
        trained = {each.version_id for each in self.shelf.runs.runs("pets", 99)}
        others = {each.version_id for each in self.shelf.refs.tags("pets")}
        if before and before.version_id not in trained | others:
            self.named.discard(before.version_id)
        self.named.add(version.version_id)

    @rule()
    def train(self) -> None:
        head = self.shelf.datasets.head("pets")
        assert head is not None
        self.trained += 1
        run = RetrainingRun(
            project="pets",
            run_id=f"r{self.trained}",
            status=RunStatus.RUNNING,
            version_id=head.version_id,
            rule="count",
            reason="enough",
            started_at=self.shelf.clock.now(),
        )
        journal = Journal(at=self.shelf.clock.now())
        self.shelf.runs.begin(run, journal)
        self.shelf.runs.save(replace(run, status=RunStatus.FAILED), journal)
        self.named.add(head.version_id)

    @rule(hours=st.sampled_from([1, 13, 25, 200]), versions=st.none() | st.integers(1, 3), days=st.none() | st.just(2))
    def collect(self, hours: int, versions: int | None, days: int | None) -> None:
        self.shelf.clock.advance(3600 * hours)
        self.shelf.keep(keep_versions=versions, keep_days=days)
        self.shelf.collect("pets")

    @precondition(lambda self: self.contents)
    @invariant()
    def verify_is_clean(self) -> None:
        assert self.shelf.problems() == []

    @precondition(lambda self: self.contents)
    @invariant()
    def what_must_stay_is_there_as_it_was(self) -> None:
        pruned = self._pruned()
        heads = {each.version_id for each in self.shelf.datasets.heads("pets").values()}
        assert not pruned & (self.named | heads)
        for each in self.shelf.datasets.versions("pets"):
            if each.version_id not in pruned:
                assert self._held(each) == self.contents[each.version_id]

    @precondition(lambda self: self.contents)
    @invariant()
    def a_diff_leads_from_one_to_the_other(self) -> None:
        pruned = self._pruned()
        whole = [each for each in self.shelf.datasets.versions("pets") if each.version_id not in pruned]
        before, after = self.shelf.lines(whole[-1]), self.shelf.lines(whole[0])
        found = {name: (each.label, each.split) for name, each in before.items()}
        for change in diff(self.shelf.find.view("pets", whole[-1]), self.shelf.find.view("pets", whole[0])):
            if change.change == "removed":
                del found[change.sample_id]
            elif change.change == "added":
                found[change.sample_id] = (str(change.after), after[change.sample_id].split)
            elif change.change == "relabelled":
                found[change.sample_id] = (str(change.after), found[change.sample_id][1])
        assert found == self.contents[whole[0].version_id]

    def _any(self, data: st.DataObject) -> DatasetVersion:
        return data.draw(st.sampled_from(self.shelf.datasets.versions("pets")))

    def _pruned(self) -> set[str]:
        return {each.version_id for each in self.shelf.refs.pruned("pets")}

    def _made(self, version: DatasetVersion | None) -> None:
        if version is not None:
            self.contents.setdefault(version.version_id, self._held(version))

    def _held(self, version: DatasetVersion) -> Content:
        return {name: (each.label, each.split) for name, each in self.shelf.lines(version).items()}


VersionsMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestVersions = VersionsMachine.TestCase
