"""Copies of segments for others' SQL: memory and S3 behave alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.contract.implementations import DATASET, clients_of_moto
from tests.unit.dataset.test_versions import commit, line
from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.segment_tables import S3SegmentTables
from trueup.adapters.memory import MemoryDatasetStore, World
from trueup.adapters.memory_refs import MemorySegmentTables
from trueup.model import Removal
from trueup.ports import SegmentTables
from trueup.usecases.copy_tables import CopyTables


@dataclass
class Reads(MemoryDatasetStore):
    """Notes which segments were read."""

    reads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(World())

    def segment(self, project: str, sha256: str) -> bytes:
        self.reads.append(sha256)
        return super().segment(project, sha256)


@pytest.fixture
def tables(world: str) -> Iterator[SegmentTables]:
    if world == "memory":
        yield MemorySegmentTables()
        return
    clients_of_moto()["s3"].create_bucket(Bucket=DATASET)
    yield S3SegmentTables(Bucket(clients_of_moto()["s3"], DATASET))


def test_a_copy_is_there_once_it_was_put(tables: SegmentTables) -> None:
    one, other = "a" * 64, "b" * 64
    assert not tables.has("pets", one)
    for _ in range(2):
        tables.put("pets", one, [line(1, "cat"), Removal(sample_id=line(2, "").sample_id)])
    assert tables.has("pets", one)
    assert not tables.has("pets", other)
    assert not tables.has("pet", one)
    assert not tables.has("pets", one[:-1])


def test_a_version_costs_what_it_changed(tables: SegmentTables) -> None:
    datasets = Reads()
    copy = CopyTables(datasets=datasets, tables=tables)
    for number in range(1, 4):
        version = commit(datasets, [line(number, "cat")])
        datasets.reads.clear()
        assert copy("pets", version.version_id) == version
        assert datasets.reads == [version.delta[0].sha256]
        assert copy("pets", version.version_id) == version
        assert len(datasets.reads) == 1
