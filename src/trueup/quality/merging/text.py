"""Free text: the one that is most like the others, as the shares of characters say that it has in common with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trueup.labels.values import Text
from trueup.model import AnnotatorSkill, LabelSchema
from trueup.quality.edits import edits
from trueup.quality.merging import Merged, Said
from trueup.quality.merging.shared import trust
from trueup.quality.methods import Method


def merge(
    said: Sequence[Said],
    schema: LabelSchema,
    skills: Mapping[str, AnnotatorSkill],
    method: Method,  # noqa: ARG001 - texts are compared, not classified
) -> Merged:
    """How sure it is: the share of its characters that others wrote too, in the mean, each by their skill."""
    skill = trust(said, skills)
    if len(said) == 1:
        return Merged(said[0].value, skill[said[0].annotator])
    ranked = [(_support(each, said, skill, schema), skill[each.annotator], each.value.text) for each in said]
    support, _, best = max(ranked)
    return Merged(Text(text=best), support)


def likeness(one: Text, other: Text, schema: LabelSchema) -> float:  # noqa: ARG001
    """One less the edits over the length of the longer; how words are spaced does not count."""
    first, second = (" ".join(each.text.split()) for each in (one, other))
    return 1 - edits(first, second) / max(len(first), len(second), 1)


def _support(one: Said, said: Sequence[Said], skill: Mapping[str, float], schema: LabelSchema) -> float:
    others = [each for each in said if each is not one]
    shares = sum(skill[each.annotator] * likeness(one.value, each.value, schema) for each in others)
    return shares / sum(skill[each.annotator] for each in others)
