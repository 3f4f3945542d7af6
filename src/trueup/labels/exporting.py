"""A label schema as Label Studio's labeling configuration: what labels/importing.py reads, written.

The control that asks for the label is named `label`, what it is about `sample`; what else is asked has a name that
begins with `trueup_`. Tags and their attributes: https://labelstud.io/tags/ , tried with Label Studio 1.23.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from xml.etree import ElementTree as ET

from trueup.errors import ConfigurationError
from trueup.model import Kind, LabelClass, LabelSchema

CONTROL = "label"
SAMPLE = "sample"
OURS = "trueup_"
NONE = "trueup_none"
PROPOSED = "trueup_proposed"
CRITIQUE = "trueup_critique"
TIE = "trueup_tie"
MOST_STARS = 100
# Label Studio puts a task's data in a `$name`'s place wherever one stands, and knows no way to say that none is meant.
_NAME_OF_DATA = re.compile(r"\$(?=[\w[\].{}])")
_JOINER = "\u2060"
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# The object tag and the task's key.
_OBJECTS: Mapping[str, tuple[str, str]] = {
    "image": ("Image", "image"),
    "text": ("Text", "text"),
    "tabular": ("Table", "table"),
    "audio": ("Audio", "audio"),
}
_MEDIA: Mapping[Kind, str] = {
    "boxes": "image",
    "polygons": "image",
    "mask": "image",
    "spans": "text",
    "preference": "text",
}


def to_label_studio(schema: LabelSchema) -> str:
    """The labeling configuration (XML) of a project that asks for such labels; `from_label_studio` makes the same
    schema of it. A task's data has `image`, `text`, `table` or `audio`, or `prompt`, `first` and `second`.

    Raises ConfigurationError for what Label Studio has no tag for: a scale that does not begin at 1 or ends above
    100, media that its tags for the kind do not take, characters that XML cannot hold.
    """
    _fits(schema)
    view = ET.Element("View", className="trueup")
    for line in schema.guidelines.split("\n") if schema.guidelines else ():
        _add(view, "Header", value=without_names(line), size="5")
    _BUILDERS[schema.kind](view, schema)
    if schema.kind != "classification" and schema.none_of_these:
        none = _add(view, "Choices", name=NONE, toName=SAMPLE, choice="single", showInLine="true")
        _none(none)
    if schema.none_of_these:
        asked = CONTROL if schema.kind == "classification" else NONE
        shown = _add(view, "View", visibleWhen="choice-selected", whenTagName=asked, whenChoiceValue=NONE)
        _line(shown, PROPOSED, "Which class would fit?")
    return ET.tostring(view, encoding="unicode")


def without_names(text: str) -> str:
    """The text in which Label Studio sees no name of a task's data, to be shown."""
    return _NAME_OF_DATA.sub(f"${_JOINER}", text)


def with_names(text: str) -> str:
    """What `without_names` was given."""
    return text.replace(f"${_JOINER}", "$")


def _fits(schema: LabelSchema) -> None:
    media = _MEDIA.get(schema.kind, schema.media)
    if schema.media != media:
        raise ConfigurationError(
            f"Label Studio takes no {schema.kind} of {schema.media}: use {media}", field="label_schema.media"
        )
    scale = schema.scale
    if schema.kind == "rating" and not (scale.low == 1 and 2 <= scale.high <= MOST_STARS):
        raise ConfigurationError(
            f"Label Studio rates with 1 to at most {MOST_STARS} stars, not {scale.low} to {scale.high}",
            field="label_schema.scale",
        )
    named = (*schema.classes, *schema.relations)
    for text in (
        schema.guidelines,
        *(part for each in named for part in (each.name, each.key or "", each.description)),
    ):
        if _NO_XML.search(text):
            raise ConfigurationError(f"{text[:80]!r} holds a character that XML has not", field="label_schema")
    if NONE in schema.names:
        raise ConfigurationError(f"a class is named {NONE!r}, which says that none fits", field="label_schema.classes")


