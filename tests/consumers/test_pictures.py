"""COCO, YOLO and Pascal VOC: pycocotools and supervision find the same shapes in the same pictures."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as mask_tools
from pycocotools.coco import COCO

from tests.shelf import NONE, Shelf, shelf
from tests.unit.labels.schemas import LABELS, schema
from trueup.labels.reading import read
from trueup.labels.values import Boxes, Mask, Polygons
from trueup.model import Kind, LabelledSample, Payload

with warnings.catch_warnings():
    # It says that it does without OpenCV.
    warnings.simplefilter("ignore")
    import supervision as sv

FOLDERS = {"train": "train", "validation": "val", "test": "test"}
PICTURES: tuple[Kind, ...] = ("boxes", "polygons", "mask")


def said(made: Shelf, sample: LabelledSample) -> Any:
    return read(sample.label, made.schema)


def pixels_of(value: Mask, names: tuple[str, ...]) -> NDArray[np.uint8]:
    """Written here once more: rows of runs, places of classes from 1."""
    places = [0, *(names.index(each) + 1 for each in value.classes or ())]
    flat = [places[which] for which, length in value.runs for _ in range(length)]
    return np.array(flat, dtype=np.uint8).reshape(value.height, value.width)


def coco_of(folder: Path, split: str) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(folder / "annotations" / f"instances_{split}.json"))


def drawn(box: tuple[float, float, float, float]) -> tuple[float, ...]:
    return tuple(round(each, 4) for each in box)


# ---------------------------------------------------------------- COCO


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("split", FOLDERS)
def test_pycocotools_finds_every_picture_and_class(tmp_path: Path, kind: Kind, split: str) -> None:
    made = shelf(kind, NONE)
    report = made.into(tmp_path, "coco")
    assert report.left_out == {"labels that say that no class fits": 1}
    coco = coco_of(tmp_path, split)
    samples = [each for each in made.of(split) if each.label != NONE]
    assert [each["name"] for each in coco.loadCats(coco.getCatIds())] == list(made.schema.names)
    images = coco.loadImgs(sorted(coco.getImgIds()))
    assert [Path(each["file_name"]).stem for each in images] == [each.sample_id for each in samples]
    for image, sample in zip(images, samples, strict=True):
        file = tmp_path / split / image["file_name"]
        assert file.read_bytes() == made.payload(sample).data
        assert Image.open(file).size == (image["width"], image["height"])


def test_pycocotools_finds_the_boxes(tmp_path: Path) -> None:
    made = shelf("boxes")
    made.into(tmp_path, "coco")
    for split in FOLDERS:
        coco = coco_of(tmp_path, split)
        for number, sample in enumerate(made.of(split), start=1):
            value = said(made, sample)
            found = coco.loadAnns(coco.getAnnIds(imgIds=[number]))
            assert [made.schema.names[each["category_id"] - 1] for each in found] == [
                each.label for each in value.boxes
            ]
            sides = [(x, y, x + width, y + height) for x, y, width, height in (each["bbox"] for each in found)]
            assert [drawn(each) for each in sides] == [
                drawn((each.left, each.top, each.right, each.bottom)) for each in value.boxes
            ]


def test_pycocotools_rebuilds_the_masks(tmp_path: Path) -> None:
    made = shelf("mask")
    made.into(tmp_path, "coco")
    seen = 0
    for split in FOLDERS:
        coco = coco_of(tmp_path, split)
        for number, sample in enumerate(made.of(split), start=1):
            rebuilt = np.zeros_like(pixels_of(said(made, sample), made.schema.names))
            for each in coco.loadAnns(coco.getAnnIds(imgIds=[number])):
                covered = coco.annToMask(each).astype(bool)
                rle = coco.annToRLE(each)
                assert mask_tools.area(rle) == each["area"] == covered.sum()
                assert mask_tools.toBbox(rle).tolist() == each["bbox"]
                assert not rebuilt[covered].any()
                rebuilt[covered] = each["category_id"]
                seen += 1
            assert (rebuilt == pixels_of(said(made, sample), made.schema.names)).all()
    assert seen > 20


@given(LABELS["mask"])
def test_pycocotools_rebuilds_any_mask(label: str) -> None:
    made = Shelf(schema("mask"), [Payload(data=b"\x89PNG\r\n\x1a\n", content_type="image/png")], [label])
    (sample,) = made.samples
    document = json.loads(made.files("coco")[f"annotations/instances_{sample.split}.json"])
    expected = pixels_of(said(made, sample), made.schema.names)
    rebuilt = np.zeros_like(expected)
    for each in document["annotations"]:
        rle = mask_tools.frPyObjects(each["segmentation"], *expected.shape)
        rebuilt[mask_tools.decode(rle).astype(bool)] = each["category_id"]
    assert (rebuilt == expected).all()


def test_pycocotools_fills_the_polygons(tmp_path: Path) -> None:
    made = shelf("polygons")
    made.into(tmp_path, "coco")
    coco = coco_of(tmp_path, "train")
    for number, sample in enumerate(made.of("train"), start=1):
        value: Polygons = said(made, sample)
        found = coco.loadAnns(coco.getAnnIds(imgIds=[number]))
        assert [[tuple(point) for point in np.reshape(each["segmentation"], (-1, 2))] for each in found] == [
            list(each.points) for each in value.polygons
        ]
        for each in found:
            # The area of what lies within, and of the pixels that pycocotools paints of it.
            assert coco.annToMask(each).sum() == pytest.approx(each["area"], rel=0.15)


def test_pycocotools_scores_an_export_against_itself(tmp_path: Path) -> None:
    """The whole evaluation runs on it, and finds everything."""
    from pycocotools.cocoeval import COCOeval

    made = shelf("boxes")
    made.into(tmp_path, "coco")
    coco = coco_of(tmp_path, "train")
    answers = [
        {**{name: each[name] for name in ("image_id", "category_id", "bbox")}, "score": 0.9}
        for each in coco.loadAnns(coco.getAnnIds())
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        scores = COCOeval(coco, coco.loadRes(answers), "bbox")
        scores.evaluate()
        scores.accumulate()
        scores.summarize()
    assert scores.stats[0] == pytest.approx(1.0)


@pytest.mark.parametrize("kind", PICTURES)
def test_supervision_loads_coco(tmp_path: Path, kind: Kind) -> None:
    made = shelf(kind)
    made.into(tmp_path, "coco")
    loaded = sv.DetectionDataset.from_coco(
        images_directory_path=str(tmp_path / "train"),
        annotations_path=str(tmp_path / "annotations" / "instances_train.json"),
    )
    assert loaded.classes == list(made.schema.names)
    assert len(loaded) == len(made.of("train"))
    assert labels_of(loaded) == {each.sample_id: sorted(names_of(made, each)) for each in made.of("train")}


# ---------------------------------------------------------------- YOLO


@pytest.mark.parametrize("split", FOLDERS)
def test_supervision_loads_yolo_boxes(tmp_path: Path, split: str) -> None:
    made = shelf("boxes", NONE)
    made.into(tmp_path, "yolo")
    loaded = yolo(tmp_path, split)
    samples = [each for each in made.of(split) if each.label != NONE]
    assert len(loaded) == len(samples)
    found = by_sample(loaded)
    for sample in samples:
        value: Boxes = said(made, sample)
        boxes = np.array([[each.left, each.top, each.right, each.bottom] for each in value.boxes]).reshape(-1, 4)
        assert np.allclose(found[sample.sample_id].xyxy, boxes, atol=1e-3)
    assert labels_of(loaded) == {each.sample_id: sorted(names_of(made, each)) for each in samples}


def test_supervision_loads_yolo_polygons(tmp_path: Path) -> None:
    made = shelf("polygons")
    made.into(tmp_path, "yolo")
    found = by_sample(yolo(tmp_path, "train"))
    for sample in made.of("train"):
        detections = found[sample.sample_id]
        assert detections.mask is not None
        for polygon, box in zip(said(made, sample).polygons, detections.xyxy, strict=True):
            across, down = zip(*polygon.points, strict=True)
            # Its boxes are those of whole pixels.
            assert np.allclose(box, [min(across), min(down), max(across), max(down)], atol=1)


def yolo(folder: Path, split: str) -> Any:
    return sv.DetectionDataset.from_yolo(
        images_directory_path=str(folder / "images" / FOLDERS[split]),
        annotations_directory_path=str(folder / "labels" / FOLDERS[split]),
        data_yaml_path=str(folder / "data.yaml"),
    )


def test_the_description_leads_to_the_folders(tmp_path: Path) -> None:
    """As Ultralytics resolves it: without `path`, from the folder of data.yaml."""
    import yaml

    made = shelf("boxes")
    made.into(tmp_path, "yolo")
    told = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert told["names"] == dict(enumerate(made.schema.names))
    assert "path" not in told
    for split, name in FOLDERS.items():
        assert len(list((tmp_path / told[name]).iterdir())) == len(made.of(split))


# ---------------------------------------------------------------- Pascal VOC


def test_supervision_loads_voc_boxes(tmp_path: Path) -> None:
    """It counts pixels from 0: the first of an edge is one less, the last is where the box ends."""
    made = shelf("boxes", NONE)
    made.into(tmp_path, "voc")
    loaded = sv.DetectionDataset.from_pascal_voc(
        images_directory_path=str(tmp_path / "JPEGImages"), annotations_directory_path=str(tmp_path / "Annotations")
    )
    found = by_sample(loaded)
    samples = [each for each in made.samples if each.label != NONE]
    assert found.keys() == {each.sample_id for each in samples}
    for sample in samples:
        value: Boxes = said(made, sample)
        boxes = np.array([[each.left, each.top, each.right, each.bottom] for each in value.boxes]).reshape(-1, 4)
        assert np.allclose(found[sample.sample_id].xyxy, boxes, atol=0.5)
    assert labels_of(loaded) == {each.sample_id: sorted(names_of(made, each)) for each in samples}


def test_voc_masks_are_pictures_of_classes(tmp_path: Path) -> None:
    made = shelf("mask")
    made.into(tmp_path, "voc")
    for sample in made.samples:
        picture = Image.open(tmp_path / "SegmentationClass" / f"{sample.sample_id}.png")
        assert picture.mode == "P"
        expected = pixels_of(said(made, sample), made.schema.names)
        assert (np.asarray(picture) == expected).all()
        # The devkit's colours: 1 is dark red, 2 dark green.
        assert picture.getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]  # type: ignore[index]
    for split, name in FOLDERS.items():
        for kind in ("Main", "Segmentation"):
            listed = (tmp_path / "ImageSets" / kind / f"{name}.txt").read_text().split()
            assert listed == [each.sample_id for each in made.of(split)]


def test_voc_documents_name_their_pictures(tmp_path: Path) -> None:
    made = shelf("boxes")
    made.into(tmp_path, "voc")
    for sample in made.samples:
        document = ET.parse(tmp_path / "Annotations" / f"{sample.sample_id}.xml")
        picture = Image.open(tmp_path / "JPEGImages" / str(document.findtext("filename")))
        assert picture.size == (int(document.findtext("size/width")), int(document.findtext("size/height")))  # type: ignore[arg-type]


# ---------------------------------------------------------------- what supervision found


def by_sample(loaded: Any) -> dict[str, Any]:
    return {Path(path).stem: detections for path, detections in loaded.annotations.items()}


def labels_of(loaded: Any) -> dict[str, list[str]]:
    return {name: sorted(loaded.classes[each] for each in found.class_id) for name, found in by_sample(loaded).items()}


def names_of(made: Shelf, sample: LabelledSample) -> Iterable[str]:
    value = said(made, sample)
    if isinstance(value, Mask):
        return value.classes or ()
    shapes = value.boxes if isinstance(value, Boxes) else value.polygons
    return [each.label for each in shapes]


def test_the_json_is_one_document(tmp_path: Path) -> None:
    """Written in pieces, it is what a parser takes whole; ids are used once."""
    shelf("mask").into(tmp_path, "coco")
    document = json.loads((tmp_path / "annotations" / "instances_train.json").read_bytes())
    ids = [each["id"] for each in document["annotations"]]
    assert ids == list(range(1, len(ids) + 1))
