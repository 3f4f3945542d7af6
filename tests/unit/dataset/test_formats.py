"""Formats: the same version makes the same bytes, nothing is held whole, and what one cannot hold is told."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import itertools
import json
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trueup.dataset.formats as room
from tests.imports import labelled
from tests.shelf import NONE, Shelf, shelf
from tests.unit.labels.schemas import CLASSES, KINDS, LABELS, schema
from trueup.adapters.memory import MemoryExportSink
from trueup.dataset.exporting import EVERY_KIND, GROUPS, Peekable
from trueup.dataset.formats import FORMATS, format_for
from trueup.dataset.formats.conll import flat, tokens
from trueup.dataset.formats.ground_truth import MANIFEST
from trueup.errors import InputError, LabelError
from trueup.labels.label_studio import label_of
from trueup.labels.reading import checked, read
from trueup.labels.values import Span
from trueup.model import Kind, LabelClass, LabelledSample, Payload

GOLDEN = Path(__file__).parents[2] / "data" / "exports"
PAIRS = [(name, kind) for name, each in FORMATS.items() for kind in each.KINDS]
NOT_PARQUET = [name for name in FORMATS if name not in ("parquet", "huggingface")]


def test_every_format_file_is_in_the_table() -> None:
    files = {each.stem.replace("_", "-") for each in Path(room.__file__).parent.glob("*.py")}
    assert files - {"--init--"} == set(FORMATS)
    assert set(EVERY_KIND) == set(KINDS)
    assert list(FORMATS) == sorted(FORMATS)


@pytest.mark.parametrize(("form", "kind"), PAIRS)
def test_the_same_version_makes_the_same_bytes(form: str, kind: Kind) -> None:
    made = shelf(kind, NONE)
    first = made.files(form)
    assert first == made.files(form)
    report = json.loads(first["trueup-export.json"])
    assert {each["path"]: (each["bytes"], each["sha256"]) for each in report["written"]} == {
        path: (len(data), hashlib.sha256(data).hexdigest())
        for path, data in first.items()
        if path != "trueup-export.json"
    }


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_one_split_is_what_the_whole_holds_of_it(form: str) -> None:
    """No file of another split, and no sample of one."""
    made = shelf(FORMATS[form].KINDS[0])
    others = [each.sample_id.encode() for each in made.samples if each.split != "test"]
    for path, data in made.files(form, "test").items():
        assert not re.search(r"train|validation|\bval\b", path)
        if form != "huggingface" or not path.endswith(".parquet"):
            assert not any(each in data or each in path.encode() for each in others)


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_a_single_file_is_the_one_in_the_directory(form: str) -> None:
    made = shelf(FORMATS[form].KINDS[-1])
    name = FORMATS[form].FILE
    if name:
        assert list(made.files(form)) == [name, "trueup-export.json"]
        assert made.files(form)[name] == made.single(form)
    else:
        with pytest.raises(InputError, match=f"{form} makes several files"):
            made.single(form)


# ---------------------------------------------------------------- in a stream


class Counting(dict[str, Payload]):
    """Payloads of half a megabyte that are made when they are asked for."""

    def __getitem__(self, uri: str) -> Payload:
        size = 500_000
        return Payload(data=uri.encode().ljust(size, b"x"), content_type="text/plain")

    def __contains__(self, uri: object) -> bool:
        return True


@pytest.mark.slow
@pytest.mark.parametrize("form", ["webdataset", "croissant", "conll", "label-studio", "ground-truth", "huggingface"])
def test_payloads_pass_through(form: str) -> None:
    """Of 120 payloads of half a megabyte each, some twenty are held: those that are read ahead, and a row group's."""
    label = json.dumps({"spans": []})
    made = Shelf(
        schema("spans"),
        [Payload(data=f"text {number}".encode(), content_type="text/plain") for number in range(120)],
        [label] * 120,
    )
    made.payloads.payloads = Counting()
    made.export_version = dataclasses.replace(made.export_version, shard_bytes=4_000_000)
    # What a library loads at its first use takes as much again.
    shelf("spans").files(form)
    tracemalloc.start()
    try:
        report = made.export_version(made.version, form, Passing())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000
    assert report.samples == 120
    # CoNLL writes of a text only its tokens, and Parquet packs what repeats.
    assert report.bytes > 59_000_000 or form in ("conll", "huggingface")


