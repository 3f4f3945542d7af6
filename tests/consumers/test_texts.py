"""CoNLL and preference pairs, and what SageMaker, Ground Truth and Label Studio read."""

from __future__ import annotations

import importlib
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nltk.data
import pytest
from datasets import load_dataset
from nltk.corpus.reader import ConllCorpusReader

from tests.imports import folder, labelled
from tests.shelf import COUNT, NONE, shelf
from tests.unit.labels.schemas import KINDS, schema
from trueup.dataset.formats.conll import flat
from trueup.dataset.formats.ground_truth import MANIFEST
from trueup.labels.label_studio import label_of
from trueup.labels.reading import checked, read
from trueup.labels.values import Spans
from trueup.model import Kind, LabelledSample, Payload

SCRIPTS = Path(__file__).parents[2] / "scripts" / "sagemaker"
GROUND_TRUTH = Path(__file__).parents[1] / "data" / "groundtruth"


# ---------------------------------------------------------------- CoNLL


def test_nltk_reads_conll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entities, read back to their places in the texts, are the spans that do not overlap longer ones."""
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    made = shelf("spans", NONE)
    report = made.into(tmp_path, "conll")
    spans = {each.sample_id: read(each.label, made.schema) for each in made.samples if each.label != NONE}
    told = {name: value.spans for name, value in spans.items() if isinstance(value, Spans)}
    assert report.lost["relations between spans"] > 0
    lost = report.lost["spans that overlap longer ones"] + report.lost["spans of white space"]
    found_spans = 0
    documents = list(_documents(tmp_path))
    samples = [each for each in made.samples if each.label != NONE]
    for sample, tagged in zip(samples, documents, strict=True):
        text = made.payload(sample).data.decode()
        found = _entities(text, tagged)
        marked = [each for each in told[sample.sample_id] if text[each.start : each.end].strip()]
        # What begins and ends at white space begins and ends within it.
        assert [(label, text[start:end]) for label, start, end in found] == [
            (each.label, text[each.start : each.end].strip()) for each in flat(marked)
        ]
        found_spans += len(found)
    assert found_spans + lost == sum(map(len, told.values()))


def _documents(folder: Path) -> Iterator[list[tuple[str, str]]]:
    """Words with their tags, of one sample each."""
    reader = ConllCorpusReader(str(folder), ["samples.conll"], ("words", "pos", "chunk", "ne"))
    text = (folder / "samples.conll").read_text()
    rows = [row for grid in reader._grids() for row in grid]
    sizes = [sum(bool(line) for line in document.split("\n")) for document in text.split("-DOCSTART- -X- O O\n")[1:]]
    rest = iter(rows)
    for size in sizes:
        yield [(row[0], row[3]) for row in itertools.islice(rest, size)]
    assert next(rest, None) is None


def _entities(text: str, tagged: list[tuple[str, str]]) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    place = 0
    for word, tag in tagged:
        start = text.index(word, place)
        place = start + len(word)
        if tag.startswith("B-"):
            found.append((tag[2:], start, place))
        elif tag.startswith("I-"):
            assert found[-1][0] == tag[2:]
            found[-1] = (found[-1][0], found[-1][1], place)
    return found


# ---------------------------------------------------------------- preferences


def test_datasets_reads_preference_pairs(tmp_path: Path) -> None:
    """Columns and types are those that TRL calls a preference dataset in standard format, with an explicit prompt."""
    made = shelf("preference")
    report = made.into(tmp_path, "preference-pairs")
    ties = sum('"tie"' in each.label for each in made.samples)
    assert report.left_out == {"ties": ties}
    rows = load_dataset("json", data_files=str(tmp_path / "pairs.jsonl"), split="train", cache_dir=tmp_path / "c")
    assert {name: feature.dtype for name, feature in rows.features.items()} == dict.fromkeys(
        ("prompt", "chosen", "rejected"), "string"
    )
    decided = [each for each in made.samples if '"tie"' not in each.label]
    for row, sample in zip(rows, decided, strict=True):
        pair = json.loads(made.payload(sample).data)
        preferred = json.loads(sample.label)["preferred"]
        assert row["prompt"] == pair["prompt"]
        assert row["chosen"] == pair[preferred]
        assert {row["chosen"], row["rejected"]} == {pair["first"], pair["second"]}


# ---------------------------------------------------------------- SageMaker


@pytest.fixture
def read_channel(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """That of scripts/sagemaker/train.py, which runs in a container beside its other files."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    found: Callable[..., list[dict[str, Any]]] = importlib.import_module("train").read_channel
    return found


