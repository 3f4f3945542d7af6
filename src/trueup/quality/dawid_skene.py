"""Dawid-Skene: annotators have confusion matrices, labels follow from them by expectation-maximisation.

A. P. Dawid and A. M. Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm",
Applied Statistics 28(1), 1979. The matrices have a Dirichlet prior that favours the diagonal (a MAP estimate),
because production starts with few answers and a maximum-likelihood fit of those believes anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from trueup.model import Annotation, AnnotatorSkill

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A new annotator is believed to be right 8 times in 10, as firmly as 5 answers per class would show.
PRIOR_SKILL = 0.8
PRIOR_STRENGTH = 5.0
_CLASS_PRIOR = 1.0
_ITERATIONS = 60
_CONVERGED = 1e-6
# Two-sided 90 % interval of a normal variable.
_Z90 = 1.6448536269514722


def posterior(
    labels: Sequence[tuple[str, str]], classes: Sequence[str], skills: Mapping[str, AnnotatorSkill]
) -> Floats:
    """Posterior of one sample's class, float64[k], with a uniform class prior: a rare class is no less likely
    among the samples that selection picked. Unknown annotators have the prior's confusion matrix."""
    position = {name: index for index, name in enumerate(classes)}
    unknown = _prior_matrix(len(classes))
    log_posterior = np.zeros(len(classes))
    for annotator, label in labels:
        matrix = _matrix(skills.get(annotator), classes, unknown)
        log_posterior += np.log(matrix[:, position[label]])
    weights = np.exp(log_posterior - log_posterior.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def fit(answers: Sequence[Annotation], classes: Sequence[str], project: str, at: datetime) -> list[AnnotatorSkill]:
    """Estimate every annotator's confusion matrix and skill from live answers, deterministically.

    The skill is the probability of a right answer over the fitted class frequencies; its interval is the
    normal approximation of the Beta posterior of (expected right answers, expected wrong answers).
    """
    if not answers:
        return []
    tasks = sorted({each.task_id for each in answers})
    people = sorted({each.annotator for each in answers})
    task_of = _index(tasks, [each.task_id for each in answers])
    person_of = _index(people, [each.annotator for each in answers])
    label_of = _index(list(classes), [each.label for each in answers])
    truth, confusion = _expectation_maximisation(task_of, person_of, label_of, len(tasks), len(people), len(classes))
    right = np.bincount(person_of, weights=truth[task_of, label_of], minlength=len(people))
    total = np.bincount(person_of, minlength=len(people)).astype(np.float64)
    return [
        _skill(name, right[index], total[index], confusion[index], classes, project, at)
        for index, name in enumerate(people)
    ]


def _expectation_maximisation(
    task_of: Ints, person_of: Ints, label_of: Ints, tasks: int, people: int, classes: int
) -> tuple[Floats, Floats]:
    """Returns truth float64[tasks, classes] and confusion float64[people, classes, classes]."""
    prior = _prior_matrix(classes) * PRIOR_STRENGTH
    truth = _vote_shares(task_of, label_of, tasks, classes)
    confusion = np.empty((people, classes, classes))
    for _ in range(_ITERATIONS):
        confusion = _maximise(truth, task_of, person_of, label_of, people, classes, prior)
        before, truth = truth, _expect(truth, confusion, task_of, person_of, label_of)
        if np.abs(truth - before).max() < _CONVERGED:
            break
    return truth, confusion


def _maximise(
    truth: Floats, task_of: Ints, person_of: Ints, label_of: Ints, people: int, classes: int, prior: Floats
) -> Floats:
    counts = np.zeros((people * classes, classes))
    np.add.at(counts, person_of * classes + label_of, truth[task_of])
    by_truth = counts.reshape(people, classes, classes).transpose(0, 2, 1) + prior
    return np.asarray(by_truth / by_truth.sum(axis=2, keepdims=True), dtype=np.float64)


def _expect(truth: Floats, confusion: Floats, task_of: Ints, person_of: Ints, label_of: Ints) -> Floats:
    frequencies = truth.sum(axis=0) + _CLASS_PRIOR
    log_truth = np.tile(np.log(frequencies / frequencies.sum()), (len(truth), 1))
    np.add.at(log_truth, task_of, np.log(confusion[person_of, :, label_of]))
    weights = np.exp(log_truth - log_truth.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


def _vote_shares(task_of: Ints, label_of: Ints, tasks: int, classes: int) -> Floats:
    votes = np.full((tasks, classes), 1e-3)
    np.add.at(votes, (task_of, label_of), 1.0)
    return np.asarray(votes / votes.sum(axis=1, keepdims=True), dtype=np.float64)


def _prior_matrix(classes: int) -> Floats:
    wrong = (1 - PRIOR_SKILL) / max(1, classes - 1)
    matrix = np.full((classes, classes), wrong)
    np.fill_diagonal(matrix, PRIOR_SKILL)
    return matrix


def _matrix(skill: AnnotatorSkill | None, classes: Sequence[str], unknown: Floats) -> Floats:
    """A skill fitted under another label schema says nothing about this one."""
    if skill is None or tuple(skill.classes) != tuple(classes):
        return unknown
    return np.asarray(skill.confusion, dtype=np.float64)


def _skill(
    name: str, right: float, total: float, confusion: Floats, classes: Sequence[str], project: str, at: datetime
) -> AnnotatorSkill:
    hits, misses = right + PRIOR_SKILL, total - right + (1 - PRIOR_SKILL)
    mean = hits / (hits + misses)
    spread = _Z90 * math.sqrt(mean * (1 - mean) / (hits + misses + 1))
    return AnnotatorSkill(
        project=project,
        annotator=name,
        skill=round(float(mean), 6),
        low=round(max(0.0, float(mean) - spread), 6),
        high=round(min(1.0, float(mean) + spread), 6),
        answers=int(total),
        classes=tuple(classes),
        confusion=tuple(tuple(round(float(cell), 6) for cell in row) for row in confusion),
        fitted_at=at,
    )


def _index(names: Sequence[str], values: Sequence[str]) -> Ints:
    position = {name: index for index, name in enumerate(names)}
    return np.fromiter((position[each] for each in values), dtype=np.int64, count=len(values))
