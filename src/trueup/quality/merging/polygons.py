"""Polygons: what enough people drew, as whoever's outline is most like the others' of the same thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trueup.labels.values import Polygon, Polygons
from trueup.model import AnnotatorSkill, LabelSchema
from trueup.quality.answers import Floats
from trueup.quality.merging import Merged, Said
from trueup.quality.merging.shared import kept, sizes, sureness, trust
from trueup.quality.methods import Method
from trueup.quality.outlines import overlaps
from trueup.quality.shapes import existence, grouped, likeness_of, shared_label


@dataclass(frozen=True)
class _Shared:
    polygon: Polygon
    posterior: float
    existence: float


def merge(
    said: Sequence[Said],
    schema: LabelSchema,  # noqa: ARG001
    skills: Mapping[str, AnnotatorSkill],
    method: Method,  # noqa: ARG001 - outlines are matched, not classified
) -> Merged:
    ordered = sorted(said, key=lambda each: each.annotator)
    drawn = [(each.annotator, polygon) for each in ordered for polygon in each.value.polygons]
    near = overlaps([each.points for _, each in drawn], [each.points for _, each in drawn])
    groups = grouped([person for person, _ in drawn], near)
    found = [_shared(group, drawn, near, len(said), trust(said, skills)) for group in groups]
    width, height = sizes([each.value for each in said])
    polygons = sorted((each.polygon for each in kept(found)), key=lambda each: (each.points, each.label))
    return Merged(Polygons(width=width, height=height, polygons=tuple(polygons)), sureness(found, len(said)))


def likeness(one: Polygons, other: Polygons, schema: LabelSchema) -> float:  # noqa: ARG001
    """The overlap of matched outlines, summed, over the number of different ones. Labels must be the same to match."""
    if not one.polygons or not other.polygons:
        return float(not one.polygons and not other.polygons)
    near = overlaps([each.points for each in one.polygons], [each.points for each in other.polygons])
    near[np.array([[a.label != b.label for b in other.polygons] for a in one.polygons])] = 0.0
    return likeness_of(near)


def _shared(
    group: Sequence[int], drawn: Sequence[tuple[str, Polygon]], near: Floats, people: int, skills: Mapping[str, float]
) -> _Shared:
    among = near[np.ix_(group, group)].sum(axis=1)
    best = max(range(len(group)), key=lambda each: (round(float(among[each]), 9), drawn[group[each]][1].points))
    outline = drawn[group[best]][1]
    label, posterior = shared_label([(drawn[each][0], drawn[each][1].label) for each in group], skills, outline.points)
    return _Shared(Polygon(label=label, points=outline.points), posterior, existence(len(group), people))