class Passing:
    """A sink that keeps nothing."""

    root = ""

    def holds_anything(self) -> bool:
        return False

    def read(self, path: str) -> bytes | None:
        return None

    def write(self, path: str, chunks: Iterator[bytes]) -> None:
        for _ in chunks:
            pass

    def remove(self, path: str) -> None:
        raise AssertionError(path)


def test_shards_are_cut() -> None:
    made = shelf("classification")
    whole = len(made.of("train"))
    made.export_version = dataclasses.replace(made.export_version, shard_bytes=1)
    for form, suffix in (("webdataset", ".tar"), ("huggingface", ".parquet")):
        names = [each for each in made.files(form, "train") if each.endswith(suffix)]
        assert len(set(names)) == len(names) == whole


def test_peeking_loses_nothing() -> None:
    things = Peekable(iter(range(4)))
    found = []
    while things:
        assert things
        found.append(next(things))
    assert found == [0, 1, 2, 3]
    assert list(Peekable(iter("ab"))) == ["a", "b"]
    assert not Peekable(iter(""))


# ---------------------------------------------------------------- what a format cannot hold


@pytest.mark.parametrize("form", sorted(FORMATS))
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_does_not_fit_leads_to_formats_that_do(form: str, kind: Kind) -> None:
    if kind in FORMATS[form].KINDS:
        assert format_for(form, schema(kind)) is FORMATS[form]
        return
    with pytest.raises(LabelError, match=f"not {kind}: use one of .*jsonl") as caught:
        format_for(form, schema(kind))
    said = str(caught.value).partition("use one of ")[2].split(", ")
    assert all(kind in FORMATS[each].KINDS for each in said)
    assert form not in said


def test_an_unknown_format_lists_those_there_are() -> None:
    with pytest.raises(InputError, match=r"no format 'excel': use one of augmented-manifest, coco, .*, yolo"):
        format_for("excel", schema("boxes"))


def test_a_label_that_the_schema_does_not_know_names_its_sample() -> None:
    made = shelf("classification")
    bare = msgspec.structs.replace(made.version, schema_version="")
    deploy(made, "cat", "dog")
    fox = next(each for each in made.samples if each.label == "fox")
    for form in ("augmented-manifest", "label-studio", "croissant", "webdataset", "huggingface", "ground-truth"):
        with pytest.raises(LabelError, match=f"sample {fox.sample_id[:12]}: 'fox' is not a class; classes: cat, dog"):
            made.export_version(bare, form, MemoryExportSink())


def deploy(made: Shelf, *names: str, **more: Any) -> None:
    """The project has other classes from now on."""
    project = made.export_version.projects["pets"]
    classes = tuple(LabelClass(name=each) for each in names)
    schema = msgspec.structs.replace(project.label_schema, classes=classes, **more)
    changed = {"pets": msgspec.structs.replace(project, label_schema=schema)}
    made.export_version = dataclasses.replace(made.export_version, projects=changed)


def test_old_names_within_a_version_are_exported_as_its_schemas() -> None:
    """Labels that settled before classes changed, and were committed after that."""
    made = shelf("classification")
    renamed = msgspec.structs.replace(made.version, schema_version="")
    deploy(made, "cat", "dog", "vixen", renamed={"fox": "vixen"})
    sink = MemoryExportSink()
    made.export_version(renamed, "augmented-manifest", sink)
    lines = [json.loads(each) for each in sink.files["samples.manifest"].splitlines()]
    assert {each["label-metadata"]["class-name"] for each in lines} == {"cat", "dog", "vixen"}


@pytest.mark.parametrize(("form", "kind"), PAIRS)
def test_an_old_version_makes_the_same_bytes_after_its_classes_changed(form: str, kind: Kind) -> None:
    """Names and places of classes are those that the version was made under."""
    made = shelf(kind, NONE)
    before = made.files(form)
    deploy(made, "hare", "cat", "hound", "vixen", renamed={"dog": "hound", "fox": "vixen"})
    assert made.files(form) == before


@pytest.mark.parametrize("form", ["huggingface", "croissant", "ground-truth", "conll", "label-studio"])
def test_an_input_that_is_no_text_names_its_sample(form: str) -> None:
    made = shelf("spans")
    sample = made.samples[3]
    made.payloads.payloads[sample.payload_uri] = Payload(data=b"\xff\xfe", content_type="text/plain")
    with pytest.raises(InputError, match=rf"the input of sample {sample.sample_id[:12]} .*is not UTF-8"):
        made.files(form)


