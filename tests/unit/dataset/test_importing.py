"""What importers make of files that the tools themselves wrote (tests/data/imports/make.py)."""

from __future__ import annotations

import csv
import importlib
import io
import json
import pkgutil
import tarfile
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from tests.imports import DATA, folder, items, labelled, left_out, problems, schema
from trueup.dataset import importing
from trueup.dataset.importing import IMPORTS
from trueup.dataset.sources import Labelled
from trueup.errors import InputError, NotFoundError
from trueup.labels.reading import checked, read
from trueup.labels.values import Mask, Spans
from trueup.model import LabelledSample, LabelSchema

ANIMALS = schema("classification", "cat", "dog", "fox")
TEXTS = schema("classification", "cat", "dog", "fox", media="text")
BOXES = schema("boxes", "cat", "dog", "fox", "person")
POLYGONS = schema("polygons", "cat", "dog", "fox")
MASKS = schema("mask", "cat", "dog", "fox", "person", "motorbike")
SPANS = schema("spans", "PER", "LOC", "ORG", "MISC", media="text")
PAIRS = schema("preference", media="text")


def jsonl(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in rows)


def value(found: Labelled) -> Any:
    return json.loads(found.label)


def boxes(found: Labelled) -> list[tuple[Any, ...]]:
    return [tuple(each[key] for key in ("label", "left", "top", "right", "bottom")) for each in value(found)["boxes"]]


def pixels(text: str, asked: LabelSchema) -> list[str]:
    """Rows of the first letters of classes."""
    mask = read(text, asked)
    assert isinstance(mask, Mask)
    names = (".", *(each[0] for each in mask.classes or ()))
    flat = "".join(names[which] * length for which, length in mask.runs)
    return [flat[row * mask.width : (row + 1) * mask.width] for row in range(mask.height)]


def spans(found: Labelled) -> list[tuple[str, str]]:
    text = (found.data or b"").decode()
    label = read(found.label, SPANS)
    assert isinstance(label, Spans)
    return [(each.label, text[each.start : each.end]) for each in label.spans]


def test_every_importer_is_in_the_table() -> None:
    found = {
        getattr(module, name)
        for module in map(importlib.import_module, _modules())
        for name in dir(module)
        if (name == "read" or name.startswith("read_")) and getattr(module, name).__module__ == module.__name__
    }
    helpers = {"read_manifest", "read_yaml"}
    assert {each for each in found if each.__name__ not in helpers} == set(IMPORTS.values())
    assert list(IMPORTS) == sorted(IMPORTS)


def _modules() -> list[str]:
    return [f"{importing.__name__}.{each.name}" for each in pkgutil.iter_modules(importing.__path__)]


# ---------------------------------------------------------------- tables


def test_the_least_that_a_row_says_is_an_input_and_a_label() -> None:
    rows = [
        {"text": "a cat", "label": "cat"},
        {"source": "a dog", "label": 1},
        {"source-ref": "s3://acme/fox.png", "label": "2"},
        {"file": "pictures/cat.jpg", "label": "cat", "group": 7, "split": "dev"},
    ]
    found = labelled("jsonl", {"sub/a.jsonl": jsonl(*rows)}, ANIMALS)
    assert [each.label for each in found] == ["cat", "dog", "fox", "cat"]
    assert [each.data for each in found] == [b"a cat", b"a dog", None, None]
    assert [each.ref for each in found] == [None, None, "s3://acme/fox.png", "sub/pictures/cat.jpg"]
    assert [each.where for each in found] == [f"sub/a.jsonl:{number}" for number in range(1, 5)]
    assert (found[3].group, found[3].split) == ("7", "validation")
    assert [each.content_type for each in found] == ["text/plain", "text/plain", "image/png", "image/jpeg"]


def test_rows_that_say_too_little_are_named() -> None:
    rows = jsonl(
        {"text": "a"}, {"label": "cat"}, {"text": "a", "label": 3}, {"text": "a", "label": "cat", "posterior": 2}
    )
    found = problems("jsonl", {"a.jsonl": rows + b'[1]\n{"text": "\xff"}\n'}, ANIMALS)
    assert [each.partition(": ")[0] for each in found] == [f"a.jsonl:{number}" for number in range(1, 7)]
    for problem, says in zip(
        found,
        ("no 'label'", "no input", "class 3 has no name", "'posterior' holds 2", "not a JSON object", "not JSON"),
        strict=True,
    ):
        assert says in problem


