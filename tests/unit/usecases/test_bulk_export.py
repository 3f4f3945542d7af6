"""An export by many holds what one by one holds, in more files; and it is whole or has no report."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from tests.shelf import NONE, Shelf, shelf
from trueup.adapters.memory import FixedClock, MemoryExportSink
from trueup.dataset.exporting import INPUTS, LINES
from trueup.dataset.formats import FORMATS
from trueup.errors import ConflictError, InputError, LabelError, NotFoundError
from trueup.model import Kind
from trueup.usecases.bulk.exporting import Exports, check_export, home_of
from trueup.usecases.bulk.jobs import Bulk, Concluded
from trueup.usecases.bulk.run import BulkVersions, in_memory

REPORT = "trueup-export.json"
ROWS = 3
# Of each format that can be cut, a kind of labels that it holds.
CUT: dict[str, Kind] = {
    "augmented-manifest": "boxes",
    "conll": "spans",
    "csv": "classification",
    "jsonl": "mask",
    "label-studio": "boxes",
    "preference-pairs": "preference",
    "webdataset": "classification",
}


class Hall:
    """A shelf, and the workflow that exports from it into one place."""

    def __init__(self, made: Shelf) -> None:
        self.made = made
        self.sink = MemoryExportSink(self.to)
        exports = Exports(made.export_version, lambda _: self.sink, "dataset")
        self.bulk = BulkVersions(made.export_version.projects, made.datasets, exports, FixedClock(), ROWS)

    @property
    def to(self) -> str:
        return f"{home_of('dataset', self.made.version)}out/"

    def job(self, form: str, **more: Any) -> dict[str, Any]:
        asked = {"form": form, "to": self.to, **more}
        job = Bulk(verb="export", project="pets", run="r", version=self.made.version.version_id, **asked)
        return dict(msgspec.to_builtins(job))

    def export(self, form: str, **more: Any) -> Concluded:
        return msgspec.convert(in_memory(self.bulk, {"job": self.job(form, **more)}), Concluded)

    def plan(self, form: str, **more: Any) -> tuple[dict[str, Any], list[Any]]:
        planned = self.bulk.plan(self.job(form, **more))
        return msgspec.to_builtins(planned.job), msgspec.json.decode(self.made.datasets.read(planned.parts))

    def shards(self, ending: str) -> list[bytes]:
        return [data for name, data in sorted(self.sink.files.items()) if name.endswith(ending)]


def report_of(files: Mapping[str, bytes]) -> dict[str, Any]:
    """But for what depends on how many files there are."""
    told = json.loads(files[REPORT])
    return {name: told[name] for name in told.keys() - {"files", "bytes", "written"}}


@pytest.mark.parametrize("split", [None, "train"])
@pytest.mark.parametrize("form", CUT)
def test_many_write_what_one_writes(form: str, split: str | None) -> None:
    hall = Hall(shelf(CUT[form], NONE))
    done = hall.export(form, split=split)
    alone = hall.made.files(form, split, root=hall.to)
    assert done.parts > 2
    assert report_of(hall.sink.files) == report_of(alone)
    assert done.export is not None
    assert done.export.files == len(hall.sink.files) - 1
    assert done.export.bytes == sum(map(len, hall.sink.files.values())) - len(hall.sink.files[REPORT])
    written = {each["path"]: each for each in json.loads(hall.sink.files[REPORT])["written"]}
    assert written.keys() == hall.sink.files.keys() - {REPORT}
    assert {name: each["bytes"] for name, each in written.items()} == {
        name: len(hall.sink.files[name]) for name in written
    }
    assert _joined(form, hall.sink.files) == _joined(form, alone)


def _joined(form: str, files: Mapping[str, bytes]) -> Any:
    shards = [(name, data) for name, data in sorted(files.items()) if name != REPORT]
    assert shards
    if form == "csv":
        return [row for _, data in shards for row in csv.DictReader(io.StringIO(data.decode()))]
    if form == "label-studio":
        return [task for _, data in shards for task in json.loads(data)]
    if form == "webdataset":
        return [member for name, data in shards for member in _members(name.partition("-")[0], data)]
    return b"".join(data for _, data in shards)


def _members(split: str, data: bytes) -> Iterator[tuple[str, str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for each in archive:
            file = archive.extractfile(each)
            assert file is not None
            yield split, each.name, file.read()


def test_files_are_numbered_in_the_order_of_ids_and_none_is_empty() -> None:
    hall = Hall(shelf("classification"))
    hall.export("jsonl", split="test")
    names = sorted(hall.sink.files.keys() - {REPORT})
    assert all(name.startswith("samples-00000") and name.endswith(".jsonl") for name in names)
    assert 0 < len(names) <= len(hall.made.of("test"))
    assert all(hall.sink.files[name] for name in names)


def test_a_part_that_died_is_done_again() -> None:
    """Killed while it wrote, or after that and before it said so."""
    hall = Hall(shelf("classification"))
    job, parts = hall.plan("webdataset")
    gone = hall.made.samples[0]
    kept = hall.made.payloads.payloads.pop(gone.payload_uri)
    with pytest.raises(NotFoundError):
        hall.bulk.part(job, parts[0])
    with pytest.raises(NotFoundError):
        hall.bulk.conclude(job)
    assert REPORT not in hall.sink.files
    hall.made.payloads.payloads[gone.payload_uri] = kept
    for each in (*parts, *parts):
        hall.bulk.part(job, each)
    hall.bulk.conclude(job)
    first = dict(hall.sink.files)
    hall.bulk.conclude(job)
    assert hall.sink.files == first
    assert _joined("webdataset", first) == _joined("webdataset", hall.made.files("webdataset"))


def test_every_part_says_what_its_format_cannot_hold() -> None:
    hall = Hall(shelf("spans", NONE, NONE))
    done = hall.export("conll")
    alone = json.loads(hall.made.files("conll")[REPORT])
    assert alone["left_out"] == {"labels that say that no class fits": 2}
    assert done.export is not None
    assert (done.export.left_out, done.export.lost) == (alone["left_out"], alone["lost"])
    assert done.export.lost


@pytest.mark.parametrize(
    ("form", "kind", "told"),
    [
        ("parquet", "boxes", r"parquet .* pyarrow, which is in no function's package\. Use one of augmented-manifest,"),
        ("huggingface", "spans", "pyarrow"),
        ("coco", "boxes", "one document tells of all pictures"),
        ("croissant", "text", "one file of all samples"),
    ],
)
def test_a_format_that_cannot_be_cut_says_why_and_which_can(form: str, kind: Kind, told: str) -> None:
    hall = Hall(shelf(kind))
    with pytest.raises(InputError, match=told) as caught:
        hall.plan(form)
    fit = str(caught.value).partition("Use one of ")[2].partition(", or")[0].split(", ")
    assert fit == [name for name, each in FORMATS.items() if name in CUT and kind in each.KINDS]
    assert not hall.sink.files


def test_each_format_can_be_cut_or_says_why_not() -> None:
    assert {name for name, each in FORMATS.items() if each.CUT.rows} == CUT.keys()
    assert all(bool(each.CUT.rows) != bool(each.CUT.why) for each in FORMATS.values())


@pytest.mark.parametrize(
    "to", ["", "s3://other/pets/exports/", "s3://dataset/pets/segments/x", "s3://dataset/cats/exports/v/x/"]
)
def test_functions_write_to_no_other_place(to: str) -> None:
    hall = Hall(shelf("classification"))
    home = home_of("dataset", hall.made.version)
    with pytest.raises(InputError, match=f"functions may write to: name a folder below {home}"):
        hall.plan("jsonl", to=to)
    with pytest.raises(InputError, match="name a folder below"):
        hall.plan("jsonl", to=home)


def test_what_cannot_be_exported_is_said_before_parts_begin() -> None:
    hall = Hall(shelf("text"))
    with pytest.raises(InputError, match="no format 'jsonlines'"):
        hall.plan("jsonlines")
    with pytest.raises(LabelError, match="conll holds spans, not text"):
        hall.plan("conll")
    with pytest.raises(InputError, match="has no sideways sample"):
        hall.plan("jsonl", split="sideways")
    hall.sink.files["mine.txt"] = b"mine"
    with pytest.raises(ConflictError, match="not empty"):
        hall.plan("jsonl")
    assert hall.export("jsonl", replace=True).export is not None
    assert hall.sink.files["mine.txt"] == b"mine"


def test_parts_are_small_where_inputs_are_read() -> None:
    hall = Hall(shelf("classification"))
    jobs = {form: msgspec.convert(hall.job(form), Bulk) for form in ("webdataset", "jsonl")}
    cut = {form: check_export(hall.bulk.exports, hall.made.version, job) for form, job in jobs.items()}
    assert cut == {"webdataset": INPUTS, "jsonl": LINES}
    assert INPUTS.rows < LINES.rows
