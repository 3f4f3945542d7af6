"""Copies of segments for others' SQL: memory and S3 behave alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.contract.implementations import DATASET, clients_of_moto
from tests.unit.dataset.test_versions import commit, line
from trueup.adapters.aws.segment_tables import S3SegmentTables
from trueup.adapters.memory import MemoryDatasetStore, World
from trueup.adapters.memory_forgetting import MemoryReceiptBook
from trueup.adapters.memory_tables import MemorySegmentTables
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
        yield MemorySegmentTables(MemoryDatasetStore(World()))
        return
    clients_of_moto()["s3"].create_bucket(Bucket=DATASET)
    yield S3SegmentTables(clients_of_moto()["s3"], DATASET)


def test_a_copy_tells_what_it_was_made_of(tables: SegmentTables) -> None:
    one, other = "a" * 64, "b" * 64
    assert tables.made_of("pets", one) is None
    for made_of in (one, other, other):
        tables.put("pets", one, made_of, [line(1, "cat"), Removal(sample_id=line(2, "").sample_id)])
        assert tables.made_of("pets", one) == made_of
    assert tables.made_of("pets", other) is None
    assert tables.made_of("pet", one) is None
    assert tables.made_of("pets", one[:-1]) is None


def test_a_version_costs_what_it_changed(tables: SegmentTables) -> None:
    datasets = Reads()
    copy = CopyTables(datasets=datasets, tables=tables, receipts=MemoryReceiptBook(World()))
    for number in range(1, 4):
        version = commit(datasets, [line(number, "cat")])
        datasets.reads.clear()
        assert copy("pets", version.version_id) == version
        assert datasets.reads == [version.delta[0].sha256]
        assert copy("pets", version.version_id) == version
        assert len(datasets.reads) == 1