def test_csv_in_any_of_the_usual_manners() -> None:
    comma = 'text,label\n"a, ""cat""\nof two lines",cat\nüber,dog\n'
    for data in (comma, "\ufeff" + comma, comma.replace("\n", "\r\n")):
        found = labelled("csv", {"a.csv": data.encode()}, TEXTS)
        assert [each.label for each in found] == ["cat", "dog"]
        assert (found[0].data or b"").startswith(b'a, "cat"')
    for separator in "\t;":
        found = labelled("csv", {"a.tsv": f"text{separator}label\na,b{separator}cat\n".encode()}, TEXTS)
        assert [(each.data, each.label) for each in found] == [(b"a,b", "cat")]
    limit = csv.field_size_limit()
    (found,) = labelled("csv", {"a.csv": b"text,label\n" + b"x" * 200_000 + b",cat\n"}, TEXTS)
    assert (len(found.data or b""), csv.field_size_limit()) == (200_000, limit)
    bad = b"text,label\na,b,cat\nlonely\n\xff,cat\nfine,cat\n"
    found = items("csv", {"a.csv": bad}, TEXTS)
    assert [type(each).__name__ for each in found] == ["Problem", "Problem", "Problem", "Labelled"]
    assert [each.where for each in found] == ["a.csv:2", "a.csv:3", "a.csv:4", "a.csv:5"]
    assert problems("csv", {"a.csv": b""}, TEXTS) == ["a.csv: a.csv is empty: its first line names the columns"]


def test_trueups_own_lines_and_columns_come_back() -> None:
    label = checked('{"width":9,"height":9,"boxes":[{"label":"cat","left":1,"top":2,"right":3,"bottom":4}]}', BOXES)
    sample = LabelledSample(
        sample_id="ab" * 32,
        label=label,
        split="test",
        group="user 7",
        content_type="image/x-raw",
        payload_uri="s3://data/pets/payloads/ab/abab",
        posterior=0.75,
        agreement=0.5,
        labelled_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
    )
    columns = {name: getattr(sample, name) for name in sample.__struct_fields__}
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns))
    writer.writeheader()
    writer.writerow({**columns, "labelled_at": columns["labelled_at"].isoformat()})
    parquet = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([columns]), parquet)
    for form, data in (
        ("jsonl", msgspec.json.encode(sample)),
        ("csv", text.getvalue().encode()),
        ("parquet", parquet.getvalue()),
    ):
        (found,) = labelled(form, {f"a.{form}": data}, BOXES)
        assert (found.label, found.split, found.content_type) == (label, "test", "image/x-raw")
        assert (found.ref, found.confidence, found.agreement) == (sample.payload_uri, 0.75, 0.5)
        assert (found.group, found.labelled_at) == ("user 7", sample.labelled_at)


@pytest.mark.parametrize(
    ("kind", "cell", "label"),
    [
        ("multilabel", ["cat", 1], {"classes": ["cat", "dog"]}),
        ("multilabel", "cat|fox", {"classes": ["cat", "fox"]}),
        ("multilabel", [], {"classes": []}),
        ("text", "two dogs", {"text": "two dogs"}),
        ("rating", "4", {"rating": 4, "critique": ""}),
        ("preference", "second", {"preferred": "second", "critique": ""}),
        ("boxes", {"boxes": []}, {"boxes": []}),
        ("spans", '{"spans":[]}', {"spans": []}),
    ],
)
def test_cells_of_every_kind(kind: str, cell: Any, label: dict[str, Any]) -> None:
    (found,) = labelled("jsonl", {"a.jsonl": jsonl({"text": "x", "label": cell})}, schema(kind, "cat", "dog", "fox"))
    assert value(found) == label


@pytest.mark.parametrize(
    ("kind", "cell"), [("boxes", "cat"), ("rating", "4.5"), ("rating", []), ("preference", "left")]
)
def test_cells_that_say_nothing_of_their_kind(kind: str, cell: Any) -> None:
    (found,) = problems("jsonl", {"a.jsonl": jsonl({"text": "x", "label": cell})}, schema(kind))
    assert found.startswith("a.jsonl:1: ")


# ---------------------------------------------------------------- Hugging Face


