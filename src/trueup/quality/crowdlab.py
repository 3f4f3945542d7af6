"""CROWDLAB: the model's probabilities are one more voter; all voters are weighted by how much better they are than
always naming the commonest class.

H. W. Goh, U. Tkachenko and J. Mueller, "CROWDLAB: Supervised learning to infer consensus labels and quality scores for
data with multiple annotators", NeurIPS HILL workshop 2022. The posterior is a weighted mean, where other methods
multiply: it seldom exceeds the share of answers that are right, and a `consensus.target` must allow for that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trueup.model import AnnotatorSkill
from trueup.quality.answers import Answers, Fit, Floats
from trueup.quality.skills import PRIOR_SKILL, confusion_of, known_skill

_LEAST = 1e-6


@dataclass(frozen=True)
class Weights:
    """`likelihood`: how likely an answer is right, whoever gave it; `annotators` float64[annotators]; the `model`'s."""

    likelihood: float
    annotators: Floats
    model: float


def posterior(
    labels: Sequence[tuple[str, str]],
    classes: Sequence[str],
    skills: Mapping[str, AnnotatorSkill],
    prediction: Floats | None = None,
) -> Floats:
    """Posterior of one sample's class, float64[k]. The weights come from the annotators' skills, over a commonest class
    that is no commoner than the others; the model weighs as much as a new annotator does in the paper's formula."""
    commonest = 1 / max(2, len(classes))
    position = {name: index for index, name in enumerate(classes)}
    known = [known_skill(skills, annotator, classes) for annotator, _ in labels]
    likelihood = float(np.mean(known)) if known else PRIOR_SKILL
    votes = np.full(len(classes), _LEAST)
    for (_, label), skill in zip(labels, known, strict=True):
        votes[position[label]] += _weight(skill, commonest)
    model = _weight(PRIOR_SKILL, commonest) * np.sqrt(max(1, len(labels)))
    said = np.zeros((1, len(classes))) if prediction is None else prediction[None, :]
    weights = np.array([0.0 if prediction is None else model])
    return np.asarray(_mean(votes[None, :], likelihood, said, weights)[0], dtype=np.float64)


def fit(answers: Answers) -> Fit:
    """The weighted mean of all voters, from `answers.predictions` where there are any, else from people alone. Costs
    O(answers + samples x classes)."""
    votes = answers.add_up()
    found = weigh(answers, votes)
    weighted = answers.add_up(found.annotators[answers.annotator_of])
    said, there = _said(answers)
    chances = _mean(weighted, found.likelihood, said, found.model * there)
    return Fit(chances, confusion_of(answers, chances))


def weigh(answers: Answers, votes: Floats) -> Weights:
    """The voters' weights, from the samples with at least two answers; `votes` float64[samples, classes] counts
    them. Without such a sample every annotator weighs the same, and the model as one of them."""
    each = votes.sum(axis=1)
    several = each > 1
    if not several.any():
        return Weights(PRIOR_SKILL, np.ones(len(answers.annotators)), 1.0)
    said, there = _said(answers)
    majority = _majority(votes, said)
    likelihood = float((votes.max(axis=1) / np.maximum(each, 1))[several].mean())
    commonest = float(majority[several].mean(axis=0).max())
    judged = several & (there > 0)
    agreed = majority[np.arange(len(votes)), said.argmax(axis=1)]
    accuracy = float(agreed[judged].mean()) if judged.any() else 0.0
    return Weights(
        likelihood,
        _weight(_agreeing(answers, votes, each), commonest),
        float(_weight(accuracy, commonest) * np.sqrt(each.mean())),
    )


def _majority(votes: Floats, said: Floats) -> Floats:
    """How much of each sample's majority a class has, float64[samples, classes]: all of it, or a part where several
    have as many votes. Votes are whole numbers: what the model said only decides between equal ones."""
    decided = votes + 0.999 * said
    first = decided >= decided.max(axis=1, keepdims=True) - _LEAST
    return np.asarray(first / first.sum(axis=1, keepdims=True), dtype=np.float64)


def _agreeing(answers: Answers, votes: Floats, each: Floats) -> Floats:
    """How often an annotator says what others say of the same sample: float64[annotators]; of those who met nobody,
    as often as people do."""
    people = len(answers.annotators)
    same = np.bincount(answers.annotator_of, votes[answers.sample_of, answers.label_of] - 1, minlength=people)
    met = np.bincount(answers.annotator_of, each[answers.sample_of] - 1, minlength=people)
    return np.asarray(np.where(met > 0, same / np.maximum(met, 1), same.sum() / max(1.0, met.sum())), dtype=np.float64)


def _weight(accuracy: Floats | float, commonest: float) -> Floats:
    """1 for who is always right, and next to nothing for who is no better than naming the commonest class."""
    return np.maximum(1 - (1 - np.asarray(accuracy)) / max(1 - commonest, _LEAST), _LEAST)


def _mean(votes: Floats, likelihood: float, said: Floats, model: Floats) -> Floats:
    """The mean of the voters' distributions, float64[samples, classes], from weighted votes and the model's weight on
    each sample."""
    classes = votes.shape[1]
    rest = (1 - likelihood) / max(1, classes - 1)
    total = votes.sum(axis=1)
    summed = votes * (likelihood - rest) + total[:, None] * rest + model[:, None] * said
    return np.asarray(summed / summed.sum(axis=1, keepdims=True), dtype=np.float64)


def _said(answers: Answers) -> tuple[Floats, Floats]:
    """What the model said, with zeros where it said nothing, and 1.0 or 0.0 for whether it did."""
    if answers.predictions is None:
        return np.zeros((len(answers.samples), len(answers.classes))), np.zeros(len(answers.samples))
    there = np.asarray(np.isfinite(answers.predictions).all(axis=1))
    return np.where(there[:, None], answers.predictions, 0.0), there.astype(np.float64)
