"""Checkpoints: after so many commits versions are read from few segments, and nothing else changes."""

from __future__ import annotations

import pytest

from tests.unit.dataset.lines import PROJECT, hashed, problems
from tests.unit.dataset.test_history import sample
from tests.worlds import NOW
from trueup.adapters.memory import FixedClock, MemoryDatasetStore, World
from trueup.adapters.memory_forgetting import MemoryReceiptBook
from trueup.dataset.checkpoints import FEW
from trueup.errors import NotFoundError
from trueup.model import Change, DatasetVersion, LabelledSample, LabelSchema, Project, Removal
from trueup.usecases.checkpoint_version import CheckpointVersion
from trueup.usecases.making_versions import MakeVersion, Proposal, view_of

PETS = Project(name=PROJECT, endpoint_name="pets", label_schema=LabelSchema())


class Dataset:
    def __init__(self) -> None:
        world = World()
        self.store = MemoryDatasetStore(world)
        self.checkpoint = CheckpointVersion({PROJECT: PETS}, self.store, MemoryReceiptBook(world))

    def commit(self, *changes: Change) -> DatasetVersion:
        make = MakeVersion(datasets=self.store, clock=FixedClock(NOW))
        version = make(PETS, lambda _: Proposal(changes=changes), "test")
        assert version is not None
        return version

    def held(self, version: DatasetVersion) -> list[LabelledSample]:
        return list(view_of(self.store, PROJECT, version))


def test_the_next_commit_builds_on_the_checkpoint() -> None:
    dataset = Dataset()
    for number in range(FEW):
        head = dataset.commit(sample(number))
        assert (dataset.checkpoint(PROJECT) is not None) == (number == FEW - 1)
    assert len(head.segments) == FEW
    assert dataset.checkpoint(PROJECT) is None
    after = dataset.commit(sample(100), Removal(sample_id=hashed(3)))
    assert len(after.segments) == 2
    assert [each.samples for each in after.segments] == [FEW, 2]
    assert {each.sample_id for each in dataset.held(after)} == {hashed(each) for each in (0, 1, 2, 4, 5, 6, 7, 100)}
    for version in dataset.store.versions(PROJECT):
        assert problems(dataset.store, version) == []


@pytest.mark.slow
def test_hundreds_of_commits_leave_few_segments() -> None:
    dataset = Dataset()
    for number in range(1, 300):
        head = dataset.commit(sample(number), sample(number // 2, "dog"))
        dataset.checkpoint(PROJECT)
        assert len(head.segments) <= 2 * FEW
    assert len(dataset.held(head)) == head.samples == 300
    assert problems(dataset.store, head) == []


def test_a_crash_before_the_end_leaves_segments_and_nothing_else() -> None:
    dataset = Dataset()
    for number in range(FEW):
        head = dataset.commit(sample(number))
    before = dataset.held(head)
    dataset.checkpoint(PROJECT)
    dataset.store.put_checkpoint(PROJECT, head.version_id, head.segments)
    assert dataset.checkpoint(PROJECT) is not None
    assert dataset.held(head) == before


def test_a_dataset_without_a_version_needs_none() -> None:
    assert Dataset().checkpoint(PROJECT) is None
    with pytest.raises(NotFoundError):
        Dataset().checkpoint("others")