@pytest.mark.parametrize("name", ["huggingface-parquet", "huggingface-disk"])
def test_data_sets_that_datasets_wrote(name: str) -> None:
    found = labelled("huggingface", folder(DATA / name), ANIMALS)
    assert sorted((each.label, each.split) for each in found) == [("cat", "train"), ("dog", "test"), ("fox", "train")]
    assert all((each.data or b"").startswith(b"\x89PNG") and each.content_type == "image/png" for each in found)


def test_the_names_in_a_file_go_before_the_order_of_the_label_schema() -> None:
    found = labelled("parquet", folder(DATA / "huggingface-parquet"), schema("classification", "fox", "cat", "dog"))
    assert sorted(each.label for each in found) == ["cat", "dog", "fox"]


def test_a_folder_of_pictures_with_metadata_and_a_card() -> None:
    found = labelled("huggingface", folder(DATA / "huggingface-folder"), BOXES)
    assert [boxes(each) for each in found] == [[("cat", 1, 1, 4, 5)], [("dog", 0, 0, 8, 6)]]
    assert [(each.ref, each.split) for each in found] == [("train/0.png", "train"), ("train/1.png", "train")]


def test_a_folder_for_each_class() -> None:
    files = {"train/cat/1.png": b"1", "train/dog/2.jpg": b"2", "validation/cat/3.png": b"3", "train/notes.txt": b""}
    found = labelled("huggingface", files, ANIMALS)
    assert [(each.ref, each.label, each.split) for each in found] == [
        ("train/cat/1.png", "cat", "train"),
        ("train/dog/2.jpg", "dog", "train"),
        ("validation/cat/3.png", "cat", "validation"),
    ]
    assert problems("huggingface", {"train/1.png": b""}, ANIMALS)[0].startswith(
        "train/1.png: the file lies in no folder"
    )
    with pytest.raises(NotFoundError, match="holds no table"):
        items("huggingface", {"README": b""}, ANIMALS)


def test_tokens_with_tags_are_spans() -> None:
    found = labelled("huggingface", folder(DATA / "huggingface-tokens"), SPANS)
    assert [(each.data or b"").decode() for each in found] == ["Ada Lovelace of London", "nothing"]
    assert [spans(each) for each in found] == [[("PER", "Ada Lovelace"), ("LOC", "London")], []]


def test_a_broken_parquet_file_is_named_and_the_others_are_read() -> None:
    files = folder(DATA / "huggingface-parquet")
    files["data/cut-train.parquet"] = files["data/train-00000-of-00001.parquet"][:-30]
    assert len([each for each in items("parquet", files, ANIMALS) if isinstance(each, Labelled)]) == 3
    (problem,) = problems("parquet", files, ANIMALS)
    assert problem.startswith("data/cut-train.parquet: data/cut-train.parquet cannot be read")


# ---------------------------------------------------------------- WebDataset


def test_shards_that_webdataset_wrote() -> None:
    files = {name: data for name, data in folder(DATA / "webdataset").items() if name.startswith("animals")}
    found = labelled("webdataset", files, ANIMALS)
    assert [(each.where.partition(":")[2], each.label) for each in found] == [
        ("00", "cat"),
        ("01", "dog"),
        ("10", "dog"),
        ("11", "fox"),
    ]
    assert {each.content_type for each in found} == {"image/png"}
    with Image.open(io.BytesIO(found[3].data or b"")) as picture:
        assert picture.getpixel((0, 0)) == (23, 90, 40)


def test_a_shards_json_says_more() -> None:
    (found,) = labelled("webdataset", {"texts.tar": (DATA / "webdataset" / "texts.tar").read_bytes()}, TEXTS)
    assert (found.label, found.group, found.split, found.data) == ("cat", "u1", "validation", b"a cat")


def test_a_broken_shard_is_named_and_the_next_is_read() -> None:
    whole = (DATA / "webdataset" / "animals-000000.tar").read_bytes()
    files = {"1.tar": whole[:700], "2.tar": b"no tar at all" * 100, "3.tar": whole}
    found = items("webdataset", files, ANIMALS)
    assert [each.where for each in found if isinstance(each, Labelled)] == ["3.tar:00", "3.tar:01"]
    assert [each.partition(":")[0] for each in problems("webdataset", files, ANIMALS)] == ["1.tar", "2.tar"]


