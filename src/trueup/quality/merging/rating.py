"""Ratings: the robust mean (trueup.quality.ratings), and how likely the truth is nearest to the same whole number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist

from trueup.labels.values import Rating
from trueup.model import AnnotatorSkill, LabelSchema
from trueup.quality.merging import Merged, Said
from trueup.quality.methods import Method
from trueup.quality.ratings import judge_rating

# People rate by an error of this share of the scale, until their own is known: 0.6 of five steps.
_USUAL = 0.15
_LEAST = 0.05
# The standard deviation of normal errors over their mean size.
_SPREAD = 1.2533


def merge(
    said: Sequence[Said],
    schema: LabelSchema,
    skills: Mapping[str, AnnotatorSkill],
    method: Method,  # noqa: ARG001 - ratings are averaged, not classified
) -> Merged:
    scale = schema.scale
    given = [(each.annotator, float(each.value.rating)) for each in sorted(said, key=lambda each: each.annotator)]
    spread = {annotator: _spread(skills.get(annotator)) * (scale.high - scale.low) for annotator, _ in given}
    value, error = judge_rating(given, {}, spread)
    rounded = min(max(round(value), scale.low), scale.high)
    around = NormalDist(value, error)
    return Merged(Rating(rating=rounded), around.cdf(rounded + 0.5) - around.cdf(rounded - 0.5))


def likeness(one: Rating, other: Rating, schema: LabelSchema) -> float:
    """One less the distance over the length of the scale."""
    return 1 - abs(one.rating - other.rating) / (schema.scale.high - schema.scale.low)


def _spread(known: AnnotatorSkill | None) -> float:
    """An annotator's standard deviation as a share of the scale."""
    if known is None or known.classes:
        return _USUAL
    return max(_LEAST, _SPREAD * (1 - known.skill))
