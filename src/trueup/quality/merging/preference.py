"""Which of two answers is better: three classes, whose reasons are each annotator's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from trueup.labels.values import Preference
from trueup.model import AnnotatorSkill, LabelSchema
from trueup.quality.merging import Merged, Said
from trueup.quality.methods import Method
from trueup.quality.ties import winner

PREFERRED: tuple[Literal["first", "second", "tie"], ...] = ("first", "second", "tie")


def merge(
    said: Sequence[Said],
    schema: LabelSchema,  # noqa: ARG001
    skills: Mapping[str, AnnotatorSkill],
    method: Method,
) -> Merged:
    votes = [(each.annotator, each.value.preferred) for each in said]
    chances = method.posterior(votes, PREFERRED, skills)
    best = winner(chances, PREFERRED, sorted(votes))
    return Merged(Preference(preferred=PREFERRED[best]), float(chances[best]))


def likeness(one: Preference, other: Preference, schema: LabelSchema) -> float:  # noqa: ARG001
    return float(one.preferred == other.preferred)
