"""Commits, branches, merges, reverts, splits, frozen tests, checkpoints, collections, copies for others' SQL and
deletions in any order: nothing of who was forgotten is stored anywhere, and all of the others is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from tests.unit.dataset.test_versions import line
from tests.unit.usecases.refs import BY, MemoryShelf
from tests.worlds import Loop
from trueup.adapters.memory_refs import MemoryStoredParts
from trueup.capture.samples import sample_id
from trueup.dataset.groups import keys_of, speaks_of
from trueup.dataset.redaction import is_redacted
from trueup.dataset.segments import decode
from trueup.dataset.segments.cache import SEGMENTS
from trueup.dataset.verify import verify
from trueup.errors import ConflictError, InputError, LeakError, NotFoundError
from trueup.model import Change, DatasetVersion, LabelledSample, Payload, Removal, SplitPolicy
from trueup.usecases.checkpoint_version import CheckpointVersion
from trueup.usecases.freeze_test import FreezeTest
from trueup.usecases.making_versions import MakeVersion, Proposal
from trueup.usecases.resolve_subject import Wish
from trueup.usecases.split_dataset import SplitDataset

pytestmark = pytest.mark.slow

_PEOPLE = ("xavier-1001", "yolanda-2002", "zoe-3001")
_BRANCHES = ("main", "one", "two")

branches = st.sampled_from(_BRANCHES)
numbers = st.integers(0, 8)


def payload(number: int) -> Payload:
    return Payload(data=f"what {_PEOPLE[number % 3]} said the {number}th time".encode(), content_type="text/plain")


class ForgettingMachine(RuleBasedStateMachine):
    """Each person has three inputs, of which those that are `buried` try to come back, and no new ones come once the
    person is `gone`. `held` is what each version held when it was made; `heard` counts events."""

    def __init__(self) -> None:
        super().__init__()
        # Other examples have the same names of segments, and forgot others of them.
        SEGMENTS.clear()
        self.loop = Loop()
        loop = self.loop
        self.shelf = MemoryShelf(
            datasets=loop.datasets,
            refs=loop.refs,
            runs=loop.runs,
            lineage=loop.lineage,
            tasks=loop.tasks,
            stored=MemoryStoredParts(loop.datasets),
            clock=loop.clock,
            config=loop.config,
            world=loop.world,
        )
        self.held: dict[str, dict[str, str]] = {}
        self.gone: set[str] = set()
        self.buried: set[str] = set()
        self.heard = 0
        self.frozen = 0

    def line(self, number: int, label: str) -> LabelledSample:
        wanted = payload(number)
        name = sample_id(wanted)
        uri = self.loop.payloads.put("pets", name, wanted)
        whole = replace(line(number, label), sample_id=name, group=_PEOPLE[number % 3], payload_uri=uri)
        return replace(whole, fingerprint=name[:16])

    @initialize(labels=st.lists(st.sampled_from(["cat", "dog"]), min_size=3, max_size=9), frozen=st.booleans())
    def begin(self, labels: list[str], frozen: bool) -> None:
        """Somebody's samples are in the test split."""
        self.commit("main", dict(enumerate(labels)))
        if frozen:
            self._freeze(self.loop.datasets.version("pets", "v1"))

    @rule(branch=branches, labels=st.dictionaries(numbers, st.sampled_from(["cat", "dog", "fox", None]), min_size=1))
    def commit(self, branch: str, labels: dict[int, str | None]) -> None:
        if branch != "main" and self.loop.datasets.head("pets", branch) is None:
            return
        changes: list[Change] = [
            self.line(number, label) if label else Removal(sample_id=sample_id(payload(number)))
            for number, label in labels.items()
            if _PEOPLE[number % 3] not in self.gone or sample_id(payload(number)) in self.buried
        ]
        make = MakeVersion(datasets=self.loop.datasets, clock=self.loop.clock)
        try:
            make(self.loop.config, lambda _: Proposal(changes=changes), "some", by=BY, branch=branch)
        except LeakError:
            self._take_back(changes)

    def _take_back(self, changes: list[Change]) -> None:
        """Inputs of what was refused are in no version, so that no subject leads to them (docs/deletion.md)."""
        known = {name for held in self.held.values() for name in held}
        for each in changes:
            if isinstance(each, LabelledSample) and each.sample_id not in known:
                self.loop.payloads.payloads.pop(each.payload_uri, None)

    @rule(name=st.sampled_from(_BRANCHES[1:]), data=st.data())
    def branch(self, name: str, data: st.DataObject) -> None:
        try:
            self.shelf.names.branch(name, self._any(data), BY, "")
        except ConflictError:
            return

    @rule(source=branches, into=branches, strategy=st.sampled_from(["ours", "theirs", "newest"]))
    def merge(self, source: str, into: str, strategy: str) -> None:
        theirs, ours = (self.loop.datasets.head("pets", each) for each in (source, into))
        if theirs is None or ours is None:
            return
        try:
            self.shelf.merge("pets", theirs, into, "merge", by=BY, strategy=strategy)  # type: ignore[arg-type]
        except (ConflictError, LeakError, NotFoundError):
            return

    @rule(branch=branches, data=st.data())
    def revert(self, branch: str, data: st.DataObject) -> None:
        version = self._any(data)
        before = self.loop.datasets.version("pets", version.parent) if version.parent else None
        if self.loop.datasets.head("pets", branch) is None:
            return
        try:
            self.shelf.revert("pets", before, version, "back", by=BY, branch=branch, keep_newer=True)
        except (InputError, LeakError, NotFoundError):
            return

    @rule(branch=branches, salt=st.sampled_from("abc"))
    def split(self, branch: str, salt: str) -> None:
        if self.loop.datasets.head("pets", branch) is not None:
            SplitDataset(self.loop.projects, self.loop.datasets, self.shelf.names, self.loop.clock)(
                "pets", SplitPolicy(salt=salt), branch=branch
            )

    @rule(data=st.data())
    def freeze(self, data: st.DataObject) -> None:
        self._freeze(self._any(data))

    def _freeze(self, version: DatasetVersion) -> None:
        self.frozen += 1
        freeze = FreezeTest(self.loop.projects, self.loop.datasets, self.loop.clock)
        try:
            freeze("pets", version.version_id, f"frozen-{self.frozen}")
        except (InputError, LeakError, NotFoundError):
            return

    @rule(branch=branches)
    def checkpoint(self, branch: str) -> None:
        CheckpointVersion(self.loop.projects, self.loop.datasets, self.loop.receipts, few=1)("pets", branch)

    @rule(hours=st.sampled_from([13, 25]), versions=st.integers(1, 2))
    def collect(self, hours: int, versions: int) -> None:
        self.loop.clock.advance(3600 * hours)
        self.shelf.keep(keep_versions=versions)
        self.shelf.collect("pets")

    @rule()
    def hear(self) -> None:
        """As functions/table_copy does, in the order of the bus."""
        for each in self._unheard():
            self.heard += 1
            if each.event_type == "SamplesForgotten":
                self.loop.copy.again("pets", each.data["uri"])
            elif each.event_type == "VersionCommitted":
                try:
                    self.loop.copy("pets", each.data["version_id"])
                except NotFoundError:
                    assert each.data["version_id"] in self._pruned()

    @rule(person=st.sampled_from(_PEOPLE))
    def forget(self, person: str) -> None:
        try:
            signed = self.loop.forget(Wish(project="pets", subject=person), by="operator:dpo")
        except NotFoundError:
            return
        self.gone.add(person)
        self.buried |= set(signed.receipt.samples)

    @invariant()
    def nothing_is_left_of_who_was_forgotten(self) -> None:
        lines = [self._line_of(number) for number in range(9) if _PEOPLE[number % 3] in self.gone]
        keys = np.array(sorted(keys_of(lines)), dtype=np.uint64)
        stored = self.loop.datasets.objects.items()
        for uri, data in (*stored, *((uri, each.data) for uri, each in self.loop.payloads.payloads.items())):
            for each in self.gone:
                assert each.encode() not in data, uri
            for each in lines:
                assert each.fingerprint is not None
                assert bytes.fromhex(each.fingerprint)[::-1] not in data or "/segments/" in uri or "/redacted/" in uri
            assert "/groups/parts/" not in uri or not speaks_of(data, keys), uri

    @invariant()
    def verify_is_clean_and_counts_are_right(self) -> None:
        for version in self._whole():
            assert self._problems(version) == []
            forgotten = {
                each.sample_id
                for segment in version.segments
                for each in decode(self.loop.datasets.segment("pets", segment.sha256))
                if is_redacted(each)
            }
            names = set(self._held(version))
            before = self.held.setdefault(version.version_id, self._held(version))
            assert names == {each for each in before if self._owner(each) not in self.gone}
            assert len(names) <= version.samples <= len(names | forgotten)

    @precondition(lambda self: not self._unheard())
    @invariant()
    def copies_say_what_versions_say(self) -> None:
        for version in self._whole():
            if ("pets", version.number) in self.loop.copy.tables.versions:
                assert self.loop.copy.tables.samples(version) == self.shelf.lines(version)

    def _line_of(self, number: int) -> LabelledSample:
        name = sample_id(payload(number))
        return replace(line(number, "cat"), sample_id=name, group=_PEOPLE[number % 3], fingerprint=name[:16])

    def _owner(self, name: str) -> str:
        return next(_PEOPLE[each % 3] for each in range(9) if sample_id(payload(each)) == name)

    def _problems(self, version: DatasetVersion) -> list[str]:
        datasets = self.loop.datasets
        return verify(
            version,
            lambda name: datasets.segment("pets", name),
            lambda name: datasets.document("pets", name),
            checkpoint=datasets.checkpoint("pets", version.version_id),
            redaction=lambda name: datasets.redaction("pets", name),
        )

    def _unheard(self) -> list[object]:
        return self.loop.world.outbox[self.heard :]

    def _whole(self) -> Iterator[DatasetVersion]:
        pruned = self._pruned()
        return (each for each in self.loop.datasets.versions("pets") if each.version_id not in pruned)

    def _pruned(self) -> set[str]:
        return {each.version_id for each in self.loop.refs.pruned("pets")}

    def _any(self, data: st.DataObject) -> DatasetVersion:
        return data.draw(st.sampled_from(self.loop.datasets.versions("pets")))

    def _held(self, version: DatasetVersion) -> dict[str, str]:
        return {name: each.label for name, each in self.shelf.lines(version).items()}


ForgettingMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestForgetting = ForgettingMachine.TestCase