@pytest.mark.parametrize("form", ["coco", "yolo", "voc", "augmented-manifest", "ground-truth", "label-studio"])
def test_a_picture_that_does_not_tell_its_size_names_its_sample(form: str) -> None:
    made = shelf("boxes")
    sample = next(each for each in made.samples if "dog" in each.label)
    made.payloads.payloads[sample.payload_uri] = Payload(data=b"II*\0....", content_type="image/tiff")
    told = rf"the input of sample {sample.sample_id[:12]} \(image/tiff\) does not say how large the picture is"
    with pytest.raises(InputError, match=told):
        made.files(form)


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_groups_are_written_or_counted_as_lost(form: str) -> None:
    """Of samples that have one: who stands alone has lost nothing."""
    kind = FORMATS[form].KINDS[0]
    full = shelf(kind)
    named = [f"patient {number}" if number % 2 else None for number in range(len(full.inputs))]
    made = Shelf(full.schema, full.inputs, full.labels, named)
    told = made.export_version(made.version, form, MemoryExportSink())
    grouped = [each for each in made.samples if each.group != each.sample_id and '"tie"' not in each.label]
    lost = told.lost.get(GROUPS, 0)
    assert lost == (len(grouped) if form in ("conll", "preference-pairs", "voc", "yolo") else 0)
    if form not in ("huggingface", "parquet"):
        data = b"".join(made.files(form).values())
        assert {each.group.encode() in data for each in grouped} == {not lost}


def test_more_classes_than_a_picture_has_places() -> None:
    many = tuple(LabelClass(name=f"class {number}") for number in range(256))
    made = shelf("mask", classes=(*CLASSES, *many))
    for form in ("voc", "ground-truth", "huggingface", "webdataset"):
        with pytest.raises(LabelError, match=r"sample \w{12}: a picture of classes holds up to 255"):
            made.files(form)
    assert made.files("coco")


def test_parquet_without_pyarrow_says_how_to_have_it() -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from trueup.dataset.arrow import pyarrow\n"
        "from trueup.errors import InputError\n"
        "try: pyarrow()\n"
        "except InputError as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "Parquet needs pyarrow: install trueup[parquet]\n"


# ---------------------------------------------------------------- there and back


def held(kind: Kind, labels: list[str]) -> Shelf:
    count = len(labels)
    inputs = [
        Payload(data=json.dumps({"prompt": str(each), "first": "a", "second": "b"}).encode(), content_type="text/plain")
        for each in range(count)
    ]
    return Shelf(schema(kind), inputs, labels)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(data=st.data())
def test_lossless_formats_bring_every_label_back(kind: Kind, data: st.DataObject) -> None:
    """Whatever people may say: JSON Lines, CSV, augmented manifests, and Label Studio's answers."""
    labels = data.draw(st.lists(LABELS[kind], min_size=1, max_size=3))
    made = held(kind, labels)
    samples = made.samples
    lines = made.single("jsonl").splitlines()
    assert [msgspec.json.decode(each, type=LabelledSample) for each in lines] == samples
    rows = csv.DictReader(io.StringIO(made.single("csv").decode(), newline=""))
    assert [each["label"] for each in rows] == [each.label for each in samples]
    manifest = made.single("augmented-manifest")
    back = labelled("augmented-manifest", {"a.manifest": manifest}, made.schema)
    assert [checked(each.label, made.schema) for each in back] == [each.label for each in samples]
    tasks = json.loads(made.single("label-studio")) if kind not in ("boxes", "polygons", "mask") else []
    for task, sample in zip(tasks, samples, strict=False):
        assert label_of(task["annotations"][0]["result"], made.schema) == sample.label


@pytest.mark.slow
@settings(max_examples=40)
@given(LABELS["mask"])
def test_a_masks_picture_and_paint_are_the_mask(label: str) -> None:
    made = held("mask", [label])
    (sample,) = made.samples
    files = made.files("ground-truth")
    found = labelled("augmented-manifest", files, made.schema, file=MANIFEST, attribute="label-ref")
    assert [checked(each.label, made.schema) for each in found] == [sample.label]
    (task,) = json.loads(made.single("label-studio"))
    told = read(sample.label, made.schema)
    if getattr(told, "classes", ()):
        assert label_of(task["annotations"][0]["result"], made.schema) == sample.label


