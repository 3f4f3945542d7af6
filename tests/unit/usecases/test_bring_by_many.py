"""An import that many commit is the one that one process makes, in memory that does not grow with it."""

from __future__ import annotations

import json
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.usecases.test_bring_labels import Forgetful, request
from tests.worlds import NOW, Loop
from trueup.adapters.local_files import LocalSpill, local_spill
from trueup.adapters.memory import MemoryDatasetStore, MemoryExportSink, MemoryPayloadStore, MemoryWorkflows, World
from trueup.adapters.memory_operations import MemoryFiles
from trueup.annotation.answers import live
from trueup.annotation.imported import answers_id_of
from trueup.model import LabelledSample, Node, NodeKind
from trueup.ports import LabelPlace, PayloadStore, Spill
from trueup.usecases.bring_by_many import BringByMany
from trueup.usecases.bring_labels import BringLabels, Brought, Listeners, Request
from trueup.usecases.bulk.exporting import Exports
from trueup.usecases.bulk.run import BulkVersions, in_memory
from trueup.usecases.export_version import ExportVersion
from trueup.usecases.import_labels import ImportLabels
from trueup.usecases.making_versions import view_of
from trueup.usecases.run_bulk import RunBulk
from trueup.usecases.stage_labels import StageLabels

ROWS = 4


def bringing(loop: Loop, datasets: MemoryDatasetStore, payloads: PayloadStore) -> BringLabels:
    make = ImportLabels(
        projects=loop.projects, payloads=payloads, datasets=datasets, clock=loop.clock, tasks=loop.tasks
    )
    return BringLabels(projects=loop.projects, make=make)


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
        self.by_many = BringByMany(StageLabels(self.bring, local_spill, ROWS), bulk, self.loop.datasets)

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


def studio(answers: Sequence[tuple[int, Sequence[str]]], minutes: int = 0, **more: Any) -> Request:
    """An export of Label Studio in which ada, ben and cy answered, as far as there are answers."""
    tasks = [
        {
            "data": {"text": f"a cat or two {number}"},
            "annotations": [
                {
                    "result": [{"type": "choices", "from_name": "l", "to_name": "t", "value": {"choices": [each]}}],
                    "completed_by": {"email": who},
                    "updated_at": (NOW + timedelta(minutes=minutes)).isoformat(),
                }
                for who, each in zip(("ada@x", "ben@x", "cy@x"), said, strict=False)
            ],
        }
        for number, said in answers
    ]
    return request({"a.json": json.dumps(tasks).encode()}, form="label-studio", **more)


def told(yard: Yard) -> set[tuple[str, str, str, str]]:
    """Who says what of which sample, and whether that stands."""
    names = [each.sample_id for each in yard.held()]
    found = {each: yard.loop.tasks.annotations("pets", answers_id_of("pets", each)) for each in names}
    return {
        (name, each.annotator, each.label, "stands" if each in live(said) else "is superseded")
        for name, said in found.items()
        for each in said
    }


def led_to(yard: Yard) -> list[tuple[str, int]]:
    """For each version what brought labels into it, and how many."""
    found = []
    for version in yard.loop.datasets.versions("pets"):
        arrows = yard.loop.lineage.edges_to("pets", Node(kind=NodeKind.VERSION, id=version.version_id))
        found += [
            (f"v{version.number}", len(yard.loop.lineage.edges_to("pets", each.source)))
            for each in arrows
            if each.source.kind == NodeKind.IMPORT
        ]
    return found


def test_single_peoples_answers_are_kept_as_one_process_keeps_them() -> None:
    first = [(number, ("cat", "cat", "dog")) for number in range(10)]
    second = [*((number, ("cat", "dog", "dog")) for number in range(3, 6)), (20, ("dog", "dog"))]
    one, many = Yard(), Yard()
    for asked in (studio(first, keep_answers=False), studio(first), studio(first), studio(second, minutes=9)):
        mine, theirs = many.many(asked), one.one(asked)
        assert (mine.version is None) == (theirs.version is None)
        assert many.held() == one.held()
        assert told(many) == told(one)
        assert led_to(many) == led_to(one)
    assert Counter(how for *_, how in told(many)) == {"stands": 32, "is superseded": 9}
    assert led_to(many) == [("v3", 4), ("v2", 10)]


def test_no_answers_are_kept_where_a_problem_forbids_the_import() -> None:
    yard = Yard()
    asked = studio([(1, ("cat", "cat")), (2, ("dog",)), (1, ("dog", "dog"))])
    assert yard.many(asked).version is None
    assert yard.loop.tasks.answers("pets", 9) == []


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
    stage = StageLabels(bringing(loop, Nowhere(World()), Forgetful()), straight_to_disk, place_rows=50)
    asked = Request(project="pets", form="jsonl", place=LabelPlace(source=MemoryFiles({"a.jsonl": rows})))
    tracemalloc.start()
    try:
        staged = stage(asked, number)
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
