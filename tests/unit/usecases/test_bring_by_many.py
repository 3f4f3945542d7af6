"""An import that many commit is the one that one process makes, in memory that does not grow with it."""

from __future__ import annotations

import json
import tempfile
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests.unit.usecases.test_bring_labels import Forgetful, request
from tests.worlds import Loop
from trueup.adapters.local_files import LocalSpill, local_spill
from trueup.adapters.memory import MemoryDatasetStore, MemoryExportSink, MemoryPayloadStore, MemoryWorkflows, World
from trueup.adapters.memory_operations import MemoryFiles
from trueup.model import LabelledSample
from trueup.ports import LabelPlace, PayloadStore, Spill
from trueup.usecases.bring_by_many import BringByMany
from trueup.usecases.bring_labels import BringLabels, Brought, Listeners, Request
from trueup.usecases.bulk.exporting import Exports
from trueup.usecases.bulk.run import BulkVersions, in_memory
from trueup.usecases.export_version import ExportVersion
from trueup.usecases.import_labels import ImportLabels
from trueup.usecases.making_versions import view_of
from trueup.usecases.run_bulk import RunBulk

ROWS = 4


def bringing(loop: Loop, datasets: MemoryDatasetStore, payloads: PayloadStore, place_rows: int = ROWS) -> BringLabels:
    make = ImportLabels(
        projects=loop.projects, payloads=payloads, datasets=datasets, clock=loop.clock, tasks=loop.tasks
    )
    return BringLabels(projects=loop.projects, make=make, place_rows=place_rows)


class Yard:
    """A loop, with one of both ways to bring labels."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.payloads = MemoryPayloadStore()
        self.bring = bringing(self.loop, self.loop.datasets, self.payloads)
        exports = Exports(
            ExportVersion(self.loop.projects, self.loop.datasets, self.payloads), MemoryExportSink, "dataset"
        )
        steps = BulkVersions(self.loop.projects, self.loop.datasets, exports, self.loop.clock, ROWS)
        workflows = MemoryWorkflows(lambda document: in_memory(steps, document))
        bulk = RunBulk(workflows, self.loop.clock, sleep=lambda _: None)
        self.by_many = BringByMany(self.bring, bulk, self.loop.datasets, local_spill)

    def many(self, asked: Request, listeners: Listeners | None = None) -> Brought:
        self.loop.clock.advance(1)
        return self.by_many(asked, self.bring.look(asked).labels, "r", listeners)

    def one(self, asked: Request) -> Brought:
        self.loop.clock.advance(1)
        return self.bring(asked, "r")

    def held(self) -> list[LabelledSample]:
        return list(view_of(self.loop.datasets, "pets", self.loop.datasets.head("pets")))


def table(rows: Sequence[dict[str, Any]], **more: Any) -> Request:
    return request({"a.jsonl": "".join(f"{json.dumps(each)}\n" for each in rows).encode()}, **more)


def said(number: int, label: str = "cat", **more: Any) -> dict[str, Any]:
    return {"text": f"a cat or two {number}", "label": label, **more}


@pytest.mark.slow
@pytest.mark.parametrize("more", [{}, {"keep_splits": True, "group": "who"}])
def test_many_make_the_version_that_one_makes(more: dict[str, Any]) -> None:
    """And what is known already changes nothing, whoever makes it."""
    splits = ("train", "test", "validation")
    batches = [
        [said(number, who=f"p{number % 5}", split=splits[number % 5 % 3]) for number in range(20)],
        [said(number, "dog", who=f"p{number % 5}", split=splits[number % 5 % 3]) for number in range(15, 25)],
        [said(number, "dog", who=f"p{number % 5}", split=splits[number % 5 % 3]) for number in range(15, 25)],
    ]
    one, many = Yard(), Yard()
    for each in batches:
        mine, theirs = many.many(table(each, **more)), one.one(table(each, **more))
        assert many.held() == one.held()
        assert {**vars(mine.tally), "new": 0} == {**vars(theirs.tally), "new": 0}
        assert (mine.version is None) == (theirs.version is None)
        if mine.version is not None and theirs.version is not None:
            assert (mine.version.added, mine.version.relabelled) == (theirs.version.added, theirs.version.relabelled)
    assert many.payloads.payloads.keys() == one.payloads.payloads.keys()


def test_what_comes_twice_is_counted_and_what_contradicts_is_a_problem() -> None:
    """Wherever it stands, and the first counts."""
    yard = Yard()
    told: list[Any] = []
    rows = [said(number) for number in range(12)]
    asked = table([*rows, said(3), said(4, "dog")])
    brought = yard.many(asked, Listeners(problem=told.append))
    assert (brought.version, brought.tally.repeated, brought.tally.problems) == (None, 1, 1)
    assert "another label at a.jsonl:5" in told[0].what
    assert told[0].where == "a.jsonl:14"
    assert yard.loop.datasets.head("pets") is None
    skipped = yard.many(table([*rows, said(3), said(4, "dog")], skip_bad=True))
    assert skipped.version is not None
    assert (skipped.version.samples, set(skipped.version.classes)) == (12, {"cat"})


def test_a_problem_stores_no_segment() -> None:
    yard = Yard()
    asked = request({"a.jsonl": b'{"file":"1.txt","label":"cat"}\n{"file":"gone.txt","label":"cat"}\n', "1.txt": b"x"})
    brought = yard.many(asked)
    assert (brought.version, brought.tally.problems) == (None, 1)
    assert not yard.loop.datasets.objects


def test_what_is_there_stays_in_its_split_whatever_a_source_states() -> None:
    yard = Yard()
    yard.many(table([said(1, split="test")], keep_splits=True))
    yard.many(table([said(1, "dog", split="train"), said(2, split="train")], keep_splits=True))
    assert {(each.label, each.split) for each in yard.held()} == {("dog", "test"), ("cat", "train")}


class Nowhere(MemoryDatasetStore):
    """Keeps no segment, as S3 does not in our memory."""

    def put_segment(self, project: str, data: bytes) -> str:
        return ""


@contextmanager
def straight_to_disk(places: int) -> Iterator[Spill]:
    with tempfile.TemporaryFile() as file:
        yield LocalSpill(places, file, piece=1)


def peak_of(number: int) -> int:
    """Bytes that staging so many labels takes at most."""
    rows = "".join(f'{{"text":"{each}","label":"cat"}}\n' for each in range(number)).encode()
    loop = Loop()
    bring = bringing(loop, Nowhere(World()), Forgetful(), place_rows=50)
    asked = Request(project="pets", form="jsonl", place=LabelPlace(source=MemoryFiles({"a.jsonl": rows})))
    tracemalloc.start()
    try:
        staged = bring.stage(asked, number, straight_to_disk)
        assert sum(each.samples for each in staged.segments) == number
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_labels() -> None:
    peak_of(100)
    few, many = peak_of(300), peak_of(3000)
    # What is left to grow are the places of pieces, some hundred bytes each; the file itself is in memory here.
    assert many - few < 2700 * 400


def test_pieces_of_a_place_come_in_their_order() -> None:
    with tempfile.TemporaryFile() as file:
        spill = LocalSpill(3, file, piece=40)
        for number in range(30):
            spill.put(number % 2, b"x" * number)
        assert list(spill.take(0)) == [b"x" * number for number in range(0, 30, 2)]
        assert list(spill.take(1)) == [b"x" * number for number in range(1, 30, 2)]
        assert list(spill.take(2)) == []
        assert file.seek(0, 2) > 0