@pytest.mark.slow
@settings(max_examples=40)
@given(st.sampled_from(["boxes", "polygons"]), st.data())
def test_shapes_come_back_from_percents(kind: Kind, data: st.DataObject) -> None:
    """Of a picture as large as labels say; its size is that of the shapes, and gone without any."""
    label = json.loads(data.draw(LABELS[kind]))
    width, height = data.draw(st.tuples(st.integers(91, 5000), st.integers(91, 5000)))
    made = held(kind, [json.dumps({**label, "width": width, "height": height})])
    (sample,) = made.samples
    (task,) = json.loads(made.single("label-studio"))
    result = task["annotations"][0]["result"]
    if result:
        assert label_of(result, made.schema) == checked(sample.label, made.schema)


spans = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 9), st.sampled_from("ab")).map(
        lambda each: Span(label=each[2], start=each[0], end=each[0] + each[1])
    ),
    max_size=6,
)


@pytest.mark.slow
@given(st.text(alphabet=st.sampled_from("ab1 .,\n\u2019é猫🦊\t"), max_size=40), spans)
def test_tokens_hold_every_letter_and_every_span(text: str, given_spans: list[Span]) -> None:
    kept = flat(given_spans)
    found = list(tokens(text, kept))
    assert "".join(text[start:end] for start, end, _ in found) == "".join(text.split())
    covered = {place for start, end, tag in found if tag != "O" for place in range(start, end)}
    wanted = {place for each in kept for place in range(each.start, min(each.end, len(text)))}
    assert covered == {place for place in wanted if not text[place].isspace()}
    begun = sum(tag.startswith("B-") for _, _, tag in found)
    assert begun == sum(bool(text[each.start : each.end].strip()) for each in kept)


@given(spans)
def test_flat_spans_stand_beside_each_other(given_spans: list[Span]) -> None:
    kept = flat(given_spans)
    assert all(one.end <= other.start for one, other in itertools.pairwise(kept))
    longest = max((each.end - each.start for each in given_spans), default=0)
    assert longest == max((each.end - each.start for each in kept), default=0)


# ---------------------------------------------------------------- golden files

TEXT_FILES: dict[str, Kind] = {
    "augmented-manifest": "classification",
    "coco": "boxes",
    "conll": "spans",
    "croissant": "classification",
    "csv": "boxes",
    "ground-truth": "mask",
    "huggingface": "classification",
    "jsonl": "boxes",
    "label-studio": "spans",
    "preference-pairs": "preference",
    "voc": "boxes",
    "yolo": "polygons",
}


@pytest.mark.parametrize("form", sorted(TEXT_FILES))
def test_golden(form: str) -> None:
    """What a person has read: the text files of an export of two samples. A missing one is written, and the test fails
    once. Of archives and Parquet, the tests of their consumers say what is in them."""
    kind = TEXT_FILES[form]
    made = golden_shelf(kind)
    files = made.files(form)
    told = "".join(f"==> {path}\n{_text(data)}" for path, data in files.items() if _is_text(path))
    told = told.replace(made.version.version_id, "<version>")
    path = GOLDEN / f"{form}.txt"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(told)
        pytest.fail(f"wrote {path.name}: read it and commit it")
    assert path.read_text() == told


def golden_shelf(kind: Kind) -> Shelf:
    """Pictures are a PNG's head alone: nothing here decodes them."""
    texts = kind in ("spans", "preference")
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (40).to_bytes(4, "big") + (30).to_bytes(4, "big")
    full = shelf(kind)
    keep = [0, 1]
    inputs = [
        full.inputs[each] if texts else Payload(data=head + bytes([each]), content_type="image/png") for each in keep
    ]
    labels = [GOLDEN_LABELS.get(kind, full.labels)[each] for each in keep]
    return Shelf(full.schema, inputs, labels)


GOLDEN_LABELS: dict[str, list[str]] = {
    "mask": [
        '{"width":4,"height":2,"classes":["dog"],"runs":[[0,3],[1,5]]}',
        '{"width":4,"height":2,"classes":["cat","fox"],"runs":[[1,4],[2,4]]}',
    ]
}


def _is_text(path: str) -> bool:
    return not path.endswith((".png", ".parquet", ".tar")) and path != "trueup-export.json"


def _text(data: bytes) -> str:
    text = data.decode()
    return text if text.endswith("\n") or not text else f"{text}\n"
