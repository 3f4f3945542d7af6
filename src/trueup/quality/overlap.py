"""What one more answer is worth: how much likelier a label is to be right after it than now."""

from __future__ import annotations

from collections.abc import Iterable
from math import comb

import numpy as np

from trueup.model import AnnotatorSkill
from trueup.quality.answers import Floats
from trueup.quality.skills import PRIOR_SKILL

_LOWEST_SKILL, _HIGHEST_SKILL = 0.5, 0.99


def gain(posterior: Floats, skill: float, remaining: int) -> float:
    """Expected rise, for each further answer, of the probability that the likeliest class is the true one: the best
    over asking up to `remaining` people who are right with probability `skill`.

    One answer alone may never turn a label and still lead to the one that does; so the whole way is looked at, between
    the two likeliest classes of `posterior` float64[k]. 0.0 where nobody is left to ask or there is one class.
    """
    if remaining < 1 or len(posterior) < 2:
        return 0.0
    second, first = (float(each) for each in np.sort(posterior)[-2:])
    return max((_after(first, second, skill, answers) - first) / answers for answers in range(1, remaining + 1))


def usual_skill(skills: Iterable[AnnotatorSkill]) -> float:
    """What to expect of whoever takes the next task: the mean skill, each annotator counting by their answers."""
    known = [(each.skill, each.answers) for each in skills]
    answers = sum(number for _, number in known)
    mean = sum(skill * number for skill, number in known) / answers if answers else PRIOR_SKILL
    return min(max(mean, _LOWEST_SKILL), _HIGHEST_SKILL)


def _after(first: float, second: float, skill: float, answers: int) -> float:
    """Expected probability of the likelier of two classes after so many answers."""
    return sum(
        comb(answers, votes)
        * max(
            first * skill**votes * (1 - skill) ** (answers - votes),
            second * (1 - skill) ** votes * skill ** (answers - votes),
        )
        for votes in range(answers + 1)
    )