def test_samples_that_lack_something() -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, data in (("a.png", b"1"), ("b.cls", b"cat"), ("c.cls", b"\xff"), ("c.png", b"3")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    found = problems("webdataset", {"x.tar": target.getvalue()}, ANIMALS)
    for problem, says in zip(
        found,
        ("x.tar:a: the sample has no label", "x.tar:b: the sample has no input", "x.tar:c: the .cls is not UTF-8"),
        strict=True,
    ):
        assert problem.startswith(says)


# ---------------------------------------------------------------- COCO


def coco() -> dict[str, bytes]:
    return folder(DATA / "coco")


def test_coco_boxes_leave_crowds_out() -> None:
    found = labelled("coco", coco(), BOXES)
    assert [boxes(each) for each in found] == [[("cat", 2, 1, 8, 6)], [], []]
    assert [each.ref for each in found] == ["images/0.jpg", "images/1.jpg", "images/2.jpg"]
    assert {each.split for each in found} == {"validation"}
    assert left_out("coco", coco(), BOXES) == ["a crowd marked as one (iscrowd)"]


def test_coco_polygons_and_classes() -> None:
    first = labelled("coco", coco(), POLYGONS)[0]
    assert value(first)["polygons"] == [{"label": "cat", "points": [[2, 1], [8, 1], [8, 6], [2, 6]]}]
    assert [value(each) for each in labelled("coco", coco(), schema("multilabel", "cat", "dog"))] == [
        {"classes": ["cat"]},
        {"classes": []},
        {"classes": []},
    ]
    assert [each.label for each in labelled("coco", coco(), ANIMALS)] == ["cat"]


def test_coco_masks_are_the_pixels_that_pycocotools_packed() -> None:
    outline, crowd, nothing = (pixels(each.label, MASKS) for each in labelled("coco", coco(), MASKS))
    drawn = (DATA / "coco" / "crowd.txt").read_text().split()
    assert crowd == [each.replace("0", ".").replace("1", "d") for each in drawn]
    assert outline == ["." * 20, *[".." + "c" * 6 + "." * 12] * 5, *["." * 20] * 4]
    assert set("".join(nothing)) == {"."}
    assert labelled("coco", coco(), MASKS)[1].label == uncompressed().label


def uncompressed() -> Labelled:
    """The same crowd as numbers, as COCO's own files have it."""
    document = json.loads(coco()["instances_val2017.json"])
    crowd = np.array([[int(each) for each in row] for row in (DATA / "coco" / "crowd.txt").read_text().split()])
    flat = crowd.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges, len(flat)]).tolist()
    document["annotations"][1]["segmentation"] = {"size": [10, 20], "counts": counts}
    return labelled("coco", {"instances.json": json.dumps(document).encode()}, MASKS)[1]


def test_what_is_wrong_in_a_coco_document_is_named_and_the_rest_is_read() -> None:
    document = json.loads(coco()["instances_val2017.json"])
    first = document["annotations"][0]
    document["annotations"] = [
        {**first, "category_id": 99},
        {**first, "image_id": 8, "bbox": [1, 2]},
        {**first, "image_id": 1000},
        {"id": 5},
    ]
    document["images"].append({"id": 1})
    files = {"a.json": json.dumps(document).encode()}
    found = problems("coco", files, BOXES)
    says = (
        "a.json:annotations[3]: is no annotation",
        "a.json:images[0]: annotation 1 has category 99",
        "a.json:images[1]: an annotation cannot be read",
        "a.json:images[3]: is no image",
        "a.json: 1 annotations name image 1000",
    )
    for problem, said in zip(found, says, strict=True):
        assert problem.startswith(said)
    assert len([each for each in items("coco", files, BOXES) if isinstance(each, Labelled)]) == 1
    assert problems("coco", {"a.json": b"{}"}, BOXES)[0].startswith("a.json: is no COCO document")


# ---------------------------------------------------------------- YOLO, Pascal VOC


