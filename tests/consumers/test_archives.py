"""Hugging Face folders, WebDataset tars, Croissant: `datasets`, webdataset and mlcroissant find inputs and labels."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import mlcroissant as mlc
import numpy as np
import pytest
import webdataset as wds
from datasets import Audio, ClassLabel, Image, List, load_dataset
from datasets import Value as HubValue
from PIL import Image as Pictures

from tests.consumers.test_pictures import pixels_of
from tests.shelf import NONE, TEXTS, Shelf, picture, shelf
from tests.unit.labels.schemas import KINDS
from trueup.labels.reading import read
from trueup.model import Kind, LabelledSample, Payload


def said(made: Shelf, sample: LabelledSample) -> Any:
    return read(sample.label, made.schema)


def same_picture(found: Any, payload: Payload) -> bool:
    return bool((np.asarray(found) == np.asarray(Pictures.open(io.BytesIO(payload.data)))).all())


# ---------------------------------------------------------------- Hugging Face


def hub(made: Shelf, folder: Path) -> Any:
    report = made.into(folder / "export", "huggingface")
    return report, load_dataset(str(folder / "export"), cache_dir=str(folder / "cache"))


@pytest.mark.parametrize("kind", KINDS)
def test_datasets_loads_every_kind_by_split(tmp_path: Path, kind: Kind) -> None:
    made = shelf(kind, NONE)
    report, loaded = hub(made, tmp_path)
    assert report.left_out == {"labels that say that no class fits": 1}
    assert list(loaded) == ["train", "validation", "test"]
    for split, rows in loaded.items():
        samples = [each for each in made.of(split) if each.label != NONE]
        assert rows["sample_id"] == [each.sample_id for each in samples]
        assert rows["group"] == [each.group for each in samples]
        if made.schema.media == "image":
            assert rows.features["image"] == Image()
            assert all(same_picture(row["image"], made.payload(each)) for row, each in zip(rows, samples, strict=True))


def test_datasets_knows_the_classes(tmp_path: Path) -> None:
    made = shelf("classification")
    _, loaded = hub(made, tmp_path)
    feature = loaded["train"].features["label"]
    assert feature == ClassLabel(names=["cat", "dog", "fox"])
    assert [feature.int2str(each) for each in loaded["train"]["label"]] == [each.label for each in made.of("train")]


def test_datasets_finds_several_classes(tmp_path: Path) -> None:
    made = shelf("multilabel")
    _, loaded = hub(made, tmp_path)
    assert loaded["train"].features["labels"] == List(ClassLabel(names=["cat", "dog", "fox"]))
    names = [[made.schema.names[each] for each in row["labels"]] for row in loaded["train"]]
    assert names == [list(said(made, each).classes) for each in made.of("train")]


def test_datasets_finds_boxes(tmp_path: Path) -> None:
    made = shelf("boxes")
    _, loaded = hub(made, tmp_path)
    for row, sample in zip(loaded["train"], made.of("train"), strict=True):
        boxes = said(made, sample).boxes
        assert [made.schema.names[each] for each in row["objects"]["category"]] == [each.label for each in boxes]
        for (left, top, width, height), box in zip(row["objects"]["bbox"], boxes, strict=True):
            assert (left, top, left + width, top + height) == pytest.approx((box.left, box.top, box.right, box.bottom))


def test_datasets_finds_polygons(tmp_path: Path) -> None:
    made = shelf("polygons")
    _, loaded = hub(made, tmp_path)
    for row, sample in zip(loaded["test"], made.of("test"), strict=True):
        flat = [[part for point in each.points for part in point] for each in said(made, sample).polygons]
        assert row["objects"]["segmentation"] == flat
        assert (row["width"], row["height"]) == row["image"].size


def test_datasets_finds_masks(tmp_path: Path) -> None:
    made = shelf("mask")
    _, loaded = hub(made, tmp_path)
    for row, sample in zip(loaded["validation"], made.of("validation"), strict=True):
        assert (np.asarray(row["label"]) == pixels_of(said(made, sample), made.schema.names)).all()


def test_datasets_finds_spans_and_relations(tmp_path: Path) -> None:
    made = shelf("spans")
    _, loaded = hub(made, tmp_path)
    related = 0
    for row, sample in zip(loaded["train"], made.of("train"), strict=True):
        value = said(made, sample)
        assert row["text"] == made.payload(sample).data.decode()
        found = [(made.schema.names[each["label"]], each["start"], each["end"]) for each in row["spans"]]
        assert found == [(each.label, each.start, each.end) for each in value.spans]
        assert [(each["label"], each["from"], each["to"]) for each in row["relations"]] == [
            (each.label, each.source, each.target) for each in value.relations
        ]
        related += len(value.relations)
    assert related > 0


def test_datasets_finds_what_has_no_classes(tmp_path: Path) -> None:
    texts, ratings, pairs = shelf("text"), shelf("rating", media="text"), shelf("preference")
    for place, made in enumerate((texts, ratings, pairs)):
        _, loaded = hub(made, tmp_path / str(place))
        for row, sample in zip(loaded["train"], made.of("train"), strict=True):
            value, payload = said(made, sample), made.payload(sample)
            if made is texts:
                assert row["target"] == value.text
            elif made is ratings:
                assert (row["rating"], row["critique"]) == (value.rating, value.critique)
                assert (row["prompt"], row["text"]) == ("", payload.data.decode())
            else:
                pair = json.loads(payload.data)
                better, worse = ("second", "first") if value.preferred == "second" else ("first", "second")
                assert (row["prompt"], row["chosen"], row["rejected"]) == (pair["prompt"], pair[better], pair[worse])
                assert row["preferred"] == value.preferred


def test_datasets_knows_sound(tmp_path: Path) -> None:
    made = shelf("classification", media="audio")
    _, loaded = hub(made, tmp_path)
    assert isinstance(loaded["train"].features["audio"], Audio)
    plain = loaded["train"].cast_column("audio", Audio(decode=False))
    assert [each["bytes"] for each in plain["audio"]] == [made.payload(each).data for each in made.of("train")]


def test_datasets_streams(tmp_path: Path) -> None:
    made = shelf("classification", media="text")
    made.into(tmp_path, "huggingface", "train")
    rows = list(load_dataset(str(tmp_path), split="train", streaming=True))
    assert [each["text"] for each in rows] == [made.payload(each).data.decode() for each in made.of("train")]
    loaded = load_dataset(str(tmp_path), cache_dir=str(tmp_path / "cache"))
    assert list(loaded) == ["train"]
    assert loaded["train"].features["text"] == HubValue("string")


# ---------------------------------------------------------------- WebDataset


def shards(folder: Path, split: str) -> Any:
    names = sorted(str(each) for each in folder.glob(f"{split}-*.tar"))
    return wds.WebDataset(names, shardshuffle=False, empty_check=False)


@pytest.mark.parametrize("kind", KINDS)
def test_webdataset_finds_inputs_and_labels(tmp_path: Path, kind: Kind) -> None:
    made = shelf(kind, NONE)
    made.into(tmp_path, "webdataset")
    for split in ("train", "validation", "test"):
        found = list(shards(tmp_path, split).decode())
        assert [each["__key__"] for each in found] == [each.sample_id for each in made.of(split)]
        for row, sample in zip(found, made.of(split), strict=True):
            label = sample.label
            assert row["json"]["label"] == (json.loads(label) if label.startswith("{") else label)
            if kind == "classification":
                assert label == NONE or made.schema.names[row["cls"]] == label


def test_webdataset_decodes_pictures_and_masks(tmp_path: Path) -> None:
    made = shelf("mask")
    made.into(tmp_path, "webdataset")
    for row, sample in zip(shards(tmp_path, "train"), made.of("train"), strict=True):
        payload = made.payload(sample)
        assert row["jpg" if payload.content_type == "image/jpeg" else "png"] == payload.data
        mask = np.asarray(Pictures.open(io.BytesIO(row["mask.png"])))
        assert (mask == pixels_of(said(made, sample), made.schema.names)).all()


def test_webdataset_decodes_text_and_keeps_json_apart(tmp_path: Path) -> None:
    texts, pairs = shelf("classification", media="text"), shelf("preference")
    texts.into(tmp_path / "texts", "webdataset")
    pairs.into(tmp_path / "pairs", "webdataset")
    assert {each["txt"] for each in shards(tmp_path / "texts", "train").decode()} <= set(TEXTS)
    for row, sample in zip(shards(tmp_path / "pairs", "test").decode(), pairs.of("test"), strict=True):
        assert row["input.json"] == json.loads(pairs.payload(sample).data)
        assert row["json"]["label"]["preferred"] in ("first", "second", "tie")


@pytest.mark.parametrize("kind", KINDS)
def test_datasets_loads_shards_whose_samples_have_the_same_files(tmp_path: Path, kind: Kind) -> None:
    """Inputs of one type, and no label by which no class fits: it looks at the first five and wants no other files."""
    full = shelf(kind)
    alike = [picture(number) for number in range(len(full.inputs))] if full.schema.media == "image" else full.inputs
    made = Shelf(full.schema, alike, full.labels)
    made.into(tmp_path / "shards", "webdataset")
    files = {split: str(tmp_path / "shards" / f"{split}-*.tar") for split in ("train", "validation", "test")}
    loaded = load_dataset("webdataset", data_files=files, cache_dir=str(tmp_path / "cache"))
    for split, rows in loaded.items():
        samples = made.of(split)
        assert rows["__key__"] == [each.sample_id for each in samples]
        assert [each["group"] for each in rows["json"]] == [each.group for each in samples]
        if kind == "classification":
            assert [made.schema.names[int(each)] for each in rows["cls"]] == [each.label for each in samples]
        if made.schema.media == "image":
            assert rows.features["png"] == Image()
            assert all(same_picture(row["png"], made.payload(each)) for row, each in zip(rows, samples, strict=True))


def test_tar_is_of_nobody_and_of_no_time(tmp_path: Path) -> None:
    made = shelf("classification")
    made.into(tmp_path, "webdataset")
    with tarfile.open(tmp_path / "train-000000.tar") as archive:
        assert {(each.mtime, each.uid, each.gid, each.mode, each.isreg()) for each in archive} == {
            (0, 0, 0, 0o644, True)
        }


# ---------------------------------------------------------------- Croissant


@pytest.mark.parametrize("kind", KINDS)
def test_mlcroissant_finds_nothing_wrong_and_reads_the_records(tmp_path: Path, kind: Kind) -> None:
    made = shelf(kind, NONE)
    made.into(tmp_path, "croissant")
    dataset = mlc.Dataset(str(tmp_path / "croissant.json"))
    issues = dataset.metadata.issues
    assert not issues.errors
    assert dataset.metadata.ctx.is_v1_1()
    # It knows neither the licence of a dataset nor how to cite it.
    assert all("license" in each or "citeAs" in each for each in issues.warnings), issues.warnings
    rows = list(dataset.records("samples"))
    assert [each["samples/sample_id"].decode() for each in rows] == [each.sample_id for each in made.samples]
    assert [each["samples/label"].decode() for each in rows] == [each.label for each in made.samples]
    assert [each["samples/split"].decode() for each in rows] == [each.split for each in made.samples]
    assert [each["samples/posterior"] for each in rows] == [each.posterior for each in made.samples]
    if made.schema.media == "text":
        inputs = [made.payload(each).data.decode() for each in made.samples]
        assert [each["samples/input"].decode() for each in rows] == inputs


def test_mlcroissant_decodes_the_pictures(tmp_path: Path) -> None:
    made = shelf("classification")
    made.into(tmp_path, "croissant")
    rows = list(mlc.Dataset(str(tmp_path / "croissant.json")).records("inputs"))
    found = {each["inputs/sample_id"].decode(): each["inputs/input"] for each in rows}
    assert found.keys() == {each.sample_id for each in made.samples}
    assert all(found[each.sample_id].size == picture_size(made.payload(each)) for each in made.samples)


def picture_size(payload: Payload) -> Any:
    return Pictures.open(io.BytesIO(payload.data)).size


def test_croissant_tells_hashes_and_splits(tmp_path: Path) -> None:
    made = shelf("classification", media="text")
    made.into(tmp_path, "croissant")
    document = json.loads((tmp_path / "croissant.json").read_bytes())
    (lines,) = document["distribution"]
    assert lines["sha256"] == hashlib.sha256((tmp_path / "samples.jsonl").read_bytes()).hexdigest()
    splits = list(mlc.Dataset(str(tmp_path / "croissant.json")).records("splits"))
    assert [each["splits/name"] for each in splits] == ["train", "validation", "test"]


def test_mlcroissant_finds_a_changed_file(tmp_path: Path) -> None:
    made = shelf("classification", media="text")
    made.into(tmp_path, "croissant")
    with (tmp_path / "samples.jsonl").open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(mlc.GenerationError, match=r"Download\(samples\.jsonl\)") as caught:
        list(mlc.Dataset(str(tmp_path / "croissant.json")).records("samples"))
    assert "Hash" in str(caught.value.__cause__)


def test_mlcroissant_takes_sound(tmp_path: Path) -> None:
    made = shelf("classification", media="audio")
    made.into(tmp_path, "croissant")
    dataset = mlc.Dataset(str(tmp_path / "croissant.json"))
    assert not dataset.metadata.issues.errors
    assert len(list(dataset.records("samples"))) == len(made.samples)
