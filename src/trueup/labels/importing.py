"""Label schemas of other tools: Label Studio's labeling configuration (XML) and Ground Truth's label category files.

Label Studio: https://labelstud.io/tags/ ; a control tag says what an answer is, an object tag what is shown. Ground
Truth: "Create a Labeling Category Configuration File", Amazon SageMaker Developer Guide.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import msgspec

from trueup.errors import ConfigurationError
from trueup.labels.exporting import NONE, OURS, with_names
from trueup.model import Kind, LabelClass, LabelSchema, Scale

# Control tags that hold answers, with what they make.
_CONTROLS: Mapping[str, Kind] = {
    "Choices": "classification",
    "RectangleLabels": "boxes",
    "PolygonLabels": "polygons",
    "BrushLabels": "mask",
    "Labels": "spans",
    "HyperTextLabels": "spans",
    "ParagraphLabels": "spans",
    "TextArea": "text",
    "Rating": "rating",
    "Pairwise": "preference",
}
_OBJECTS = {
    "Image": "image",
    "Text": "text",
    "HyperText": "text",
    "Paragraphs": "text",
    "Audio": "audio",
    "AudioPlus": "audio",
    "Table": "tabular",
    "List": "text",
    "Dialog": "text",
}
_MANY = {"multiple"}
_RESERVED = "suSU?"
_TAGS = re.compile(r"<[^>]+>")


class _Category(msgspec.Struct, frozen=True):
    label: str


class _Instructions(msgspec.Struct, frozen=True, rename="camel"):
    short_instruction: str = ""
    full_instruction: str = ""


class _Categories(msgspec.Struct, frozen=True):
    labels: tuple[_Category, ...]
    instructions: _Instructions = _Instructions()


def from_label_studio(text: str) -> LabelSchema:
    """The schema of a labeling configuration with one control tag, beside those that trueup adds. Raises
    ConfigurationError that names the tag."""
    root = _parsed(text)
    controls = [each for each in root.iter() if each.tag in _CONTROLS and not (each.get("name") or "").startswith(OURS)]
    if not controls:
        known = ", ".join(sorted(_CONTROLS))
        raise ConfigurationError(f"the configuration holds no control tag that is known; known are: {known}")
    # A choice beside shapes tells of the whole image: nothing here has two kinds of answers.
    kinds = {_CONTROLS[each.tag] for each in controls}
    if len(controls) > 1:
        names = ", ".join(f"<{each.tag}>" for each in controls)
        said = "kinds of answers" if len(kinds) > 1 else "questions"
        raise ConfigurationError(f"the configuration asks several {said} ({names}): make a project of each")
    (control,) = controls
    kind = _kind(control)
    return LabelSchema(
        kind=kind,
        media=_media(root, control),
        classes=_classes(control),
        relations=tuple(_class(each) for each in root.iter("Relation")) if kind == "spans" else (),
        scale=Scale(low=1, high=_whole(control, "maxRating", 5)) if kind == "rating" else Scale(),
        none_of_these=_none_of_these(root),
        guidelines="\n".join(
            with_names(each.get("value") or (each.text or "").strip()) for each in root.iter("Header")
        ),
    )


def from_ground_truth(data: bytes, kind: Kind = "classification") -> LabelSchema:
    """The schema of a label category file; what kind its job has, the file does not say. Raises ConfigurationError."""
    try:
        found = msgspec.json.decode(data, type=_Categories)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"not a label category file: {error}") from error
    told = found.instructions.full_instruction or found.instructions.short_instruction
    return LabelSchema(
        kind=kind,
        media="text" if kind in ("spans", "preference") else "image",
        classes=tuple(LabelClass(name=each.label) for each in found.labels),
        guidelines=html.unescape(_TAGS.sub("", told)).strip(),
    )


def document(schema: LabelSchema) -> dict[str, Any]:
    """The schema as a project's configuration holds it, without what is the default anyway."""
    bare = LabelSchema()
    fields = {name: getattr(schema, name) for name in schema.__struct_fields__}
    told = {name: value for name, value in fields.items() if value != getattr(bare, name) or name in ("kind", "media")}
    built: dict[str, Any] = msgspec.to_builtins(told)
    for key in ("classes", "relations"):
        if key in built:
            built[key] = [{name: value for name, value in each.items() if value} for each in built[key]]
    return built


def _parsed(text: str) -> ET.Element:
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        raise ConfigurationError("the configuration declares entities or a document type: take that out")
    try:
        return ET.fromstring(text)  # noqa: S314 - without declarations there are no entities to expand
    except ET.ParseError as error:
        raise ConfigurationError(f"the configuration is no XML: {error}") from error


def _kind(control: ET.Element) -> Kind:
    kind = _CONTROLS[control.tag]
    return "multilabel" if kind == "classification" and control.get("choice") in _MANY else kind


def _media(root: ET.Element, control: ET.Element) -> Any:
    """That of the tag which the control names, or of the only one."""
    shown = {each.get("name"): each for each in root.iter() if each.tag in _OBJECTS}
    wanted = (control.get("toName") or "").split(",")[0]
    found = shown.get(wanted)
    if found is None and len(shown) == 1:
        (found,) = shown.values()
    if found is None:
        known = ", ".join(sorted(_OBJECTS))
        raise ConfigurationError(f"<{control.tag}> belongs to {wanted!r}, which is none of the tags {known}")
    return "text" if control.tag == "Pairwise" else _OBJECTS[found.tag]


def _classes(control: ET.Element) -> tuple[LabelClass, ...]:
    if _CONTROLS[control.tag] in ("text", "rating", "preference"):
        return ()
    found = [each for each in control.iter() if each.tag in ("Choice", "Label") and each.get("alias") != NONE]
    if not found:
        raise ConfigurationError(f"<{control.tag}> has no <Choice> or <Label>: name its classes")
    return tuple(_class(each) for each in found)


def _class(tag: ET.Element) -> LabelClass:
    return LabelClass(name=tag.get("alias") or _value(tag), key=_key(tag), description=tag.get("hint") or "")


def _none_of_these(root: ET.Element) -> bool:
    """Of what trueup wrote, whether it is asked; others cannot say."""
    return root.get("className") != "trueup" or any(each.get("alias") == NONE for each in root.iter("Choice"))


def _key(tag: ET.Element) -> str | None:
    """One that the workbench does not use itself."""
    key = tag.get("hotkey") or ""
    return key if len(key) == 1 and key not in _RESERVED and key.strip() else None


def _value(tag: ET.Element) -> str:
    value = tag.get("value")
    if not value:
        raise ConfigurationError(f"a <{tag.tag}> has no value")
    return value


def _whole(tag: ET.Element, name: str, otherwise: int) -> int:
    text = tag.get(name, str(otherwise))
    if not text.isdecimal() or not 2 <= int(text) <= 100:
        raise ConfigurationError(f'<{tag.tag} {name}="{text}">: use a whole number from 2 to 100')
    return int(text)