def test_yolo_boxes_outlines_and_pictures_without_anything() -> None:
    files = folder(DATA / "yolo")
    first, second = labelled("yolo", files, BOXES)
    assert boxes(first) == [("cat", 7.5, 2.5, 12.5, 7.5), ("fox", 2, 2, 12, 8)]
    assert (value(second), second.split) == ({"width": 20, "height": 10, "boxes": []}, "validation")
    assert [(each.ref, each.split) for each in (first, second)] == [
        ("images/train/1.jpg", "train"),
        ("images/val/2.png", "validation"),
    ]
    files["labels/train/1.txt"] = files["labels/train/1.txt"].split(b"\n")[1]
    assert value(labelled("yolo", files, POLYGONS)[0])["polygons"][0]["points"] == [[2, 2], [12, 2], [12, 8]]
    rows = pixels(labelled("yolo", files, MASKS)[0].label, MASKS)
    assert (rows[1], rows[2].count("f"), rows[7].count("f")) == ("." * 20, 9, 1)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"0 0.5 0.5 0.25", "1.txt:1 has 3 numbers"),
        (b"7 0.5 0.5 0.25 0.5", "1.txt:1 has class 7, which data.yaml does not name"),
        (b"cat 0.5", "1.txt:1 is no line of numbers"),
        (b"0 50 50 25 50", "1.txt:1 has numbers outside 0 to 1"),
        (b"0 nan 0.5 0.25 0.5", "1.txt:1 has numbers outside 0 to 1"),
    ],
)
def test_a_yolo_line_that_cannot_be_read(line: bytes, says: str) -> None:
    files = {**folder(DATA / "yolo"), "labels/train/1.txt": line}
    (problem,) = problems("yolo", files, BOXES)
    assert problem.startswith("images/train/1.jpg: labels/train/1.txt")
    assert says in problem


def test_a_yolo_set_whose_paths_are_of_elsewhere() -> None:
    files = folder(DATA / "yolo")
    files["data.yaml"] = b"train: ../images/train\nval: list.txt\nnames: [cat, dog, fox]\n"
    files["list.txt"] = b"./images/val/2.png\n"
    assert [each.ref for each in labelled("yolo", files, BOXES)] == ["images/train/1.jpg", "images/val/2.png"]
    files["data.yaml"] = b"train: /home/ada/images\nnames: [cat]\n"
    with pytest.raises(NotFoundError, match="leads to no pictures"):
        items("yolo", files, BOXES)
    files["data.yaml"] = b"train: [\n"
    with pytest.raises(InputError, match=r"data\.yaml is no YAML"):
        items("yolo", files, BOXES)


def test_vocs_boxes_count_pixels_from_one() -> None:
    (found,) = labelled("voc", folder(DATA / "voc"), BOXES)
    assert boxes(found) == [("dog", 47, 239, 195, 371), ("person", 7, 11, 352, 498)]
    assert (value(found)["width"], value(found)["height"]) == (353, 500)
    assert (found.ref, found.split) == ("JPEGImages/000001.jpg", "train")


def test_vocs_masks_have_the_devkits_colours_or_those_of_a_label_map() -> None:
    files = folder(DATA / "voc")
    (found,) = labelled("voc", files, MASKS)
    assert pixels(found.label, MASKS) == [".....", ".ddd.", ".ddd.", "....p"]
    picture = Image.new("RGB", (3, 1), (0, 0, 0))
    picture.putpixel((1, 0), (1, 2, 3))
    target = io.BytesIO()
    picture.save(target, "PNG")
    files["SegmentationClass/000001.png"] = target.getvalue()
    files["labelmap.txt"] = b"# label:color_rgb:parts:actions\nbackground:0,0,0::\nfox:1,2,3::\n"
    (found,) = labelled("voc", files, MASKS)
    assert pixels(found.label, MASKS) == [".f."]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"<xmin>48</xmin>", b"<xmin>left</xmin>", "bndbox/xmin is 'left'"),
        (b"<name>dog</name>", b"", "an object has no name"),
        (b"</annotation>", b"", "the annotation is no XML"),
        (b"<annotation>", b'<!DOCTYPE a [<!ENTITY b "c">]><annotation>', "declares entities"),
    ],
)
def test_a_voc_annotation_that_cannot_be_read(old: bytes, new: bytes, says: str) -> None:
    files = folder(DATA / "voc")
    files["Annotations/000001.xml"] = files["Annotations/000001.xml"].replace(old, new)
    (problem,) = problems("voc", files, BOXES)
    assert problem.startswith("Annotations/000001.xml: ")
    assert says in problem


# ---------------------------------------------------------------- CoNLL, preference pairs


