"""There and back: what a format that is both written and read says of labels, splits and groups, an import finds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.imports import problems
from tests.shelf import NONE, Shelf
from tests.unit.labels.schemas import LABELS, NAMES, schema
from tests.worlds import NOW
from trueup.adapters.memory import FixedClock, MemoryDatasetStore, MemoryPayloadStore, MemoryTaskStore, World
from trueup.adapters.memory_operations import MemoryFiles, MemoryObjects
from trueup.dataset.formats import FORMATS
from trueup.dataset.importing import IMPORTS
from trueup.model import Kind, LabelledSample, LabelSchema, Payload
from trueup.ports import LabelPlace
from trueup.usecases.bring_labels import BringLabels, Request
from trueup.usecases.import_labels import ImportLabels
from trueup.usecases.making_versions import view_of

# What an export of the format has no field for. The others have to bring all of it back.
NO_GROUPS = ("conll", "preference-pairs", "voc", "yolo")
# Of these inputs are others when they come back; tests of their own say what they hold.
OWN = ("conll", "preference-pairs")
MEDIA: Mapping[Kind, Sequence[str]] = {
    **dict.fromkeys(("classification", "multilabel"), ("image", "text", "tabular", "audio")),
    **dict.fromkeys(("text", "rating"), ("image", "text")),
}
WORDS = ("Ann", "cat", "12", "日本", "naïve", ",")
GROUPS = ("patient 7", 'Ann, "A"\n=b', "日本", "0")
BOTH = sorted(FORMATS.keys() & IMPORTS.keys())
CASES = [
    (form, kind, media)
    for form in BOTH
    if form not in OWN
    for kind in FORMATS[form].KINDS
    for media in MEDIA.get(kind, (schema(kind).media,))
    # Tables come back from Label Studio as JSON of its own.
    if (form, media) != ("label-studio", "tabular")
    if (form, kind) != ("huggingface", "preference")
]


class Bucket(MemoryPayloadStore):
    """Under URIs that an import can read again."""

    def put(self, project: str, sample_id: str, payload: Payload) -> str:
        uri = f"s3://bucket/{project}/{sample_id}"
        self.payloads.setdefault(uri, payload)
        return uri


def test_every_format_that_is_written_is_read_but_croissant() -> None:
    assert set(FORMATS) - set(IMPORTS) == {"croissant"}
    assert set(OWN) <= set(BOTH)


@pytest.mark.slow
@pytest.mark.parametrize(("form", "kind", "media"), CASES)
# For each medium; what is said does not depend on it.
@settings(max_examples=6)
@given(data=st.data())
def test_labels_splits_and_groups_come_back(form: str, kind: Kind, media: Any, data: st.DataObject) -> None:
    asked = msgspec.structs.replace(schema(kind), media=media)
    labels = data.draw(st.lists(st.one_of(_labels(form, kind), st.just(NONE)), min_size=1, max_size=6))
    groups = data.draw(_groups(len(labels)))
    made = Shelf(asked, [_input(asked, each) for each in range(len(labels))], labels, groups, Bucket())
    kept = [each for each in made.samples if FORMATS[form].HOLDS_NONE or each.label != NONE]
    assume(kept)
    back = {each.sample_id: each for each in brought(made, form).samples}
    assert back.keys() == {each.sample_id for each in kept}
    for sample in kept:
        found = back[sample.sample_id]
        assert _plain(found.label) == _plain(sample.label)
        assert found.split == sample.split
        assert found.group == (sample.sample_id if form in NO_GROUPS else sample.group)


@dataclass(frozen=True)
class Brought:
    samples: Sequence[LabelledSample]
    payloads: MemoryPayloadStore

    def preferred(self, sample: LabelledSample) -> tuple[str, str, str, str]:
        """The prompt, the better answer, the other one, and whether it is a tie."""
        pair = json.loads(self.payloads.get(sample.payload_uri).data)
        said = json.loads(sample.label)["preferred"]
        better, worse = sorted(("first", "second"), key=lambda each: (each != said, pair[each]))
        return pair["prompt"], pair[better], pair[worse], str(said == "tie")


def brought(made: Shelf, form: str, **more: Any) -> Brought:
    """What another deployment of the same project holds after the export's import."""
    projects = made.export_version.projects
    source = MemoryFiles(made.files(form), MemoryObjects(made.payloads.payloads))
    world, payloads = World(), MemoryPayloadStore()
    datasets = MemoryDatasetStore(world)
    make = ImportLabels(projects, payloads, datasets, FixedClock(NOW), MemoryTaskStore(world))
    bring = BringLabels(projects, make)
    request = Request(project="pets", form=form, place=LabelPlace(source=source), keep_splits=True, **more)
    found = bring(request, "there and back")
    assert (found.tally.problems, found.tally.first, found.tally.left_out) == (0, [], {})
    return Brought(list(view_of(datasets, "pets", found.version)), payloads)


def _groups(count: int) -> st.SearchStrategy[list[str | None]]:
    return st.lists(st.sampled_from((None, *GROUPS)), min_size=count, max_size=count)


