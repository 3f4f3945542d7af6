"""Weighted majority: a vote counts by the log-odds of its annotator's skill, which is the best weight there is.

S. Nitzan and J. Paroush, "Optimal Decision Rules in Uncertain Dichotomous Choice Situations", International Economic
Review 23(2), 1982. Skills and labels are fitted in turn, as in ZenCrowd (Demartini, Difallah and Cudre-Mauroux, WWW
2012): one number for an annotator, where Dawid-Skene has a matrix; it needs fewer answers, and sees no confusions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trueup.model import AnnotatorSkill
from trueup.quality.answers import Answers, Fit, Floats, softmax
from trueup.quality.skills import PRIOR_SKILL, PRIOR_STRENGTH, confusion_of, known_skill, right_answers

_ITERATIONS = 100
_CONVERGED = 1e-5


def posterior(
    labels: Sequence[tuple[str, str]],
    classes: Sequence[str],
    skills: Mapping[str, AnnotatorSkill],
    prediction: Floats | None = None,  # noqa: ARG001 - people alone decide
) -> Floats:
    """Posterior of one sample's class, float64[k], given the annotators' skills; a new one has the prior's."""
    position = {name: index for index, name in enumerate(classes)}
    logs = np.zeros(len(classes))
    for annotator, label in labels:
        logs[position[label]] += _weights(np.float64(known_skill(skills, annotator, classes)), len(classes))
    return softmax(logs, axis=0)


def fit(answers: Answers) -> Fit:
    """Labels from skills and skills from labels, until the skills stay. Wrong answers are even over the classes."""
    classes = len(answers.classes)
    skill = np.full(len(answers.annotators), PRIOR_SKILL)
    chances = softmax(answers.add_up())
    for _ in range(_ITERATIONS):
        before, chances = skill, softmax(answers.add_up(_weights(skill, classes)[answers.annotator_of]))
        right, total = right_answers(answers, chances)
        skill = (right + PRIOR_SKILL * PRIOR_STRENGTH) / (total + PRIOR_STRENGTH)
        if np.abs(skill - before).max(initial=0.0) < _CONVERGED:
            break
    return Fit(chances, confusion_of(answers, chances))


def _weights(skill: Floats | np.float64, classes: int) -> Floats:
    return np.asarray(np.log(skill / (1 - skill)) + np.log(max(1, classes - 1)), dtype=np.float64)