def test_conll_2003_and_its_documents() -> None:
    found = labelled("conll", {"eng.train": (DATA / "conll" / "eng.train").read_bytes()}, SPANS, file="eng.train")
    assert (found[0].data or b"").decode() == "EU rejects German call to boycott British lamb ."
    assert [spans(each) for each in found] == [
        [("ORG", "EU"), ("MISC", "German"), ("MISC", "British")],
        [("PER", "Peter Blackburn")],
        [("LOC", "BRUSSELS")],
    ]
    assert [each.group for each in found] == ["eng.train#1", "eng.train#1", "eng.train#2"]
    assert [each.where for each in found] == ["eng.train:3", "eng.train:13", "eng.train:18"]
    german = labelled("conll", {"a.conll": (DATA / "conll" / "german.bioes.conll").read_bytes()}, SPANS)
    assert [spans(each) for each in german] == [[("PER", "Müller Straße"), ("LOC", "Köln")]]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("I-PER I-PER B-PER O", ["a b", "c"]),
        ("B-PER I-PER B-PER O", ["a b", "c"]),
        ("B-PER E-PER S-PER O", ["a b", "c"]),
        ("B-PER L-PER U-PER O", ["a b", "c"]),
        ("PER PER O PER", ["a b", "d"]),
        ("I-PER I-LOC I-PER O", ["a", "b", "c"]),
    ],
)
def test_every_scheme_of_tags(tags: str, expected: list[str]) -> None:
    lines = "".join(f"{token} {tag}\n" for token, tag in zip("abcd", tags.split(), strict=True))
    (found,) = labelled("conll", {"a.conll": lines.encode()}, SPANS)
    assert [text for _, text in spans(found)] == expected


def test_a_sentence_that_cannot_be_read_is_named_and_the_next_is_read() -> None:
    data = b"a O\nb\n\n\xff O\n\nc O\nd B-\n\ne B-PER\n"
    found = items("conll", {"a.conll": data}, SPANS)
    assert [type(each).__name__ for each in found] == ["Problem", "Problem", "Problem", "Labelled"]
    says = ("line 2 needs a token and a tag", "line 4 is not UTF-8", "the tag 'B-' names no class")
    for problem, said in zip(problems("conll", {"a.conll": data}, SPANS), says, strict=True):
        assert said in problem


def test_pairs_are_shown_in_an_order_that_does_not_tell_the_better_one() -> None:
    rows = [{"prompt": f"q{n}", "chosen": "good", "rejected": "bad"} for n in range(40)]
    found = labelled("preference-pairs", {"a.jsonl": jsonl(*rows)}, PAIRS)
    sides = [value(each)["preferred"] for each in found]
    assert 8 < sides.count("first") < 32
    for each, side in zip(found, sides, strict=True):
        shown = json.loads(each.data or b"")
        assert shown[side] == "good"
    assert found == labelled("preference-pairs", {"a.jsonl": jsonl(*rows)}, PAIRS)


def test_conversations_and_prompts_that_are_not_told_apart() -> None:
    turns = [{"role": "user", "content": "Hi"}]
    yes, no = {"role": "assistant", "content": "Hello"}, {"role": "assistant", "content": "Go"}
    rows = [
        {"prompt": turns, "chosen": [yes], "rejected": [no]},
        {"chosen": [*turns, yes], "rejected": [*turns, no]},
        {"chosen": "Human: Hi Assistant: Hello", "rejected": "Human: Hi Assistant: Hell"},
        {"prompt": "p", "chosen": "same", "rejected": "same"},
    ]
    found = labelled("preference-pairs", {"a.jsonl": jsonl(*rows)}, PAIRS)
    shown = [json.loads(each.data or b"") for each in found]
    assert [each["prompt"] for each in shown] == ["Hi", "Hi", "Human: Hi Assistant:", "p"]
    assert {shown[0]["first"], shown[0]["second"]} == {"Hello", "Go"}
    assert (found[0].data, found[0].label, found[0].group) == (found[1].data, found[1].label, found[1].group)
    assert value(found[3])["preferred"] == "tie"
    (problem,) = problems("preference-pairs", {"a.jsonl": jsonl({"prompt": "p", "chosen": 1, "rejected": "a"})}, PAIRS)
    assert "the column 'chosen' is not as it should be" in problem


# ---------------------------------------------------------------- Label Studio


def task(*results: Any, **more: Any) -> dict[str, Any]:
    given = [
        {"id": n, "result": each, "completed_by": n + 1, "was_cancelled": False, "updated_at": "2026-11-20T10:00:00Z"}
        for n, each in enumerate(results)
    ]
    return {"id": 1, "data": {"text": "a cat", "user": "ada"}, "annotations": given, **more}


