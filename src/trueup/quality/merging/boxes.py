"""Boxes: what enough people drew, with the label that most say, at the median of their edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trueup.labels.values import Box, Boxes
from trueup.model import AnnotatorSkill, LabelSchema
from trueup.quality.merging import Merged, Said
from trueup.quality.merging.shared import kept, sizes, sureness, trust
from trueup.quality.methods import Method
from trueup.quality.shapes import Shape, SharedShape, shared_shapes, similarity


def merge(
    said: Sequence[Said],
    schema: LabelSchema,  # noqa: ARG001
    skills: Mapping[str, AnnotatorSkill],
    method: Method,  # noqa: ARG001 - boxes are matched, not classified
) -> Merged:
    drawn = {each.annotator: _shapes(each.value) for each in said}
    found = shared_shapes(drawn, skills=trust(said, skills))
    width, height = sizes([each.value for each in said])
    boxes = sorted(map(_box, kept(found)), key=lambda each: (each.left, each.top, each.right, each.bottom, each.label))
    return Merged(Boxes(width=width, height=height, boxes=tuple(boxes)), sureness(found, len(said)))


def likeness(one: Boxes, other: Boxes, schema: LabelSchema) -> float:  # noqa: ARG001
    return similarity(_shapes(one), _shapes(other))


def _shapes(value: Boxes) -> list[Shape]:
    return [Shape(each.label, (each.left, each.top, each.right, each.bottom)) for each in value.boxes]


def _box(shape: SharedShape) -> Box:
    left, top, right, bottom = (round(each, 2) for each in shape.edges)
    return Box(label=shape.label, left=left, top=top, right=right, bottom=bottom)