def _input(asked: LabelSchema, number: int) -> Payload:
    """Pictures are heads alone, of a size that holds every shape that is drawn."""
    if asked.kind == "preference":
        pair = {"prompt": f"Which {number}?", "first": "one", "second": f"two {number}"}
        return Payload(data=msgspec.json.encode(pair), content_type="application/json")
    if asked.media == "image":
        head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (100).to_bytes(4, "big") * 2
        return Payload(data=head + bytes([number]), content_type="image/png")
    if asked.media == "tabular":
        return Payload(data=f"{number},2.5,cat\n".encode(), content_type="text/csv")
    if asked.media == "audio":
        return Payload(data=b"RIFF\x10\0\0\0WAVEfmt " + bytes([number]), content_type="audio/wav")
    return Payload(data=f'a "text",\n{number} 猫'.encode(), content_type="text/plain")


def _whole_box(parts: tuple[str, int, int, int, int]) -> Mapping[str, Any]:
    label, left, top, width, height = parts
    return {"label": label, "left": left, "top": top, "right": left + width, "bottom": top + height}


_WHOLE_BOXES = st.lists(
    st.tuples(st.sampled_from(NAMES), *[st.integers(0, 50)] * 2, *[st.integers(1, 50)] * 2).map(_whole_box), max_size=5
).map(lambda each: json.dumps({"width": 100, "height": 100, "boxes": each}))


def _labels(form: str, kind: Kind) -> st.SearchStrategy[str]:
    """Those that the format holds without a loss: VOC's edges are whole pixels, and a mask of nothing has no brush in
    Label Studio to say how large it is."""
    if (form, kind) == ("voc", "boxes"):
        return _WHOLE_BOXES
    if (form, kind) == ("label-studio", "mask"):
        return LABELS["mask"].filter(lambda each: any(which for which, _ in json.loads(each)["runs"]))
    return LABELS[kind]


def _plain(label: str) -> Any:
    """Without the size of the picture, which some formats tell where the label did not, and Label Studio only with
    shapes; of a mask it is part of what is said."""
    told = json.loads(label) if label.startswith("{") else label
    if isinstance(told, dict) and "runs" not in told:
        return {name: each for name, each in told.items() if name not in ("width", "height")}
    return told


# ---------------------------------------------------------------- formats whose inputs are their own


@pytest.mark.slow
@pytest.mark.parametrize("form", ["preference-pairs", "huggingface"])
@settings(max_examples=15)
@given(data=st.data())
def test_preferences_come_back_whichever_answer_stands_first(form: str, data: st.DataObject) -> None:
    labels = data.draw(st.lists(LABELS["preference"], min_size=1, max_size=6))
    groups = data.draw(_groups(len(labels)))
    asked = schema("preference")
    made = Shelf(asked, [_input(asked, each) for each in range(len(labels))], labels, groups, Bucket())
    kept = [each for each in made.samples if form == "huggingface" or '"tie"' not in each.label]
    assume(kept)
    found = brought(made, form)
    back = {found.preferred(each): each for each in found.samples}
    there = Brought(samples=made.samples, payloads=made.payloads)
    assert back.keys() == {there.preferred(each) for each in kept}
    if form == "huggingface":
        for each in kept:
            other = back[there.preferred(each)]
            assert (other.split, other.group) == (each.split, each.group)


_TAGGED = st.tuples(st.sampled_from(WORDS), st.sampled_from((None, *NAMES)))


@pytest.mark.slow
@settings(max_examples=20)
@given(st.lists(st.lists(_TAGGED, min_size=1, max_size=6), min_size=1, max_size=4))
def test_tagged_words_come_back_from_conll(sentences: list[list[tuple[str, str | None]]]) -> None:
    """Of texts whose tokens have one space between, as an import of CoNLL writes them."""
    tagged = [[*each, (str(number), None)] for number, each in enumerate(sentences)]
    texts = [" ".join(word for word, _ in each) for each in tagged]
    inputs = [Payload(data=each.encode(), content_type="text/plain") for each in texts]
    made = Shelf(schema("spans"), inputs, [_spans(each) for each in tagged], (), Bucket())
    back = {each.sample_id: each.label for each in brought(made, "conll").samples}
    assert back == {each.sample_id: each.label for each in made.samples}


def _spans(tagged: Sequence[tuple[str, str | None]]) -> str:
    spans, start = [], 0
    for word, name in tagged:
        if name is not None:
            spans.append({"label": name, "start": start, "end": start + len(word)})
        start += len(word) + 1
    return json.dumps({"spans": spans})


# ---------------------------------------------------------------- what an import may be asked for


FIELDS = {
    "augmented-manifest": "content-type",
    "coco": "file_name",
    "jsonl": "content_type",
    "label-studio": "image",
    "webdataset": "content_type",
}


@pytest.mark.parametrize(("form", "name"), FIELDS.items())
def test_a_field_of_another_name_tells_the_group_or_is_missed(form: str, name: str) -> None:
    asked = schema("boxes")
    made = Shelf(asked, [_input(asked, 0)], ['{"boxes":[]}'], ["patient 7"], Bucket())
    (sample,) = made.samples
    (found,) = brought(made, form, group=name).samples
    assert found.group in (sample.content_type, f"{sample.sample_id}.png", sample.payload_uri)
    (problem,) = problems(form, made.files(form), asked, group="x-patient")
    assert problem.endswith("there is no 'x-patient', which --group names")