def test_the_training_script_reads_augmented_manifests(tmp_path: Path, read_channel: Any) -> None:
    made = shelf("classification", media="text")
    made.into(tmp_path, "augmented-manifest", "train")
    for sample in made.of("train"):
        (tmp_path / sample.sample_id).write_bytes(made.payload(sample).data)
    rows = read_channel(str(tmp_path), str(tmp_path), "label")
    assert [(each["sample"], each["label"], each["weight"]) for each in rows] == [
        (each.sample_id, each.label, each.weight) for each in made.of("train")
    ]


def test_the_training_script_reads_texts_within_the_lines(tmp_path: Path, read_channel: Any) -> None:
    made = shelf("classification", media="text")
    made.into(tmp_path, "ground-truth", "train")
    rows = read_channel(str((tmp_path / MANIFEST).rename(tmp_path / "x.manifest").parent), None, "label")
    assert [each["instance"] for each in rows] == [made.payload(each).data.decode() for each in made.of("train")]


@pytest.mark.parametrize("form", ["augmented-manifest", "ground-truth"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_exported_is_imported(tmp_path: Path, form: str, kind: Kind) -> None:
    """Every label as it was, but that boxes say how large their pictures are."""
    made = shelf(kind, NONE)
    made.into(tmp_path, form)
    name = MANIFEST if form == "ground-truth" else "samples.manifest"
    found = {
        int(each.where.rpartition(":")[2]): checked(each.label, made.schema)
        for each in labelled("augmented-manifest", folder(tmp_path), made.schema, file=name)
    }
    assert len(found) == COUNT + 1
    for number, sample in enumerate(made.samples, start=1):
        assert without_size(found[number]) == without_size(sample.label)


def without_size(label: str) -> Any:
    if not label.startswith('{"width"') or "boxes" not in label:
        return label
    told = json.loads(label)
    return json.dumps({"boxes": told["boxes"]}, separators=(",", ":"))


@pytest.mark.parametrize(
    ("sample", "kind", "media"),
    [
        ("bounding_box", "boxes", "image"),
        ("image_classification", "classification", "image"),
        ("image_multilabel", "multilabel", "image"),
        ("ner", "spans", "text"),
        ("semantic_segmentation", "mask", "image"),
        ("text_classification", "classification", "text"),
        ("text_multilabel", "multilabel", "text"),
    ],
)
def test_lines_have_the_keys_that_ground_truth_writes(sample: str, kind: Kind, media: Any) -> None:
    """Beside AWS's own output of the same task: the same keys, with values of the same types."""
    theirs = json.loads((GROUND_TRUTH / f"output_{sample}.manifest").read_text().splitlines()[0])
    attribute = next(name.removesuffix("-metadata") for name in theirs if name.endswith("-metadata"))
    mine = "label-ref" if kind == "mask" else "label"
    made = shelf(kind, media=media)
    lines = [json.loads(each) for each in made.files("ground-truth")[MANIFEST].splitlines()]
    # Some label of ours has as much in it as theirs.
    shapes = [(_shape(each[mine]), _shape(each[f"{mine}-metadata"])) for each in lines]
    assert (_shape(theirs[attribute]), _shape(theirs[f"{attribute}-metadata"])) in shapes
    assert lines[0][f"{mine}-metadata"]["type"] == theirs[f"{attribute}-metadata"]["type"]
    assert ("source" in lines[0]) == ("source" in theirs)


def _shape(value: Any) -> Any:
    """Keys and types; of numbered maps and lists, those of the first."""
    if isinstance(value, dict):
        if value and all(key.isdecimal() for key in value):
            return ["by number", _shape(next(iter(value.values())))]
        return {name: _shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) else type(value).__name__


EVERYWHERE: tuple[Kind, ...] = ("classification", "multilabel")
KINDS_AND_MEDIA = [
    *((kind, schema(kind).media) for kind in KINDS),
    *itertools.product(EVERYWHERE, ("text", "tabular", "audio")),
]


@pytest.mark.parametrize("form", ["augmented-manifest", "ground-truth"])
@pytest.mark.parametrize(("kind", "media"), KINDS_AND_MEDIA)
def test_lines_keep_the_rules_for_manifests(form: str, kind: Kind, media: Any) -> None:
    """Of what Ground Truth takes and writes, and of what a channel streams by AttributeNames."""
    made = shelf(kind, media=media)
    files = made.files(form, root="s3://bucket/out/")
    mask = form == "ground-truth" and kind == "mask"
    attribute = "label-ref" if mask else "label"
    data = files[MANIFEST if form == "ground-truth" else "samples.manifest"]
    assert data.endswith(b"\n")
    lines = [json.loads(each) for each in data.decode().splitlines()]
    # A channel wants every attribute that it is asked for in every line.
    assert len({tuple(each) for each in lines}) == 1
    for line in lines:
        assert ("source" in line) + ("source-ref" in line) == 1
        assert all(re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,126}", name) for name in line)
        assert attribute.endswith("-ref") == (line[f"{attribute}-metadata"]["type"] == SEGMENTATION)
        _metadata_is_as_ground_truth_has_it(line[f"{attribute}-metadata"])
        _parts_belong_together(line[attribute], line[f"{attribute}-metadata"])


SEGMENTATION = "groundtruth/semantic-segmentation"
# Of built-in tasks whose labels this project has, and of custom ones.
TYPES = re.compile(
    r"groundtruth/((image|text)-classification(-multilabel)?|object-detection|semantic-segmentation|text-span|custom)"
)


def _metadata_is_as_ground_truth_has_it(metadata: dict[str, Any]) -> None:
    assert TYPES.fullmatch(metadata["type"])
    assert metadata["human-annotated"] == "yes"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", metadata["creation-date"])
    told = [metadata.get("confidence"), *metadata.get("confidence-map", {}).values()]
    for things in ("objects", "entities"):
        told += [each["confidence"] for each in metadata.get(things, [])]
    told += [each["confidence"] for each in metadata.get("internal-color-map", {}).values()]
    assert all(0 <= each <= 1 for each in told if each is not None)


def _parts_belong_together(value: Any, metadata: dict[str, Any]) -> None:
    """What stands in the value with what stands beside it, in as many parts and by the same numbers."""
    kind = metadata["type"].partition("/")[2]
    if kind == "object-detection":
        (size,) = value["image_size"]
        assert size.keys() == {"width", "height", "depth"}
        assert len(metadata["objects"]) == len(value["annotations"])
        assert {str(each["class_id"]) for each in value["annotations"]} == metadata["class-map"].keys()
        for each in value["annotations"]:
            assert each["left"] + each["width"] <= size["width"]
            assert each["top"] + each["height"] <= size["height"]
    elif kind.endswith("multilabel"):
        assert {str(each) for each in value} == metadata["class-map"].keys() == metadata["confidence-map"].keys()
    elif kind == "text-span":
        spans = value["annotations"]["entities"]
        assert len(spans) == len(metadata["entities"])
        assert {each["label"] for each in spans} <= {each["label"] for each in value["annotations"]["labels"]}
    elif kind == "semantic-segmentation":
        assert value.startswith("s3://bucket/out/")
        assert list(metadata["internal-color-map"]) == [str(each) for each in range(4)]
    elif kind.endswith("-classification"):
        assert (value, metadata["class-name"]) in enumerate(("cat", "dog", "fox"))


def test_masks_in_s3_are_named_by_their_uri() -> None:
    made = shelf("mask")
    files = made.files("ground-truth", root="s3://bucket/exports/")
    line = json.loads(files[MANIFEST].splitlines()[0])
    assert line["label-ref"].removeprefix("s3://bucket/exports/") in files


# ---------------------------------------------------------------- Label Studio


@pytest.mark.parametrize("kind", KINDS)
def test_label_studios_answers_mean_the_same_labels(kind: Kind) -> None:
    """What trueup itself reads from a Label Studio server."""
    made = shelf(kind, NONE)
    tasks = json.loads(made.single("label-studio"))
    assert [each["meta"]["trueup"]["sample"] for each in tasks] == [each.sample_id for each in made.samples]
    for task, sample in zip(tasks, made.samples, strict=True):
        (annotation,) = task["annotations"]
        assert without_size(label_of(annotation["result"], made.schema)) == without_size(sample.label)


def test_label_studio_is_shown_what_the_labels_are_about() -> None:
    texts, pairs, pictures = shelf("spans"), shelf("preference"), shelf("boxes")
    for made, keys in ((texts, {"text"}), (pairs, {"prompt", "first", "second"}), (pictures, {"image"})):
        tasks = json.loads(made.single("label-studio"))
        assert {frozenset(each["data"]) for each in tasks} == {frozenset(keys)}
    assert [each["data"]["image"] for each in tasks] == [each.payload_uri for each in pictures.samples]
    for each in json.loads(texts.single("label-studio")):
        text = each["data"]["text"]
        for region in each["annotations"][0]["result"]:
            if region["type"] == "labels":
                value = region["value"]
                assert value["text"] == text[value["start"] : value["end"]]


def test_a_payload_that_is_no_pair_names_its_sample() -> None:
    made = shelf("preference")
    sample: LabelledSample = made.samples[0]
    made.payloads.payloads[sample.payload_uri] = Payload(data=b"[1]", content_type="application/json")
    for form in ("preference-pairs", "label-studio"):
        with pytest.raises(Exception, match=f"the input of sample {sample.sample_id[:12]} is no JSON with"):
            made.single(form)
