"""Labels of other tools become a version: in bounded memory, and all of them or none."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.worlds import Loop, project
from trueup.adapters.local_sources import place_on_disk
from trueup.adapters.memory import MemoryPayloadStore
from trueup.adapters.memory_operations import MemoryFiles
from trueup.dataset.segments import decode
from trueup.errors import InputError
from trueup.model import LabelledSample, Payload, Project
from trueup.ports import LabelPlace, PayloadStore
from trueup.usecases.ahead import AHEAD, ahead
from trueup.usecases.bring_labels import BringLabels, Listeners, Request
from trueup.usecases.import_labels import ImportedLabel, ImportLabels

MANY = 400
# Those that are read ahead, those that are being stored, and the one in hand.
FEW = 2 * AHEAD + 2


_COUNTING = threading.RLock()


class Counted(bytes):
    """Bytes that know how many of them are alive."""

    alive = 0
    most = 0

    def __new__(cls, data: bytes) -> Counted:
        with _COUNTING:
            cls.alive += 1
            cls.most = max(cls.most, cls.alive)
        return super().__new__(cls, data)

    def __del__(self) -> None:
        with _COUNTING:
            Counted.alive -= 1


class CountedStream(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        return Counted(super().read(size))


class ManyFiles(MemoryFiles):
    """A table of many rows, each with a file of its own."""

    def __init__(self) -> None:
        rows = "".join(f'{{"file":"{number}.txt","label":"cat"}}\n' for number in range(MANY))
        super().__init__({"a.jsonl": rows.encode()})

    def open(self, name: str) -> BinaryIO:
        return super().open(name) if name == "a.jsonl" else CountedStream(name.encode())


class Forgetful(PayloadStore):
    """Keeps no payload, as S3 does not in our memory."""

    def put(self, project: str, sample_id: str, payload: Payload) -> str:
        return f"memory://{sample_id}"

    def get(self, uri: str) -> Payload:
        raise NotImplementedError

    def presign(self, uri: str, seconds: int) -> str:
        raise NotImplementedError


def bringing(loop: Loop, payloads: PayloadStore | None = None, config: Project | None = None) -> BringLabels:
    projects = {"pets": config or loop.config}
    store = payloads or MemoryPayloadStore()
    make = ImportLabels(projects, store, loop.datasets, loop.clock, loop.tasks)
    return BringLabels(projects=projects, make=make)


def request(files: dict[str, bytes], **more: object) -> Request:
    return Request(**{"project": "pets", "form": "jsonl", "place": LabelPlace(source=MemoryFiles(files)), **more})  # type: ignore[arg-type]


def lines(loop: Loop) -> list[LabelledSample]:
    version = loop.datasets.head("pets")
    assert version is not None
    return [each for segment in version.segments for each in decode(loop.datasets.segment("pets", segment.sha256))]


@pytest.mark.slow
def test_of_all_inputs_a_few_are_in_memory() -> None:
    Counted.alive = Counted.most = 0
    loop = Loop()
    asked = Request(project="pets", form="jsonl", place=LabelPlace(source=ManyFiles()))
    brought = bringing(loop, Forgetful())(asked, "many")
    assert brought.version is not None
    assert brought.version.added == MANY
    assert 1 <= Counted.most <= FEW
    assert bringing(loop, Forgetful()).compare(asked).known == MANY
    assert Counted.most <= FEW


class Watching(Forgetful):
    """Sees how much memory was in use when the last input came."""

    peak = 0

    def put(self, project: str, sample_id: str, payload: Payload) -> str:
        self.peak = tracemalloc.get_traced_memory()[1]
        return super().put(project, sample_id, payload)


@pytest.mark.slow
def test_a_shard_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for number in range(64):
            for ending, data in (("txt", b"%d " % number * 100_000), ("cls", b"cat")):
                member = tarfile.TarInfo(f"{number}.{ending}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    size = (tmp_path / "a.tar").stat().st_size
    place = place_on_disk(str(tmp_path), io.BytesIO)  # type: ignore[arg-type]
    asked = Request(project="pets", form="webdataset", place=place)
    watching = Watching()
    tracemalloc.start()
    try:
        brought = bringing(Loop(), watching)(asked, "a shard")
        assert brought.version is not None
        assert brought.version.added == 64
        assert 0 < watching.peak < size / 2
    finally:
        tracemalloc.stop()


def test_the_first_problem_ends_the_storing_but_not_the_looking() -> None:
    loop, payloads, told = Loop(), MemoryPayloadStore(), []
    rows = b'{"file":"1.txt","label":"cat"}\n{"file":"gone.txt","label":"cat"}\n{"file":"2.txt","label":"dog"}\n'
    rows += b'{"file":"lost.txt","label":"cat"}\n'
    asked = request({"a.jsonl": rows, "1.txt": b"one", "2.txt": b"two"}, form="jsonl")
    brought = bringing(loop, payloads)(asked, "r", Listeners(problem=told.append))
    assert (brought.version, brought.tally.problems, len(told)) == (None, 2, 2)
    assert [each.data for each in payloads.payloads.values()] == [b"one"]
    assert loop.datasets.head("pets") is None


def test_posterior_agreement_and_time_are_the_sources_and_else_one() -> None:
    loop = Loop()
    rows = b'{"text":"a","label":"cat","posterior":0.75,"agreement":0.5}\n{"text":"b","label":"dog"}\n'
    bringing(loop)(request({"a.jsonl": rows}), "r")
    found = {each.label: (each.posterior, each.agreement, each.labelled_at) for each in lines(loop)}
    assert found == {"cat": (0.75, 0.5, loop.clock.now()), "dog": (1.0, 1.0, loop.clock.now())}


def test_names_within_labels_are_mapped_too() -> None:
    config = project(
        label_schema={"kind": "boxes", "media": "image", "classes": [{"name": "cat"}, {"name": "dog"}]},
        triggers={"action": "notify"},
    )
    loop = Loop(config)
    sides = {"left": 1, "top": 1, "right": 2, "bottom": 2}
    label = {"boxes": [{"label": name, **sides} for name in ("kitty", "cat")]}
    rows = json.dumps({"text": "a", "label": label}).encode()
    look = bringing(loop).look(request({"a.jsonl": rows}))
    assert (look.unknown, look.problems, look.labels) == ({"kitty": 1}, 1, 0)
    look = bringing(loop).look(request({"a.jsonl": rows}, names={"kitty": "dog"}))
    assert (look.classes, look.problems) == ({"cat": 1, "dog": 1}, 0)
    with pytest.raises(InputError, match="--map leads to 'lynx'"):
        bringing(loop).look(request({"a.jsonl": rows}, names={"kitty": "lynx"}))


def test_answers_that_say_nothing_of_the_schema_do_not_count() -> None:
    def answer(number: int, name: str) -> dict[str, object]:
        result = [{"from_name": "l", "type": "choices", "value": {"choices": [name]}}]
        return {"completed_by": number, "ground_truth": name == "cat", "result": result}

    given_answers = [answer(number, name) for number, name in enumerate(("dog", "cat", "unicorn"))]
    task = json.dumps([{"data": {"text": "a"}, "annotations": given_answers}])
    loop, given = Loop(project(label_schema={"media": "text", "classes": [{"name": "cat"}, {"name": "dog"}]})), []
    asked = request({"a.json": task.encode()}, form="label-studio")
    brought = bringing(loop)(asked, "r", Listeners(answer=given.append))
    assert sorted(each.label for each in given) == ["cat", "dog"]
    assert all(each.annotator.startswith("imported:") for each in given)
    assert brought.tally.left_out == {"a single answer that says nothing which the label schema knows": 1}


def test_a_stream_of_labels_is_staged_as_it_comes() -> None:
    loop = Loop()
    Counted.alive = Counted.most = 0

    def stream() -> Iterator[ImportedLabel]:
        for number in range(MANY):
            yield ImportedLabel(payload=Payload(data=Counted(b"%d" % number), content_type="text/plain"), label="cat")

    version = bringing(loop, Forgetful()).make("pets", stream(), "a stream")
    assert version is not None
    assert (version.added, Counted.most <= FEW) == (MANY, True)


def test_things_come_in_their_order_with_what_became_of_them() -> None:
    asked: list[int] = []

    def things() -> Iterator[int]:
        for number in range(30):
            asked.append(number)
            yield number

    def work(number: int) -> int:
        if number == 20:
            raise InputError("twenty")
        return number * number

    found = ahead(things(), work, most=4)
    assert next(found) == (0, 0)
    assert len(asked) == 4
    assert list(itertools.islice(found, 19)) == [(number, number * number) for number in range(1, 20)]
    with pytest.raises(InputError, match="twenty"):
        next(found)
    assert len(asked) <= 24
