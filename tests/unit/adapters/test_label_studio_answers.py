"""What Label Studio's annotations mean, what its tasks hold, and what its annotators start from.

tests/data/label_studio/answers.json holds what the editor of Label Studio 1.23 saved when somebody answered projects
that `to_label_studio` made; brush.json is paint that label_studio_sdk's encoder packed.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import chain, pairwise, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trueup.adapters.backends.label_studio_answers import data_of, result_of
from trueup.errors import InputError, LabelError
from trueup.labels.brush import covered, runs_of
from trueup.labels.label_studio import label_of
from trueup.labels.reading import checked
from trueup.model import Found, Kind, LabelClass, LabelSchema, Prediction, Scale, Task

DATA = Path(__file__).parents[2] / "data" / "label_studio"
SAVED = json.loads((DATA / "answers.json").read_text())
CLASSES = tuple(LabelClass(name=each) for each in ("cat", "US$money", "fox"))
RELATIONS = (LabelClass(name="works at"), LabelClass(name="owns"))
TEXT = "  A 💩 firetruck\r\n\r\nand  👨\u200d👩\u200d👧 dogs\tran\rfast\nend"
SIZED = {"original_width": 200, "original_height": 100, "image_rotation": 0}


def schema(kind: Kind) -> LabelSchema:
    return LabelSchema(
        kind=kind,
        media="image" if kind in ("boxes", "polygons", "mask") else "text",
        classes=() if kind in ("text", "rating", "preference") else CLASSES,
        relations=RELATIONS if kind == "spans" else (),
        scale=Scale(low=1, high=7),
    )


def said(value: dict[str, Any], name: str = "label", **more: Any) -> dict[str, Any]:
    return {"from_name": name, "to_name": "sample", "value": value, **more}


@pytest.mark.parametrize(
    ("name", "kind", "label"),
    [
        ("classification", "classification", "US$money"),
        ("classification_none", "classification", '{"none":true,"proposed":"lynx"}'),
        ("multilabel", "multilabel", '{"classes":["US$money","fox"]}'),
        ("multilabel_none", "multilabel", '{"none":true,"proposed":"lynx"}'),
        ("text", "text", r'{"text":"line one\nline two"}'),
        ("rating", "rating", '{"rating":2,"critique":"because"}'),
        ("preference", "preference", '{"preferred":"second","critique":"shorter"}'),
        ("tie", "preference", '{"preferred":"tie","critique":""}'),
        (
            "relations",
            "spans",
            '{"spans":[{"label":"cat","start":0,"end":3},{"label":"fox","start":5,"end":8}],'
            '"relations":[{"label":"works at","from":0,"to":1}]}',
        ),
        (
            "boxes",
            "boxes",
            '{"width":200,"height":100,"boxes":[{"label":"cat","left":19.98,"top":20.04,"right":100.12,"bottom":59.99},'
            '{"label":"fox","left":120.1,"top":50.12,"right":200,"bottom":97.97}]}',
        ),
        (
            "polygons",
            "polygons",
            '{"width":200,"height":100,"polygons":[{"label":"cat",'
            '"points":[[39.95,20.04],[140.07,29.9],[100.12,79.96]]}]}',
        ),
    ],
)
def test_what_the_editor_saves_is_a_label(name: str, kind: Kind, label: str) -> None:
    assert label_of(SAVED[name], schema(kind)) == label


def test_offsets_are_code_points() -> None:
    found = json.loads(label_of(SAVED["spans"], schema("spans")))["spans"]
    assert [TEXT[each["start"] : each["end"]] for each in found] == ["firetruck", "dogs", "ran", "fast", "end"]
    assert [each["value"]["text"] for each in SAVED["spans"]] == ["firetruck", "dogs", "ran", "fast", "end"]


def test_paint_becomes_a_mask_in_which_later_strokes_lie_on_top() -> None:
    found = json.loads(label_of(SAVED["mask"], schema("mask")))
    pixels = list(chain.from_iterable(repeat(which, length) for which, length in found["runs"]))
    assert (found["width"], found["height"], found["classes"], len(pixels)) == (200, 100, ["cat", "fox"], 20_000)
    across, down = [], []
    for place, which in enumerate(pixels):
        (across if which == 1 else down if which == 2 else []).append(place)
    assert {each // 200 for each in across} <= set(range(26, 34))
    assert {each % 200 for each in down} <= set(range(76, 84))
    assert pixels[30 * 200 + 79] == 2
    assert len(down) == 292


def test_a_smoothed_edge_counts_from_one_half() -> None:
    made = json.loads((DATA / "brush.json").read_text())
    found = covered(made["rle"], made["width"], made["height"]).reshape(made["height"], made["width"])
    assert ["".join(".#"[int(each)] for each in row) for row in found] == made["rows"]


@pytest.mark.slow
@given(data=st.data())
def test_runs_are_the_picture(data: st.DataObject) -> None:
    pixels = data.draw(st.integers(1, 40))
    layer = st.tuples(st.integers(1, 3), st.lists(st.booleans(), min_size=pixels, max_size=pixels))
    layers = data.draw(st.lists(layer, max_size=3))
    expected = [0] * pixels
    for which, where in layers:
        expected = [which if there else each for each, there in zip(expected, where, strict=True)]
    runs = runs_of([(which, np.array(where)) for which, where in layers], pixels, 100)
    assert list(chain.from_iterable(repeat(which, length) for which, length in runs)) == expected
    assert all(one[0] != two[0] for one, two in pairwise(runs))


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("multilabel", '{"classes":[]}'),
        ("boxes", '{"boxes":[]}'),
        ("polygons", '{"polygons":[]}'),
        ("spans", '{"spans":[],"relations":[]}'),
    ],
)
def test_nothing_is_an_answer_where_nothing_may_be_there(kind: Kind, label: str) -> None:
    assert label_of([], schema(kind)) == label == checked(label, schema(kind))


@pytest.mark.parametrize(("way", "ends"), [("right", [(0, 1)]), ("left", [(1, 0)]), ("bi", [(0, 1), (1, 0)])])
def test_relations_lead_where_their_arrows_do(way: str, ends: list[tuple[int, int]]) -> None:
    *spans, link = SAVED["relations"]
    found = json.loads(label_of([*spans, {**link, "direction": way, "labels": ["owns"]}], schema("spans")))
    assert [(each["from"], each["to"]) for each in found["relations"]] == ends
    both = json.loads(label_of([*spans, {**link, "labels": ["owns", "works at"]}], schema("spans")))
    assert [each["label"] for each in both["relations"]] == ["owns", "works at"]


BOX = {"x": 10, "y": 10, "width": 20, "height": 20, "rectanglelabels": ["cat"]}
CORNERS = {"points": [[10, 10], [50, 10], [10, 50]], "polygonlabels": ["cat"]}
NONE = said({"choices": ["trueup_none"]}, "trueup_none")
LINK = {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"}
MARKS = [said({"start": place, "end": place + 1, "labels": ["cat"]}, id=name) for place, name in enumerate("ab")]


@pytest.mark.parametrize(
    ("kind", "result", "message"),
    [
        ("classification", [], "has none of the classes"),
        ("classification", [said({"choices": ["cat", "fox"]})], "has 2 classes, which are one: cat, fox"),
        ("classification", [said({"choices": ["cat", "trueup_none"]})], "has 2 classes"),
        ("classification", [said({"choices": ["cow"]})], "'cow' is not a class"),
        ("classification", [said({"choices": ["cat"]}, "mood")], "through 'mood', which is no control"),
        ("classification", [said({"choices": "cat"})], "not as Label Studio writes it"),
        ("classification", [{"from_name": 7}], "not as Label Studio writes it"),
        ("multilabel", [said({"choices": ["cat"]}), NONE], "says that none fits, and gives an answer"),
        ("preference", [said({"choices": ["tie"]}, "trueup_tie"), NONE], "says that none fits, and gives an answer"),
        ("boxes", [said({**BOX, "rotation": 30}, **SIZED)], "a box turned by 30 degrees"),
        ("boxes", [said({**BOX, "width": 120}, **SIZED)], "outside the image"),
        ("boxes", [said({**BOX, "rectanglelabels": []}, **SIZED)], "none of the classes of a box"),
        ("boxes", [said(BOX)], "without the size of their image"),
        ("boxes", [said(BOX, **{**SIZED, "image_rotation": 90})], "on a turned image"),
        ("boxes", [said(BOX, **SIZED), said(BOX, **{**SIZED, "original_width": 9})], "different sizes"),
        ("boxes", [said(BOX, **SIZED), LINK], "relates things, which is no part of a boxes answer"),
        ("polygons", [said({**CORNERS, "closed": False}, **SIZED)], "was not closed"),
        ("polygons", [said({**CORNERS, "points": [[1, 1], [2, 2]]}, **SIZED)], "with 2 corners"),
        ("mask", [], "holds no paint"),
        ("mask", [said({"rle": [1, 2], "brushlabels": ["cat"]}, **SIZED)], "cannot be read: it ends too early"),
        ("mask", [said({"rle": [300], "brushlabels": ["cat"]}, **SIZED)], "cannot be read: bytes must be in"),
        (
            "mask",
            [said({"rle": [], "brushlabels": ["cat"]}, **{**SIZED, "original_width": 10**7})],
            "1,000,000,000 pixels",
        ),
        ("spans", [*MARKS, LINK], "a relation that does not say which"),
        ("spans", [*MARKS, {**LINK, "labels": ["owns"], "to_id": "c"}], "a relation of a span that is not there"),
        ("spans", [*MARKS, {**LINK, "labels": ["likes"]}], "'likes' .* is not a relation"),
        ("spans", [said({"start": 0, "end": 2, "labels": ["cat", "fox"]})], "has 2 classes of a span"),
        ("text", [said({"text": []})], "none of the texts"),
        ("text", [said({"text": ["one", "two"]})], "has 2 texts"),
        ("text", [said({"text": "  "})], "is empty"),
        ("rating", [said({"text": ["good"]}, "trueup_critique")], "none of the ratings"),
        ("rating", [said({"rating": 9})], "use 1 to 7"),
        ("preference", [said({"text": ["good"]}, "trueup_critique")], "none of the preferences"),
        ("preference", [said({"selected": "left"}), said({"choices": ["tie"]}, "trueup_tie")], "has 2 preferences"),
    ],
)
def test_what_is_no_answer_is_refused(kind: Kind, result: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(LabelError, match=message):
        label_of(result, schema(kind))


def test_paint_of_another_size_is_refused() -> None:
    made = json.loads((DATA / "brush.json").read_text())
    with pytest.raises(ValueError, match="it has 280 bytes, but 10 x 8 pixels have 320"):
        covered(made["rle"], 10, 8)
    with pytest.raises(ValueError, match="ends too early"):
        covered(made["rle"][:-2], 10, 7)
    with pytest.raises(ValueError, match="it has 4 runs; at most 3 are kept"):
        runs_of([(1, np.array([True, False, True, False]))], 4, 3)


def test_that_no_class_fits_can_be_said_only_where_it_is_asked() -> None:
    strict = replace(schema("classification"), none_of_these=False)
    with pytest.raises(LabelError, match="does not offer"):
        label_of(SAVED["classification_none"], strict)


# ---------------------------------------------------------------- predictions


OBJECTS = (
    Found(label="cat", score=0.9, box=(0.1, 0.2, 0.3, 1.1), unit="share", start=4, end=7),
    Found(label="fox", score=0.4, box=(0.1, 0.2, 0.3, 0.4), unit="share", start=8, end=9),
    Found(label="cow", score=0.9, box=(0.1, 0.2, 0.3, 0.4), unit="share", start=8, end=9),
    Found(label="fox", score=0.8, box=(10, 20, 30, 40), unit="pixel", start=9, end=9),
    Found(label="fox", score=0.8),
)


@pytest.mark.parametrize(
    ("kind", "prediction", "values"),
    [
        ("classification", Prediction(classes=("cat", "fox"), probabilities=(0.2, 0.8)), [{"choices": ["fox"]}]),
        ("classification", Prediction(classes=("cow",), probabilities=()), []),
        ("classification", Prediction(classes=(), probabilities=()), []),
        (
            "multilabel",
            Prediction(classes=("fox", "cat", "US$money"), probabilities=(0.7, 0.6, 0.1)),
            [{"choices": ["cat", "fox"]}],
        ),
        ("multilabel", Prediction(classes=("fox",), probabilities=(0.1,)), []),
        (
            "spans",
            Prediction(classes=(), probabilities=(), objects=OBJECTS),
            [{"start": 4, "end": 7, "labels": ["cat"]}],
        ),
        ("rating", Prediction(classes=(), probabilities=(), value=3.0), []),
        ("mask", Prediction(classes=("cat",), probabilities=()), []),
    ],
)
def test_an_annotator_starts_from_what_the_model_said(
    kind: Kind, prediction: Prediction, values: list[dict[str, Any]]
) -> None:
    result = result_of(prediction, schema(kind))
    assert [each["value"] for each in result] == values
    assert all((each["from_name"], each["to_name"]) == ("label", "sample") for each in result)
    if values:
        label_of(result, schema(kind))


def test_boxes_are_shares_of_the_image() -> None:
    (box,) = result_of(Prediction(classes=(), probabilities=(), objects=OBJECTS), schema("boxes"))
    assert (box["type"], box["value"].pop("rectanglelabels"), box["value"].pop("rotation")) == (
        "rectanglelabels",
        ["cat"],
        0,
    )
    assert box["value"] == pytest.approx({"x": 10, "y": 20, "width": 20, "height": 80})
    again = json.loads(
        label_of([{**box, **SIZED, "value": {**box["value"], "rectanglelabels": ["cat"]}}], schema("boxes"))
    )
    assert again["boxes"] == [{"label": "cat", "left": 20, "top": 20, "right": 60, "bottom": 100}]


# ---------------------------------------------------------------- what is shown


def task(content_type: str) -> Task:
    return Task(
        project="p",
        task_id="t1",
        sample_id="s1",
        content_type=content_type,
        payload_uri="s3://bucket/a.bin",
        priority=0.0,
        overlap=1,
        opened_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def shown(payload: str, content_type: str = "text/csv", **about: Any) -> dict[str, Any]:
    return data_of(task(content_type), payload.encode(), LabelSchema(**{"media": "tabular", **about}))


@pytest.mark.parametrize("media", ["image", "audio"])
def test_media_are_shown_by_their_uri(media: Any) -> None:
    assert data_of(task("image/png"), b"\xff", LabelSchema(media=media)) == {media: "s3://bucket/a.bin"}


def test_text_is_shown_as_it_is() -> None:
    assert shown("  Ann\r\n", "text/plain", media="text", kind="spans") == {"text": "  Ann\r\n"}
    assert shown('{"a": 1}', "application/json", media="text") == {"text": '{"a": 1}'}


def test_a_rated_answer_is_shown_with_its_prompt() -> None:
    rating = {"media": "text", "kind": "rating"}
    assert shown('{"prompt":"Why?","answer":"So."}', **rating) == {"text": "Why?\n\nSo."}
    assert shown('{"answer":"So."}', **rating) == {"text": "So."}
    assert shown("So.", **rating) == {"text": "So."}


def test_a_pair_is_shown_in_its_parts() -> None:
    pair = {"media": "text", "kind": "preference"}
    assert shown('{"prompt":"Why?","first":"a","second":"b","more":1}', **pair) == {
        "prompt": "Why?",
        "first": "a",
        "second": "b",
    }
    assert shown('{"first":"a","second":"b"}', **pair)["prompt"] == ""


@pytest.mark.parametrize(
    ("payload", "content_type", "table"),
    [
        ("1.0,x\n", "text/csv", {"column 1": "1.0", "column 2": "x"}),
        (
            ",".join("abcdefghij"),
            "text/csv",
            {f"column {place + 1:02}": each for place, each in enumerate("abcdefghij")},
        ),
        ('age,name\n5,"a, ""b""\nc"\n', "text/csv; charset=utf-8", {"age": "5", "name": 'a, "b"\nc'}),
        ("a,b\n1,2\n3,4,5\n", "text/csv", [{"a": "1", "b": "2"}, {"a": "3", "b": "4", "column 3": "5"}]),
        ("a,a\nb,c\n", "text/csv", [{"column 1": "a", "column 2": "a"}, {"column 1": "b", "column 2": "c"}]),
        (
            '{"id": 9007199254740993, "x": 1.0, "s": "a\\nb", "no": null, "deep": {"y": [1]}}',
            "application/json",
            {"id": "9007199254740993", "x": "1.0", "s": "a\nb", "no": "null", "deep": '{"y": [1]}'},
        ),
        ("[1, true]", "application/json", {"column 1": "1", "column 2": "true"}),
        (
            "[[1, 2], [3, 4]]",
            "application/json",
            [{"column 1": "1", "column 2": "2"}, {"column 1": "3", "column 2": "4"}],
        ),
        ('[{"a": 1}]', "application/json", {"a": "1"}),
        ('{"a": 1}\n{"a": 2}\n', "application/jsonlines", [{"a": "1"}, {"a": "2"}]),
    ],
)
def test_a_table_is_a_record_or_several(payload: str, content_type: str, table: Any) -> None:
    assert shown(payload, content_type) == {"table": table}


@pytest.mark.parametrize(
    ("payload", "content_type", "about", "message"),
    [
        (b"\xff", "text/plain", {"media": "text"}, "of task t1 is not UTF-8"),
        (b" \n", "text/plain", {"media": "text"}, "is empty"),
        (b"", "text/csv", {}, "is empty"),
        (b"a\0b", "text/plain", {"media": "text"}, "NUL"),
        (b"[]", "application/json", {}, "holds no record"),
        (b"{", "application/json", {}, "is no table"),
        (b"7", "application/json", {}, "is no table"),
        (b"{}", "application/json", {"media": "text", "kind": "preference"}, 'no JSON with "prompt"'),
        (b'"' + b"a" * 200_000, "text/csv", {}, "is no table: field larger"),
    ],
)
def test_what_cannot_be_shown_names_its_task(
    payload: bytes, content_type: str, about: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        data_of(task(content_type), payload, LabelSchema(**{"media": "tabular", **about}))


def test_a_class_that_has_another_name_now_is_taken_with_it() -> None:
    now = replace(schema("classification"), renamed={"kitten": "cat"})
    assert label_of([said({"choices": ["kitten"]}, type="choices")], now) == "cat"
