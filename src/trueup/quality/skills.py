"""How far each annotator is to be trusted, given what consensus believes of the samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from trueup.model import AnnotatorSkill
from trueup.quality.answers import Answers, Fit, Floats
from trueup.quality.intervals import wilson

# A new annotator is believed to be right 8 times in 10, as firmly as 5 answers per class would show.
PRIOR_SKILL = 0.8
PRIOR_STRENGTH = 5.0
# No skill is so high or so low that one answer alone would settle a label.
_CEILING = 0.99


@dataclass(frozen=True)
class Skill:
    """Probability of a right answer over the classes as they come, with a 90 % interval, from so many answers."""

    annotator: str
    skill: float
    low: float
    high: float
    answers: int


def prior_matrix(classes: int) -> Floats:
    """What is believed of a new annotator: float64[classes (true), classes (answered)]."""
    wrong = (1 - PRIOR_SKILL) / max(1, classes - 1)
    matrix = np.full((classes, classes), wrong)
    np.fill_diagonal(matrix, PRIOR_SKILL if classes > 1 else 1.0)
    return matrix


def confusion_of(answers: Answers, posterior: Floats) -> Floats:
    """Confusion matrices that the posterior makes likeliest under the prior, [annotators, true, answered]."""
    people, classes = len(answers.annotators), len(answers.classes)
    cells = answers.annotator_of * classes + answers.label_of
    counts = [np.bincount(cells, each[answers.sample_of], minlength=people * classes) for each in posterior.T]
    by_truth = np.stack(counts).reshape(classes, people, classes).transpose(1, 0, 2)
    believed = by_truth + prior_matrix(classes) * PRIOR_STRENGTH
    return np.asarray(believed / believed.sum(axis=2, keepdims=True), dtype=np.float64)


def right_answers(answers: Answers, posterior: Floats) -> tuple[Floats, Floats]:
    """Of each annotator the expected number of right answers, and the number of answers: float64[annotators]."""
    people = len(answers.annotators)
    chances = posterior[answers.sample_of, answers.label_of]
    right: Floats = np.bincount(answers.annotator_of, chances, minlength=people).astype(np.float64, copy=False)
    return right, np.bincount(answers.annotator_of, minlength=people).astype(np.float64)


def skills_of(answers: Answers, fit: Fit) -> list[Skill]:
    """Every annotator's skill, by name. One answer at the prior's skill is added to theirs; the interval is Wilson's
    of the expected right answers."""
    right, total = right_answers(answers, fit.posterior)
    return [skill_from(name, float(right[index]), float(total[index])) for index, name in enumerate(answers.annotators)]


def records_of(answers: Answers, fit: Fit, project: str, at: datetime) -> list[AnnotatorSkill]:
    """The same as records, with the confusion matrices that judge the next answers."""
    return [
        AnnotatorSkill(
            project=project,
            annotator=each.annotator,
            skill=round(each.skill, 6),
            low=round(each.low, 6),
            high=round(each.high, 6),
            answers=each.answers,
            classes=tuple(answers.classes),
            confusion=tuple(tuple(round(float(cell), 6) for cell in row) for row in matrix),
            fitted_at=at,
        )
        for each, matrix in zip(skills_of(answers, fit), fit.confusion, strict=True)
    ]


def known_skill(skills: Mapping[str, AnnotatorSkill], annotator: str, classes: Sequence[str]) -> float:
    """The skill of an annotator, or the prior's, kept away from 0 and 1. A skill fitted under another label schema
    says nothing about this one."""
    known = skills.get(annotator)
    skill = known.skill if known and tuple(known.classes) == tuple(classes) else PRIOR_SKILL
    return min(max(skill, 1 - _CEILING), _CEILING)


def known_matrix(skills: Mapping[str, AnnotatorSkill], annotator: str, classes: Sequence[str]) -> Floats:
    """The confusion matrix of an annotator, or the prior's."""
    known = skills.get(annotator)
    if known is None or tuple(known.classes) != tuple(classes):
        return prior_matrix(len(classes))
    return np.asarray(known.confusion, dtype=np.float64)


def skill_from(name: str, right: float, total: float) -> Skill:
    """Of so many answers the (expected) number of right ones; one at the prior's skill is added."""
    low, high = wilson(right + PRIOR_SKILL, total + 1)
    return Skill(name, (right + PRIOR_SKILL) / (total + 1), low, high, int(total))
