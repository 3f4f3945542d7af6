"""Label schemas of Label Studio and Ground Truth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trueup.errors import ConfigurationError
from trueup.labels.importing import document, from_ground_truth, from_label_studio


def view(inner: str) -> str:
    return f'<View><Header value="Look closely"/>{inner}</View>'


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (
            '<Image name="i" value="$image"/><Choices name="c" toName="i" choice="single">'
            '<Choice value="Cat" hotkey="c" hint="small"/><Choice value="Dog" alias="dog" hotkey="s"/></Choices>',
            {
                "kind": "classification",
                "media": "image",
                "classes": [{"name": "Cat", "key": "c", "description": "small"}, {"name": "dog"}],
                "guidelines": "Look closely",
            },
        ),
        (
            '<Text name="t" value="$t"/><Choices name="c" toName="t" choice="multiple"><Choice value="a"/></Choices>',
            {"kind": "multilabel", "media": "text", "classes": [{"name": "a"}], "guidelines": "Look closely"},
        ),
        (
            '<Image name="i" value="$image"/><RectangleLabels name="r" toName="i"><Label value="Car" background="red"/>'
            "</RectangleLabels>",
            {"kind": "boxes", "media": "image", "classes": [{"name": "Car"}], "guidelines": "Look closely"},
        ),
        (
            '<Labels name="l" toName="t"><Label value="PER"/></Labels><Text name="t" value="$t"/>'
            '<Relations><Relation value="works at"/></Relations>',
            {
                "kind": "spans",
                "media": "text",
                "classes": [{"name": "PER"}],
                "relations": [{"name": "works at"}],
                "guidelines": "Look closely",
            },
        ),
        (
            '<Audio name="a" value="$a"/><TextArea name="x" toName="a"/>',
            {"kind": "text", "media": "audio", "guidelines": "Look closely"},
        ),
        (
            '<Text name="t" value="$t"/><Rating name="r" toName="t" maxRating="10"/>',
            {"kind": "rating", "media": "text", "scale": {"low": 1, "high": 10}, "guidelines": "Look closely"},
        ),
        (
            '<Text name="a" value="$a"/><Text name="b" value="$b"/><Pairwise name="p" toName="a,b"/>',
            {"kind": "preference", "media": "text", "guidelines": "Look closely"},
        ),
    ],
)
def test_a_labeling_configuration_becomes_a_schema(xml: str, expected: dict[str, Any]) -> None:
    assert document(from_label_studio(view(xml))) == expected


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ("<View>", "no XML"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><View>&a;</View>', "declares entities"),
        ('<View><Video name="v"/></View>', "no control tag"),
        (
            '<View><Image name="i"/><Choices toName="i"><Choice value="a"/></Choices><Rating toName="i"/></View>',
            "<Choices>, <Rating>",
        ),
        ('<View><Image name="i"/><Choices toName="i"/></View>', "<Choices> has no <Choice>"),
        ('<View><Image name="i"/><Choices toName="i"><Choice/></Choices></View>', "a <Choice> has no value"),
        (
            '<View><Image name="i"/><Image name="j"/><Choices toName="k"><Choice value="a"/></Choices></View>',
            "belongs to 'k'",
        ),
        ('<View><Image name="i"/><Rating toName="i" maxRating="many"/></View>', 'maxRating="many"'),
    ],
)
def test_what_cannot_be_read_names_the_tag(xml: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        from_label_studio(xml)


def test_a_label_category_file_becomes_a_schema() -> None:
    data = {
        "document-version": "2018-11-28",
        "labels": [{"label": "ORG", "shortDisplayName": "org"}, {"label": "DATE"}],
        "instructions": {"fullInstruction": "<p>Mark every organisation &amp; date.</p>"},
    }
    assert document(from_ground_truth(json.dumps(data).encode(), "spans")) == {
        "kind": "spans",
        "media": "text",
        "classes": [{"name": "ORG"}, {"name": "DATE"}],
        "guidelines": "Mark every organisation & date.",
    }
    with pytest.raises(ConfigurationError, match="not a label category file"):
        from_ground_truth(b'{"labels": [1]}')
