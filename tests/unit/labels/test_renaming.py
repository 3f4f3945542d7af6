"""Names that classes had before: labels read as if they had always had today's."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.labels.schemas import CLASSES, LABELS, SLOW_SHAPES, schema
from trueup.labels.reading import checked
from trueup.labels.renaming import old_names, renamed, unknown_names
from trueup.model import Kind, LabelClass, LabelSchema

RENAMED = {"kitten": "cat", "tomcat": "cat", "puppy": "dog", "hunts": "chases"}
NAMELESS = ("text", "rating", "preference")


def today(kind: Kind) -> LabelSchema:
    return replace(schema(kind), renamed={} if kind in NAMELESS else RENAMED)


def before(kind: Kind) -> LabelSchema:
    """The same schema, when cats were kittens and dogs puppies."""
    classes = tuple(LabelClass(name=each) for each in ("kitten", "puppy", "fox"))
    relations = (LabelClass(name="hunts"), LabelClass(name="fears"))
    found = schema(kind)
    return replace(found, classes=classes if found.classes else (), relations=relations if found.relations else ())


def in_old_words(label: str, kind: Kind) -> str:
    if kind in NAMELESS:
        return label
    for old, new in (("kitten", "cat"), ("puppy", "dog"), ("hunts", "chases")):
        label = old if label == new else label.replace(f'"{new}"', f'"{old}"')
    return label


@pytest.mark.parametrize("kind", SLOW_SHAPES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_label_of_before_is_the_one_that_would_be_given_today(kind: Kind, data: st.DataObject) -> None:
    label = data.draw(LABELS[kind])
    old = checked(in_old_words(label, kind), before(kind))
    new = renamed(old, today(kind))
    assert new == checked(label, schema(kind)) == checked(old, today(kind))
    assert renamed(new, today(kind)) == new
    assert unknown_names(old, today(kind)) == old_names(new, today(kind)) == ()
    assert renamed(old, schema(kind)) == old


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("multilabel", '{"classes":["kitten","tomcat","fox"]}', '{"classes":["cat","fox"]}'),
        (
            "mask",
            '{"width":2,"height":2,"classes":["fox","kitten","tomcat"],"runs":[[2,1],[3,1],[1,2]]}',
            '{"width":2,"height":2,"classes":["cat","fox"],"runs":[[1,2],[2,2]]}',
        ),
        (
            "spans",
            '{"spans":[{"label":"kitten","start":0,"end":3},{"label":"puppy","start":5,"end":9},'
            '{"label":"tomcat","start":0,"end":3}],"relations":[{"label":"hunts","from":0,"to":1},'
            '{"label":"chases","from":2,"to":1}]}',
            '{"spans":[{"label":"cat","start":0,"end":3},{"label":"dog","start":5,"end":9}],'
            '"relations":[{"label":"chases","from":0,"to":1}]}',
        ),
    ],
)
def test_several_classes_become_one(kind: Kind, old: str, new: str) -> None:
    assert renamed(old, today(kind)) == new


def test_a_page_that_does_not_name_a_masks_classes_means_todays() -> None:
    sent = '{"width":2,"height":1,"runs":[[1,1],[2,1]]}'
    assert json.loads(checked(sent, today("mask")))["classes"] == ["cat", "dog"]


def test_what_is_unknown_keeps_its_name_and_is_told() -> None:
    label = '{"classes":["kitten","wolf"]}'
    assert renamed(label, today("multilabel")) == '{"classes":["cat","wolf"]}'
    assert (old_names(label, today("multilabel")), unknown_names(label, today("multilabel"))) == (
        ("kitten",),
        ("wolf",),
    )
    assert unknown_names("wolf", today("classification")) == ("wolf",)
    spans = '{"spans":[{"label":"cat","start":0,"end":3}],"relations":[{"label":"bites","from":0,"to":1}]}'
    assert unknown_names(spans, today("spans")) == ("bites",)


def test_a_relations_old_name_is_no_classs() -> None:
    assert unknown_names('{"spans":[{"label":"hunts","start":0,"end":3}],"relations":[]}', today("spans")) == ("hunts",)


@pytest.mark.parametrize("text", ['{"none":true,"proposed":"kitten"}', "fox", "{"])
def test_what_names_no_class_of_before_stays(text: str) -> None:
    assert renamed(text, today("classification")) == text


def test_a_version_follows_from_what_answers_mean() -> None:
    found = schema("spans")
    alike = [
        replace(found, guidelines="Look twice.", renamed={"hunts": "chases"}),
        replace(found, classes=tuple(replace(each, key="k", description="so") for each in CLASSES)),
    ]
    assert {each.version for each in alike} == {found.version}
    others = [
        replace(found, classes=CLASSES[::-1]),
        replace(found, relations=found.relations[:1]),
        replace(found, none_of_these=False),
        replace(found, media="tabular"),
        schema("rating"),
    ]
    assert len({found.version, *(each.version for each in others)}) == 6
    assert len(found.version) == 12
