"""Dawid-Skene: annotators have confusion matrices, labels follow from them by expectation-maximisation.

A. P. Dawid and A. M. Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm",
Applied Statistics 28(1), 1979. Production starts with few answers, and a maximum-likelihood fit of those believes
anything; so each row of a matrix borrows from the annotator's other rows, as in the hierarchical model of Paun et al.,
Comparing Bayesian Models of Annotation (TACL 6, 2018): how often a class is named rightly has a beta prior about the
annotator's skill over all classes, and how wrong answers are spread a flat Dirichlet one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trueup.model import AnnotatorSkill
from trueup.quality.answers import Answers, Fit, Floats, Ints, softmax
from trueup.quality.skills import known_matrix

_CLASS_PRIOR = 1.0
# An annotator's skill before any answer, as firm as so many answers. Lower than what is expected of a new one: answers
# that nobody answered beside confirm themselves, and a skill believed too high ends asking too early.
_SKILL, _SKILL_ANSWERS = 0.7, 10.0
# How firmly each class keeps to the annotator's skill, and wrong answers to being spread evenly, in answers.
_ROW_ANSWERS, _WRONG_ANSWERS = 15.0, 0.7
_ITERATIONS = 60
_CONVERGED = 1e-4
_SHORTEST_SLOT = 64
# Of the first guess: what a class has that nobody named.
_UNNAMED = 1e-3


def posterior(
    labels: Sequence[tuple[str, str]],
    classes: Sequence[str],
    skills: Mapping[str, AnnotatorSkill],
    prediction: Floats | None = None,  # noqa: ARG001 - people alone decide
) -> Floats:
    """Posterior of one sample's class, float64[k], with a uniform class prior: a rare class is no less likely
    among the samples that selection picked. Unknown annotators have the prior's confusion matrix."""
    position = {name: index for index, name in enumerate(classes)}
    logs = np.zeros(len(classes))
    for annotator, label in labels:
        logs += np.log(known_matrix(skills, annotator, classes)[:, position[label]])
    return softmax(logs, axis=0)


def fit(answers: Answers) -> Fit:
    """Estimate truth and every annotator's confusion matrix from all answers, deterministically.

    An iteration costs O(answers x classes); beside the answers it holds two tables of samples x classes.
    """
    people, classes = len(answers.annotators), len(answers.classes)
    if not len(answers):
        return Fit(np.zeros((0, classes)), np.zeros((0, classes, classes)))
    slots = _Slots.of(answers)
    truth = _vote_shares(answers)[slots.order].T.copy()
    confusion = np.zeros((classes, people, classes))
    for _ in range(_ITERATIONS):
        before, confusion = confusion, _maximise(truth, slots, people)
        truth = _expect(truth, confusion, slots)
        if np.abs(confusion - before).max() < _CONVERGED:
            break
    found = np.empty((len(answers.samples), classes))
    found[slots.order] = truth.T
    return Fit(found, confusion.transpose(1, 0, 2))


@dataclass(frozen=True)
class _Slots:
    """The answers as jagged diagonals: slot j has the (j+1)th answer of each sample that has so many, samples by
    falling number of answers (`order`). So a slot meets the first rows of every table, and nothing is looked up but
    what an annotator's answer says. A code is annotator * classes + label. `rest` are the last answers of the few
    samples that have very many: the sample's place in `order`, and the code."""

    order: Ints
    codes: Sequence[Ints]
    rest: tuple[Ints, Ints]

    @classmethod
    def of(cls, answers: Answers) -> _Slots:
        codes = answers.annotator_of * len(answers.classes) + answers.label_of
        counts = answers.counts
        order = np.argsort(-counts, kind="stable")
        falling = counts[order]
        starts = (np.cumsum(counts) - counts)[order]
        shortest = max(_SHORTEST_SLOT, len(answers.annotators) * len(answers.classes))
        slots: list[Ints] = []
        while (longer := int((falling > len(slots)).sum())) >= shortest:
            slots.append(codes[starts[:longer] + len(slots)])
        left = np.maximum(falling - len(slots), 0)
        place = np.repeat(np.arange(len(order)), left)
        within = np.arange(len(place)) - np.repeat(np.cumsum(left) - left, left)
        return cls(order, slots, (place, codes[starts[place] + len(slots) + within]))


def _maximise(truth: Floats, slots: _Slots, people: int) -> Floats:
    """Confusion float64[true, annotators, answered] from truth float64[classes, samples]."""
    classes = len(truth)
    place, code = slots.rest
    counts = np.zeros((classes, people * classes))
    for row, chances in zip(counts, truth, strict=True):
        for codes in slots.codes:
            row += np.bincount(codes, chances[: len(codes)], minlength=people * classes)
        if len(code):
            row += np.bincount(code, chances[place], minlength=people * classes)
    return _believed(counts.reshape(classes, people, classes))


def _believed(counts: Floats) -> Floats:
    """Confusion from how often each class was answered, both float64[true, annotators, answered]."""
    each = np.arange(len(counts))
    named = counts.sum(axis=2)
    right = counts[each, :, each]
    skill = (right.sum(axis=0) + _SKILL * _SKILL_ANSWERS) / (named.sum(axis=0) + _SKILL_ANSWERS)
    rightly = (right + skill * _ROW_ANSWERS) / (named + _ROW_ANSWERS) if len(counts) > 1 else np.ones_like(right)
    spread = counts + _WRONG_ANSWERS
    spread[each, :, each] = 0.0
    wrong = np.maximum(spread.sum(axis=2), _WRONG_ANSWERS)
    spread *= ((1.0 - rightly) / wrong)[:, :, None]
    spread[each, :, each] = rightly
    return spread


def _expect(truth: Floats, confusion: Floats, slots: _Slots) -> Floats:
    """Truth float64[classes, samples], given the confusion and how frequent the classes were."""
    frequencies = truth.sum(axis=1) + _CLASS_PRIOR
    logs = np.log(confusion).reshape(len(truth), -1)
    log_truth = np.repeat(np.log(frequencies / frequencies.sum())[:, None], truth.shape[1], axis=1)
    place, code = slots.rest
    for row, table in zip(log_truth, logs, strict=True):
        for codes in slots.codes:
            row[: len(codes)] += table.take(codes)
        if len(code):
            added = np.bincount(place, table[code])
            row[: len(added)] += added
    return softmax(log_truth, axis=0)


def _vote_shares(answers: Answers) -> Floats:
    votes = answers.add_up() + _UNNAMED
    return np.asarray(votes / votes.sum(axis=1, keepdims=True), dtype=np.float64)
