"""Kinds of labels for which Ground Truth has no built-in task: the pages that workers see, and the two functions that
it calls before and after ("Processing data in a custom labeling workflow with AWS Lambda", Amazon SageMaker Developer
Guide).

Workers' answers are read one by one, so that the function after them has nothing to decide.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from trueup.errors import InputError
from trueup.model import Kind, LabelSchema

CUSTOM: tuple[Kind, ...] = ("polygons", "text", "rating", "preference")
_CHOICES = ("first", "second", "tie")
_PARTS = ("prompt", "first", "second", "answer")
_IMAGE = '<img src="{{ task.input.taskObject | grant_read_access }}" style="max-width: 100%">'
_TEXT = '<p style="white-space: pre-wrap">{{ task.input.taskObject | escape }}</p>'
# Of a text that is JSON with a prompt, its parts.
_PART = """{{% if task.input.{name} %}}<h3>{title}</h3>
<p style="white-space: pre-wrap">{{{{ task.input.{name} | escape }}}}</p>{{% endif %}}"""
_SHOWN = "\n".join(
    [
        "{% if task.input.prompt %}",
        *[_PART.format(name=each, title=each.capitalize()) for each in _PARTS],
        "{% else %}",
        _TEXT,
        "{% endif %}",
    ]
)


class _Annotation(msgspec.Struct, rename="camel"):
    worker_id: str


class _Answered(msgspec.Struct, rename="camel"):
    """An object of the file that Ground Truth hands over."""

    dataset_object_id: str
    annotations: list[_Annotation]


def prepare(line: Mapping[str, Any]) -> dict[str, Any]:
    """What a page gets of an object: its URI or its text, and the parts of a text that is JSON with a prompt. Raises
    InputError for a manifest line without either."""
    source = line.get("source-ref") or line.get("source")
    if not isinstance(source, str) or not source:
        raise InputError("the manifest line has neither source-ref nor source")
    return {"taskInput": {"taskObject": source, **_parts(source)}, "isHumanAnnotationRequired": True}


@dataclass(frozen=True)
class Gather:
    """For each object who answered it; `read` brings the file of a URI. The same again gives the same. Raises
    InputError for a request or a file that is not what Ground Truth sends."""

    read: Callable[[str], bytes]

    def __call__(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            attribute, place = str(event["labelAttributeName"]), str(event["payload"]["s3Uri"])
            objects = msgspec.json.decode(self.read(place), type=list[_Answered])
        except (KeyError, TypeError, msgspec.MsgspecError) as error:
            raise InputError(f"not a consolidation request: {error!r}") from error
        return [_told(each, attribute) for each in objects]


def page(schema: LabelSchema, guidelines: str, classes: str) -> bytes:
    """A worker's page of one of the CUSTOM kinds; `guidelines` and `classes` are inert HTML."""
    told = f"""<full-instructions header="Guidelines"><p>{guidelines}</p><ul>{classes}</ul></full-instructions>
<short-instructions><p>{guidelines}</p></short-instructions>"""
    if schema.kind == "polygons":
        body = f"""<crowd-polygon name="label" src="{{{{ task.input.taskObject | grant_read_access }}}}"
  header="Outline each thing" labels="{_list(schema.names)}">
{told}
</crowd-polygon>"""
    elif schema.kind == "preference":
        body = f"""<crowd-classifier name="label" header="Which is better?" categories="{_list(_CHOICES)}">
<classification-target>{_SHOWN}</classification-target>
{told}
</crowd-classifier>
{_CRITIQUE}"""
    else:
        shown = _IMAGE if schema.media == "image" else _SHOWN
        body = f"<p>{guidelines}</p>\n{shown}\n{_field(schema)}"
    script = '<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>'
    return f"{script}\n<crowd-form>\n{body}\n</crowd-form>\n".encode()


_CRITIQUE = '<p>Why?</p><crowd-text-area name="critique" rows="3"></crowd-text-area>'


def _field(schema: LabelSchema) -> str:
    if schema.kind == "text":
        return '<crowd-text-area name="label" rows="6" required></crowd-text-area>'
    scale = schema.scale
    slider = f'<crowd-slider name="rating" min="{scale.low}" max="{scale.high}" step="1" pin required></crowd-slider>'
    return f"<p>From {scale.low} to {scale.high}</p>{slider}\n{_CRITIQUE}"


def _list(names: tuple[str, ...]) -> str:
    """JSON that is neither HTML nor a Liquid tag."""
    return html.escape(msgspec.json.encode(names).decode()).replace("{", "&#123;").replace("}", "&#125;")


def _parts(text: str) -> dict[str, str]:
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    if not isinstance(found, dict) or "prompt" not in found:
        return {}
    return {each: str(found[each]) for each in _PARTS if each in found}


def _told(answered: _Answered, attribute: str) -> dict[str, Any]:
    workers = sorted(each.worker_id for each in answered.annotations)
    content = {attribute: {"answers": len(workers), "workers": workers}}
    return {"datasetObjectId": answered.dataset_object_id, "consolidatedAnnotation": {"content": content}}
