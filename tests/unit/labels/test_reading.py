"""What labels may say, of each kind, and that they are written in one way."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.labels.schemas import CLASSES, KINDS, LABELS, NAMES, SLOW_SHAPES, schema
from trueup.errors import LabelError
from trueup.labels.brief import brief
from trueup.labels.naming import is_none, names_in, value_of
from trueup.labels.reading import MAX_BYTES, MAX_THINGS, checked, read, written
from trueup.model import Kind, LabelSchema

NONE = '{"none":true,"proposed":"lynx"}'


@pytest.mark.parametrize("kind", SLOW_SHAPES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_label_is_written_in_one_way(kind: Kind, data: st.DataObject) -> None:
    label = data.draw(LABELS[kind])
    text = checked(label, schema(kind))
    assert checked(text, schema(kind)) == text
    assert set(names_in(text)) <= {*NAMES, *"12345", "first", "second", "tie"}
    assert 0 < len(brief(text)) <= 120
    assert not is_none(text)
    if kind != "classification":
        assert type(value_of(text)) is type(read(text, schema(kind)))
        spaced = json.dumps(json.loads(text), indent=1)
        assert checked(spaced, schema(kind)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_of_every_kind_it_may_be_said_that_no_class_fits(kind: Kind) -> None:
    text = checked('{ "none": true, "proposed": " lynx  cub " }', schema(kind))
    assert (text, names_in(text), is_none(text)) == ('{"none":true,"proposed":"lynx cub"}', (), True)
    assert brief(text) == "none of these (lynx cub)"
    strict = msgspec.structs.replace(schema(kind), none_of_these=False)
    with pytest.raises(LabelError, match="does not offer"):
        checked(NONE, strict)
    with pytest.raises(LabelError, match="256"):
        checked(json.dumps({"none": True, "proposed": "x" * 257}), schema(kind))


@pytest.mark.parametrize(
    ("kind", "given", "text", "names", "words"),
    [
        ("multilabel", '{"classes":["fox","cat","fox"]}', '{"classes":["cat","fox"]}', ("cat", "fox"), "cat, fox"),
        ("multilabel", '{"classes":[]}', '{"classes":[]}', (), "no class"),
        (
            "boxes",
            '{"boxes":[{"label":"dog","left":9,"top":1,"right":10.004,"bottom":2},'
            '{"label":"cat","left":-0.4,"top":1.499,"right":3,"bottom":2}]}',
            '{"boxes":[{"label":"cat","left":0,"top":1.5,"right":3,"bottom":2},'
            '{"label":"dog","left":9,"top":1,"right":10,"bottom":2}]}',
            ("cat", "dog"),
            "2 boxes: cat, dog",
        ),
        (
            "polygons",
            '{"width":9,"height":9,"polygons":[{"label":"cat","points":[[5,5],[0,0],[3,1]]}]}',
            '{"width":9,"height":9,"polygons":[{"label":"cat","points":[[0,0],[3,1],[5,5]]}]}',
            ("cat",),
            "1 polygon: cat",
        ),
        (
            "mask",
            '{"width":3,"height":2,"runs":[[0,1],[3,1],[3,1],[1,3]]}',
            '{"width":3,"height":2,"classes":["cat","fox"],"runs":[[0,1],[2,2],[1,3]]}',
            ("cat", "fox"),
            "mask: cat, fox",
        ),
        (
            "spans",
            '{"spans":[{"label":"dog","start":7,"end":9},{"label":"cat","start":0,"end":2}],'
            '"relations":[{"label":"fears","from":1,"to":0}]}',
            '{"spans":[{"label":"cat","start":0,"end":2},{"label":"dog","start":7,"end":9}],'
            '"relations":[{"label":"fears","from":0,"to":1}]}',
            ("cat", "dog"),
            "2 spans: cat, dog; 1 relation: fears",
        ),
        ("text", '{"text":" a\\r\\nb "}', '{"text":"a\\nb"}', (), "a b"),
        ("rating", '{"rating":4,"critique":" dull "}', '{"rating":4,"critique":"dull"}', ("4",), "4: dull"),
        ("preference", '{"preferred":"tie"}', '{"preferred":"tie","critique":""}', ("tie",), "tie"),
    ],
)
def test_what_labels_say(kind: Kind, given: str, text: str, names: tuple[str, ...], words: str) -> None:
    found = checked(given, schema(kind))
    assert (found, names_in(found), brief(found)) == (text, names, words)


@pytest.mark.parametrize(
    ("kind", "label", "message"),
    [
        ("classification", "cow", "'cow' is not a class; classes: cat, dog, fox"),
        ("multilabel", '{"classes":["cow"]}', "'cow' .classes. is not a class"),
        ("multilabel", '{"names":["cat"]}', "unknown field `names`"),
        ("multilabel", "cat", "is no classes label: JSON is malformed"),
        ("boxes", '{"boxes":[{"label":"cat","left":"x","top":0,"right":1,"bottom":1}]}', r"at boxes\[0\].left"),
        ("boxes", '{"boxes":[{"label":"cow","left":0,"top":0,"right":1,"bottom":1}]}', r"boxes\[0\].label"),
        ("boxes", '{"boxes":[{"label":"cat","left":1,"top":0,"right":1,"bottom":1}]}', "without any extent"),
        ("boxes", '{"boxes":[{"label":"cat","left":-5,"top":0,"right":1,"bottom":1}]}', "outside the image"),
        ("boxes", '{"width":9,"boxes":[]}', "give both"),
        ("boxes", '{"width":0,"height":9,"boxes":[]}', "0 x 9"),
        (
            "boxes",
            '{"width":9,"height":9,"boxes":[{"label":"cat","left":1,"top":0,"right":11,"bottom":1}]}',
            "ends at 9",
        ),
        ("polygons", '{"polygons":[{"label":"cat","points":[[0,0],[1,1]]}]}', "2 corners: use 3 to 200"),
        ("polygons", '{"polygons":[{"label":"cat","points":[[0,0],[1,1],[2,2]]}]}', "on one line"),
        ("polygons", '{"polygons":[{"label":"cat","points":[[0,0],[1,1],[2]]}]}', "length 2"),
        ("mask", '{"width":2,"height":2,"runs":[[0,3]]}', "3 pixels together, but 2 x 2 are 4"),
        ("mask", '{"width":2,"height":2,"runs":[[4,4]]}', "class of 0 to 3"),
        ("mask", '{"width":2,"height":2,"classes":["cow"],"runs":[[1,4]]}', "'cow' .classes. is not a class"),
        ("mask", '{"width":20000,"height":20000,"runs":[[1,400000000]]}', "400,000,000 pixels"),
        ("spans", '{"spans":[{"label":"cat","start":3,"end":3}]}', r"spans\[0\] from 3 to 3"),
        (
            "spans",
            '{"spans":[{"label":"cat","start":0,"end":3}],"relations":[{"label":"fears","from":0,"to":0}]}',
            "from one of the spans to another",
        ),
        (
            "spans",
            '{"spans":[{"label":"cat","start":0,"end":3}],"relations":[{"label":"likes","from":0,"to":1}]}',
            "'likes' .* is not a relation; relations: chases, fears",
        ),
        ("text", '{"text":"  "}', "is empty"),
        ("rating", '{"rating":6}', "rates 6: use 1 to 5"),
        ("rating", '{"rating":3.5}', "at rating"),
        ("preference", '{"preferred":"left"}', "'left'"),
        ("rating", "[" * 5000, "rating label"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(kind: Kind, label: str, message: str) -> None:
    with pytest.raises(LabelError, match=message) as caught:
        checked(label, schema(kind))
    assert caught.value.field == "label"


def test_a_label_has_its_limits() -> None:
    boxes = [{"label": "cat", "left": each, "top": 0, "right": each + 1, "bottom": 1} for each in range(MAX_THINGS + 1)]
    read(json.dumps({"boxes": boxes[:-1]}), schema("boxes"))
    with pytest.raises(LabelError, match="1,001 boxes"):
        read(json.dumps({"boxes": boxes}), schema("boxes"))
    long = json.dumps({"text": "ä" * (MAX_BYTES // 2)}, ensure_ascii=False)
    with pytest.raises(LabelError, match="100,012 bytes"):
        read(long, schema("text"))


def test_a_mask_means_the_same_under_a_schema_with_more_classes() -> None:
    text = checked('{"width":2,"height":1,"runs":[[2,2]]}', schema("mask"))
    grown = LabelSchema(kind="mask", classes=(*CLASSES[:1], *reversed(CLASSES[1:])))
    assert checked(text, grown) == text
    assert names_in(text) == ("dog",)


def test_a_class_is_its_own_name_whatever_it_looks_like() -> None:
    assert names_in("{odd") == ("{odd",)
    assert (brief("x" * 200), is_none("none")) == ("x" * 200, False)
    assert written(read('{"rating":2}', schema("rating"))) == '{"rating":2,"critique":""}'