def chose(name: str, control: str = "sentiment") -> list[dict[str, Any]]:
    return [{"from_name": control, "to_name": "text", "type": "choices", "value": {"choices": [name]}}]


def export(*tasks: dict[str, Any]) -> dict[str, bytes]:
    return {"project-1.json": json.dumps(tasks).encode()}


def test_label_studios_export_of_any_project() -> None:
    found = labelled("label-studio", export(task(chose("cat"), chose("cat"), chose("dog"))), TEXTS, group="user")
    (one,) = found
    assert (one.label, one.data, one.group, one.agreement) == ("cat", b"a cat", "ada", 2 / 3)
    assert [(each.annotator, each.label) for each in one.answers] == [("1", "cat"), ("2", "cat"), ("3", "dog")]
    marked = task(chose("cat"), chose("dog"))
    marked["annotations"][1]["ground_truth"] = True
    assert labelled("label-studio", export(marked), TEXTS)[0].label == "dog"
    (problem,) = problems("label-studio", export(task(chose("cat"), chose("dog"))), TEXTS)
    assert "2 people say 2 different things" in problem
    assert left_out("label-studio", export(task()), TEXTS) == ["a task that nobody annotated"]
    two = export(task([*chose("cat"), *chose("dog", "tone")]))
    with pytest.raises(InputError, match="several controls"):
        items("label-studio", two, TEXTS)
    assert labelled("label-studio", two, TEXTS, attribute="tone")[0].label == "dog"


def test_what_label_studios_editor_saved_of_every_kind() -> None:
    saved = json.loads((DATA.parent / "label_studio" / "answers.json").read_text())
    result = saved["boxes"]
    data = {"image": "/data/upload/3/ab12-cat.png"}
    asked = schema("boxes", "cat", "US$money", "fox")
    (found,) = labelled("label-studio", export({**task(result), "data": data}), asked)
    assert (found.ref, found.content_type) == ("3/ab12-cat.png", None)
    assert [each[0] for each in boxes(found)] == ["cat", "fox"]
    data = {"picture": "/data/local-files/?d=pets/cat%201.png"}
    (found,) = labelled("label-studio", export({**task(result), "data": data}), asked)
    assert found.ref == "pets/cat 1.png"


# ---------------------------------------------------------------- Ground Truth


def sample(name: str) -> bytes:
    return (DATA / "ground-truth" / f"output_{name}.manifest").read_bytes()


@pytest.mark.parametrize(
    ("name", "kind", "classes", "labels"),
    [
        ("image_classification", "classification", ("dog", "cat"), ["dog", "cat"]),
        ("text_classification", "classification", ("billing",), ["billing"]),
        ("custom", "classification", ("billing",), ["billing"]),
        ("image_multilabel", "multilabel", ("pallet", "forklift"), ['{"classes":["pallet","forklift"]}']),
        ("text_multilabel", "multilabel", ("billing", "angry"), ['{"classes":["billing","angry"]}']),
    ],
)
def test_manifests_of_every_task_with_classes(
    name: str, kind: str, classes: tuple[str, ...], labels: list[str]
) -> None:
    asked = schema(kind, *classes)
    found = labelled("augmented-manifest", {"output.manifest": sample(name)}, asked)
    assert [checked(each.label, asked) for each in found] == labels


def test_an_object_without_a_label_is_left_out_and_a_lone_workers_confidence_is_none() -> None:
    files = {"output.manifest": sample("image_classification")}
    found = labelled("augmented-manifest", files, ANIMALS)
    assert [each.confidence for each in found] == [0.94, None]
    assert found[0].labelled_at is not None
    assert found[0].labelled_at.isoformat() == "2026-11-20T10:02:11.640018+00:00"
    assert left_out("augmented-manifest", files, ANIMALS) == ["no label under 'species'"]


def test_boxes_and_entities_of_ground_truth() -> None:
    asked = schema("boxes", "crate", "label")
    first, second = labelled("augmented-manifest", {"a.manifest": sample("bounding_box")}, asked)
    assert boxes(first) == [("crate", 40, 72, 245, 190), ("label", 310, 96, 398, 150)]
    assert (boxes(second), first.confidence, second.confidence) == ([], 0.66, None)
    (found,) = labelled("augmented-manifest", {"a.manifest": sample("ner")}, schema("spans", "ORG", "DATE"))
    assert [(each["label"], each["start"], each["end"]) for each in value(found)["spans"]] == [
        ("ORG", 0, 4),
        ("DATE", 26, 29),
    ]


