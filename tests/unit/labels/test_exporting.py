"""Label schemas as Label Studio's labeling configurations, and back."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.labels.schemas import KINDS, schema
from trueup.errors import ConfigurationError
from trueup.labels.exporting import to_label_studio
from trueup.labels.importing import from_label_studio
from trueup.model import Kind, LabelClass, LabelSchema, Scale

DRAWN: tuple[Kind, ...] = ("boxes", "polygons", "mask")
MEDIA = ("image", "text", "tabular", "audio")
COMBINED = [
    replace(schema(kind), media=media)
    for kind in KINDS
    for media in (("image",) if kind in DRAWN else ("text",) if kind in ("spans", "preference") else MEDIA)
]
GUIDELINES = 'Look at $this & "that".\n\n  <b>Small</b>\tones too\r\nfor $5'
_letters = st.characters(exclude_categories=("Cs", "Cc", "Cn"))
_name = st.text(_letters, min_size=1, max_size=20).filter(lambda each: each.strip() and not each.startswith("{"))
_key = st.none() | st.characters(exclude_categories=("Cs", "Cc", "Cn", "Z"), exclude_characters="sSuU?")
_words = st.text(_letters | st.sampled_from("\n\t$"), max_size=60).filter(lambda each: "$\u2060" not in each)
_class = st.builds(LabelClass, name=_name, key=_key, description=_words)
_classes = st.lists(_class, min_size=1, max_size=4, unique_by=lambda each: each.name).map(tuple)


@pytest.mark.parametrize("wanted", COMBINED, ids=lambda each: f"{each.kind}-{each.media}")
@pytest.mark.parametrize("none", [True, False])
def test_a_schema_comes_back_from_its_configuration(wanted: LabelSchema, none: bool) -> None:
    for guidelines in ("", GUIDELINES):
        given = replace(wanted, none_of_these=none, guidelines=guidelines)
        assert from_label_studio(to_label_studio(given)) == given


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classification", "multilabel", "mask", "spans"])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_the_words_are(kind: Kind, data: st.DataObject) -> None:
    relations = data.draw(_classes) if kind == "spans" else ()
    given = replace(
        schema(kind), classes=data.draw(_classes), relations=relations, guidelines=data.draw(_words.filter(bool))
    )
    assert from_label_studio(to_label_studio(given)) == given


def test_how_it_looks() -> None:
    classes = (LabelClass(name="cat", key="c", description='a "small" one'), LabelClass(name="US$5"))
    wanted = LabelSchema(kind="classification", media="audio", classes=classes, guidelines="Listen & tell")
    assert to_label_studio(wanted) == (
        '<View className="trueup"><Header value="Listen &amp; tell" size="5" />'
        '<Audio name="sample" value="$audio" />'
        '<Choices name="label" toName="sample" choice="single" required="true">'
        '<Choice value="cat" hotkey="c" hint="a &quot;small&quot; one" />'
        '<Choice value="US$\u20605" alias="US$5" /><Choice value="None of these" alias="trueup_none" /></Choices>'
        '<View visibleWhen="choice-selected" whenTagName="label" whenChoiceValue="trueup_none">'
        '<TextArea name="trueup_proposed" toName="sample" rows="1" maxSubmissions="1" editable="true"'
        ' placeholder="Which class would fit?" /></View></View>'
    )


@pytest.mark.parametrize("wanted", COMBINED, ids=lambda each: f"{each.kind}-{each.media}")
def test_controls_have_names_of_their_own_and_belong_to_what_is_shown(wanted: LabelSchema) -> None:
    root = ET.fromstring(to_label_studio(wanted))
    names = [each.get("name") for each in root.iter() if each.get("name")]
    assert len(set(names)) == len(names)
    assert {"label", "sample"} <= set(names)
    assert all(each.startswith("trueup_") for each in set(names) - {"label", "sample", "first", "second"})
    shown = {each.get("name") for each in root.iter() if (each.get("value") or "").startswith("$")}
    assert all(set(each.get("toName", "sample").split(",")) <= shown for each in root.iter())


def test_a_rating_has_as_many_stars() -> None:
    wanted = replace(schema("rating"), scale=Scale(low=1, high=7))
    assert 'maxRating="7"' in to_label_studio(wanted)
    assert from_label_studio(to_label_studio(wanted)) == wanted


@pytest.mark.parametrize(
    ("kind", "changed", "message"),
    [
        ("rating", {"scale": Scale(low=0, high=5)}, "1 to at most 100 stars, not 0 to 5"),
        ("rating", {"scale": Scale(low=1, high=101)}, "not 1 to 101"),
        ("boxes", {"media": "text"}, "takes no boxes of text: use image"),
        ("spans", {"media": "audio"}, "takes no spans of audio: use text"),
        ("preference", {"media": "image"}, "use text"),
        ("multilabel", {"guidelines": "so\x07"}, "holds a character that XML has not"),
        ("multilabel", {"classes": (LabelClass(name="\ud800"),)}, "holds a character that XML has not"),
        ("classification", {"classes": (LabelClass(name="trueup_none"),)}, "which says that none fits"),
    ],
)
def test_what_label_studio_cannot_ask_is_refused(kind: Kind, changed: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        to_label_studio(replace(schema(kind), **changed))


def test_a_header_may_hold_its_text_inside() -> None:
    xml = '<View><Header>Choose one</Header><Text name="t" value="$t"/><Rating name="r" toName="t"/></View>'
    assert from_label_studio(xml) == LabelSchema(kind="rating", media="text", guidelines="Choose one")
