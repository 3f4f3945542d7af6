"""Who answers carelessly."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from trueup.model import AnnotatorSkill

MIN_ANSWERS = 10


def careless(skills: Sequence[AnnotatorSkill], tolerance: float = 0.1) -> list[AnnotatorSkill]:
    """Annotators who are surely worse than the crowd: the upper bound of their skill lies more than `tolerance`
    below the median skill. Nobody is judged on fewer than MIN_ANSWERS answers. Worst first."""
    judged = [each for each in skills if each.answers >= MIN_ANSWERS]
    if not judged:
        return []
    floor = median(each.skill for each in judged) - tolerance
    return sorted((each for each in judged if each.high < floor), key=lambda each: each.skill)