def test_chained_jobs_have_an_attribute_each() -> None:
    asked = schema("boxes", "crate", "label")
    files = {"a.manifest": sample("bounding_box_adjustment")}
    with pytest.raises(InputError) as told:
        items("augmented-manifest", files, asked)
    assert told.value.field == "--attribute"
    assert "boxes (groundtruth/object-detection, labeling-job/boxes-r1)" in str(told.value)
    assert "adjusted-boxes (groundtruth/object-detection, labeling-job/adjust-boxes-r1)" in str(told.value)
    (found,) = labelled("augmented-manifest", files, asked, attribute="adjusted-boxes")
    assert boxes(found)[0] == ("crate", 44, 70, 249, 188)
    # Of a verified job one attribute alone holds boxes.
    (found,) = labelled("augmented-manifest", {"a.manifest": sample("label_verification")}, asked)
    assert boxes(found)[0] == ("crate", 40, 72, 245, 190)
    with pytest.raises(InputError, match="no label of kind spans"):
        items("augmented-manifest", files, SPANS)
    with pytest.raises(InputError, match=r"no line of a\.manifest has a label"):
        items("augmented-manifest", {"a.manifest": jsonl({"source": "x"})}, asked)


def test_a_failed_object_is_counted_with_its_reason() -> None:
    lines = jsonl(
        {
            "source": "a",
            "intent": 0,
            "intent-metadata": {"class-name": "cat", "type": "groundtruth/text-classification"},
        },
        {"source": "b", "intent-metadata": {"failure-reason": "ClientError: no such object"}},
    )
    assert left_out("augmented-manifest", {"a.manifest": lines}, TEXTS) == [
        "failed in its job: ClientError: no such object"
    ]


def test_workers_answers_of_a_job_come_along() -> None:
    response = (DATA / "ground-truth" / "worker_response_bounding_box.json").read_bytes()
    home = "annotations/worker-response/iteration-1"
    files = {
        "manifests/output/output.manifest": sample("bounding_box"),
        f"{home}/0/2026-11-20_09:59:01.json": response,
        f"{home}/1/2026-11-20_09:59:02.json": b"{",
        f"{home}/1/2026-11-20_09:59:03.json": response.replace(b"boundingBoxes", b"nothing"),
        "annotations/consolidated-annotation/consolidation-request/iteration-1/x.json": b"[]",
    }
    asked = schema("boxes", "crate", "label")
    first, second = labelled("ground-truth", files, asked)
    (answer,) = first.answers
    assert answer.annotator == "private.us-east-1.a12b3c4d5e6f7a8b"
    assert json.loads(answer.label)["boxes"] == [{"label": "crate", "left": 40, "top": 72, "right": 245, "bottom": 190}]
    assert second.answers == ()
    assert sorted(left_out("ground-truth", files, asked)) == [
        "a file of workers' answers that cannot be read",
        "a worker's answer that says nothing of the label's kind",
    ]
    assert labelled("ground-truth", files, asked, answers=False)[0].answers == ()


def test_a_workers_last_answer_counts() -> None:
    def answers(*given: tuple[str, str, str]) -> bytes:
        return msgspec.json.encode(
            {
                "answers": [
                    {"workerId": who, "submissionTime": at, "answerContent": {"c": {"label": label}}}
                    for who, at, label in given
                ]
            }
        )

    home = "annotations/worker-response"
    line = {"source": "a", "intent": 0, "intent-metadata": {"class-name": "cat", "type": "groundtruth/custom"}}
    files = {
        "manifests/output/output.manifest": jsonl(line),
        f"{home}/iteration-1/0/1.json": answers(
            ("w1", "2026-11-20T10:00:00Z", "dog"), ("w2", "2026-11-20T09:00:00", "cat")
        ),
        f"{home}/iteration-2/0/2.json": answers(("w1", "2026-11-20T11:00:00Z", "fox")),
    }
    (found,) = labelled("ground-truth", files, TEXTS)
    assert {each.annotator: each.label for each in found.answers} == {"w1": "fox", "w2": "cat"}
