"""Exports: whole or without a report, replaced only on request, and with a count of what is left out."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterable

import msgspec
import pytest

from tests.shelf import NONE, Shelf, shelf
from tests.worlds import NOW
from trueup.adapters.memory import (
    FixedClock,
    MemoryAnnotationQueue,
    MemoryExportSink,
    MemoryPayloadStore,
    MemoryTaskStore,
    World,
)
from trueup.errors import ConflictError, InputError, NotFoundError
from trueup.model import DatasetVersion, LabelClass, Payload
from trueup.usecases.asking_again import AskAgain
from trueup.usecases.migrate_labels import MigrateLabels

REPORT = "trueup-export.json"


def test_the_report_says_what_was_written() -> None:
    made = shelf("boxes", NONE)
    sink = MemoryExportSink()
    told = made.export_version(made.version, "yolo", sink)
    report = json.loads(sink.files[REPORT])
    assert {name: report[name] for name in ("version", "number", "format", "schema_version", "root")} == {
        "version": made.version.version_id,
        "number": 1,
        "format": "yolo",
        "schema_version": made.schema.version,
        "root": made.version.root,
    }
    assert report["splits"] == {each: len(made.of(each)) for each in ("train", "validation", "test")}
    assert report["left_out"] == {"labels that say that no class fits": 1}
    assert (told.samples, told.files) == (10, len(sink.files) - 1)
    assert told.bytes == sum(map(len, sink.files.values())) - len(sink.files[REPORT])
    assert {each["path"] for each in report["written"]} == sink.files.keys() - {REPORT}


def test_a_place_that_holds_something_is_left_alone() -> None:
    made = shelf("boxes")
    sink = MemoryExportSink()
    sink.files["mine.txt"] = b"mine"
    with pytest.raises(ConflictError, match=r"is not empty: .* --force"):
        made.export_version(made.version, "yolo", sink)
    assert sink.files == {"mine.txt": b"mine"}
    made.export_version(made.version, "yolo", sink, replace=True)
    assert sink.files["mine.txt"] == b"mine"


def test_an_earlier_export_goes_with_all_its_files() -> None:
    """What is trained on holds nothing of before; what is not of an export stays."""
    made = shelf("boxes")
    sink = MemoryExportSink()
    made.export_version(made.version, "voc", sink)
    sink.files["notes.md"] = b"mine"
    made.export_version(made.version, "yolo", sink, "test", replace=True)
    fresh = MemoryExportSink()
    made.export_version(made.version, "yolo", fresh, "test")
    assert sink.files == {**fresh.files, "notes.md": b"mine"}


def test_what_only_looks_like_a_report_is_not_obeyed() -> None:
    made = shelf("boxes")
    sink = MemoryExportSink()
    sink.files[REPORT] = b'["someone else\'s"]'
    with pytest.raises(ConflictError, match="no report of an export"):
        made.export_version(made.version, "yolo", sink, replace=True)
    assert list(sink.files) == [REPORT]


def test_an_export_that_breaks_off_has_no_report() -> None:
    made = shelf("boxes")
    last = made.samples[-1]
    made.payloads.payloads.pop(last.payload_uri)
    sink = MemoryExportSink()
    with pytest.raises(NotFoundError):
        made.export_version(made.version, "yolo", sink)
    assert sink.files
    assert REPORT not in sink.files


def test_replacing_takes_the_report_away_first() -> None:
    made = shelf("boxes")
    sink = MemoryExportSink()
    made.export_version(made.version, "yolo", sink)
    made.payloads.payloads.clear()
    with pytest.raises(NotFoundError):
        made.export_version(made.version, "yolo", sink, replace=True)
    assert REPORT not in sink.files


def test_a_split_without_samples_is_an_error() -> None:
    made = shelf("classification")
    counts = {"train": made.version.split_counts["train"]}

    bare = msgspec.structs.replace(made.version, split_counts=counts)
    with pytest.raises(InputError, match=r"version 1 of pets has no test sample; it has: train \d"):
        made.export_version(bare, "jsonl", MemoryExportSink(), "test")


def test_nothing_is_written_where_the_format_cannot_hold_the_kind() -> None:
    made = shelf("spans")
    sink = MemoryExportSink()
    with pytest.raises(InputError, match="yolo holds boxes and polygons, not spans"):
        made.export_version(made.version, "yolo", sink)
    assert not sink.files


def renamed_and_migrated() -> tuple[Shelf, DatasetVersion]:
    """Boxes of v1; in v2 the foxes are vixens, and a new class stands before all others."""
    made = shelf("boxes")
    config = made.export_version.projects["pets"]
    classes = tuple(LabelClass(name=each) for each in ("hare", "cat", "dog", "vixen"))
    schema = msgspec.structs.replace(config.label_schema, classes=classes, renamed={"fox": "vixen"})
    projects = {"pets": msgspec.structs.replace(config, label_schema=schema)}
    made.export_version = dataclasses.replace(made.export_version, projects=projects)
    ask = AskAgain(MemoryTaskStore(World()), MemoryAnnotationQueue(FixedClock(NOW)), made.payloads, FixedClock(NOW))
    migrated = MigrateLabels(projects, made.datasets, FixedClock(NOW), ask)("pets").version
    assert migrated is not None
    return made, migrated


def exported(made: Shelf, version: DatasetVersion, form: str) -> dict[str, bytes]:
    sink = MemoryExportSink()
    made.export_version(version, form, sink)
    return sink.files


def test_each_version_has_the_classes_that_it_was_made_under() -> None:
    made, migrated = renamed_and_migrated()
    assert migrated.schema_version != made.version.schema_version
    for version, names in ((made.version, ["cat", "dog", "fox"]), (migrated, ["hare", "cat", "dog", "vixen"])):
        told = json.loads(exported(made, version, "coco")["annotations/instances_train.json"])
        assert [(each["id"], each["name"]) for each in told["categories"]] == list(enumerate(names, start=1))
        yolo = exported(made, version, "yolo")["data.yaml"].decode()
        assert [json.loads(each.partition(": ")[2]) for each in yolo.partition("names:\n")[2].splitlines()] == names


@pytest.mark.parametrize("form", ["coco", "yolo"])
def test_a_box_has_its_class_s_place_of_its_version(form: str) -> None:
    made, migrated = renamed_and_migrated()
    before, after = (numbers_of(exported(made, each, form), form) for each in (made.version, migrated))
    assert set(before) == ({1, 2, 3} if form == "coco" else {0, 1, 2})
    assert after == [each + 1 for each in before]


def numbers_of(files: dict[str, bytes], form: str) -> list[int]:
    if form == "coco":
        documents = [json.loads(data) for path, data in sorted(files.items()) if path.startswith("annotations/")]
        return [each["category_id"] for document in documents for each in document["annotations"]]
    texts = [data for path, data in sorted(files.items()) if path.startswith("labels/")]
    return [int(line.split()[0]) for data in texts for line in data.splitlines()]


class Watched(MemoryPayloadStore):
    """Counts how many are read and not yet used, and by how many threads at a time."""

    def __init__(self, store: MemoryPayloadStore) -> None:
        self.payloads = store.payloads
        self.read = 0
        self.lock = threading.Lock()

    def get(self, uri: str) -> Payload:
        with self.lock:
            self.read += 1
        return super().get(uri)


class Slow(MemoryExportSink):
    """Notes how far ahead payloads had been read when each file came."""

    def __init__(self, store: Watched) -> None:
        super().__init__()
        self.store = store
        self.ahead: list[int] = []

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        super().write(path, chunks)
        if path.endswith(".tar"):
            self.ahead.append(self.store.read)


def test_payloads_are_read_no_further_ahead_than_a_few() -> None:
    made = shelf("classification", *["cat"] * 60, media="text")
    store = Watched(made.payloads)
    export = dataclasses.replace(made.export_version, payloads=store, shard_bytes=1)
    sink = Slow(store)
    export(made.version, "webdataset", sink, "train")
    samples = len(made.of("train"))
    assert store.read == samples
    assert len(sink.ahead) == samples
    # Files are written by several threads too, so that the first one may see some more.
    assert min(sink.ahead) <= 2 * 16 + 1