def _sample(view: ET.Element, schema: LabelSchema) -> None:
    tag, key = _OBJECTS[schema.media]
    more = {"zoom": "true", "zoomControl": "true"} if tag == "Image" else {}
    _add(view, tag, name=SAMPLE, value=f"${key}", **more)


def _choices(view: ET.Element, schema: LabelSchema) -> None:
    _sample(view, schema)
    one = schema.kind == "classification"
    more = {"required": "true"} if one else {}
    control = _add(view, "Choices", name=CONTROL, toName=SAMPLE, choice="single" if one else "multiple", **more)
    for each in schema.classes:
        _class(control, "Choice", each)
    if one and schema.none_of_these:
        _none(control)


def _shapes(tag: str, **attributes: str) -> Callable[[ET.Element, LabelSchema], None]:
    def build(view: ET.Element, schema: LabelSchema) -> None:
        # The classes first: they stay in sight above a large sample.
        control = _add(view, tag, name=CONTROL, toName=SAMPLE, **attributes)
        for each in schema.classes:
            _class(control, "Label", each)
        _sample(view, schema)

    return build


def _spans(view: ET.Element, schema: LabelSchema) -> None:
    _shapes("Labels")(view, schema)
    if schema.relations:
        relations = _add(view, "Relations")
        for each in schema.relations:
            # Names of data are looked for in none of a relation's attributes.
            _add(relations, "Relation", value=each.name, **_told(each))


def _text(view: ET.Element, schema: LabelSchema) -> None:
    _sample(view, schema)
    _add(
        view,
        "TextArea",
        name=CONTROL,
        toName=SAMPLE,
        rows="6",
        maxSubmissions="1",
        editable="true",
        placeholder="What is it?",
    )


def _rating(view: ET.Element, schema: LabelSchema) -> None:
    _sample(view, schema)
    _add(view, "Rating", name=CONTROL, toName=SAMPLE, maxRating=str(schema.scale.high))
    _line(view, CRITIQUE, "Why?")


def _preference(view: ET.Element, schema: LabelSchema) -> None:  # noqa: ARG001
    """Pairwise knows no tie: beside it one can be said."""
    _add(view, "Text", name=SAMPLE, value="$prompt")
    pair = _add(view, "View", style="display: grid; grid-template-columns: 1fr 1fr; column-gap: 1em; margin-top: 1em")
    for name in ("first", "second"):
        _add(pair, "Text", name=name, value=f"${name}")
    _add(view, "Pairwise", name=CONTROL, toName="first,second")
    tie = _add(view, "Choices", name=TIE, toName=SAMPLE, choice="single", showInLine="true")
    _add(tie, "Choice", value="Neither: a tie", alias="tie")
    _line(view, CRITIQUE, "Why?")


def _add(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    return ET.SubElement(parent, tag, attributes)


def _class(control: ET.Element, tag: str, each: LabelClass) -> None:
    shown = without_names(each.name)
    more = {"alias": each.name} if shown != each.name else {}
    _add(control, tag, value=shown, **more, **_told(each))


def _told(each: LabelClass) -> dict[str, str]:
    told = {"hotkey": each.key or "", "hint": each.description}
    return {name: value for name, value in told.items() if value}


def _none(control: ET.Element) -> None:
    _add(control, "Choice", value="None of these", alias=NONE)


def _line(view: ET.Element, name: str, asked: str) -> None:
    _add(view, "TextArea", name=name, toName=SAMPLE, rows="1", maxSubmissions="1", editable="true", placeholder=asked)


_BUILDERS: Mapping[Kind, Callable[[ET.Element, LabelSchema], None]] = {
    "classification": _choices,
    "multilabel": _choices,
    # Boxes stand upright, so that four numbers say them.
    "boxes": _shapes("RectangleLabels", canRotate="false"),
    "polygons": _shapes("PolygonLabels"),
    "mask": _shapes("BrushLabels"),
    "spans": _spans,
    "text": _text,
    "rating": _rating,
    "preference": _preference,
}
