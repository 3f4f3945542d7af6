"""GLAD: annotators have an ability, samples a difficulty, and a right answer gets likelier with their product.

J. Whitehill, P. Ruvolo, T. Wu, J. Bergsma and J. Movellan, "Whose Vote Should Count More: Optimal Integration of Labels
from Labelers of Unknown Expertise", NIPS 2009. An annotator of ability a is right on a sample of ease b with
probability 1 / (1 + exp(-a b)); wrong answers are even over the classes. In the logarithm of the posterior an answer
then adds a b to its class and nothing to the others. Where the paper climbs gradients, abilities and the logarithms of
ease take Fisher scoring steps, each by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trueup.model import AnnotatorSkill
from trueup.quality.answers import Answers, Fit, Floats, softmax
from trueup.quality.skills import confusion_of, known_skill

# Normal priors of the ability and of the logarithm of ease, with a standard deviation of 1: a new annotator is right
# about 8 times in 10 on a sample of any ease.
_ABILITY = 1.6
_LOG_EASE = 0.0
_ITERATIONS = 60
_CONVERGED = 1e-3
_LONGEST_STEP = 1.0
_EASE_LIMIT = 3.0
_NODES = 11
_MOST_ABLE = 8.0


def posterior(
    labels: Sequence[tuple[str, str]],
    classes: Sequence[str],
    skills: Mapping[str, AnnotatorSkill],
    prediction: Floats | None = None,  # noqa: ARG001 - people alone decide
) -> Floats:
    """Posterior of one sample's class, float64[k]. The sample's ease is not known: all that the prior allows are
    weighed. An annotator's ability is the one that gives their skill over samples of any ease."""
    ease, log_weight = _eases()
    even = np.log(max(1, len(classes) - 1))
    position = {name: index for index, name in enumerate(classes)}
    logs = np.tile(log_weight[:, None], (1, len(classes)))
    for annotator, label in labels:
        odds = _ability(known_skill(skills, annotator, classes), ease) * ease
        logs -= np.logaddexp(0.0, odds)[:, None]
        logs[:, position[label]] += odds + even
    return softmax(np.logaddexp.reduce(logs, axis=0), axis=0)


def fit(answers: Answers) -> Fit:
    """Abilities, eases and labels in turn, until abilities and eases stay. An iteration costs O(answers)."""
    classes = len(answers.classes)
    ability = np.full(len(answers.annotators), _ABILITY)
    log_ease = np.full(len(answers.samples), _LOG_EASE)
    even = np.log(max(1, classes - 1))
    chances = softmax(answers.add_up())
    for _ in range(_ITERATIONS):
        right = chances[answers.sample_of, answers.label_of]
        before = ability, log_ease
        ability = ability + _step(answers, right, ability, log_ease, of_annotators=True)
        log_ease = log_ease + _step(answers, right, ability, log_ease, of_annotators=False)
        log_ease = np.clip(log_ease, _LOG_EASE - _EASE_LIMIT, _LOG_EASE + _EASE_LIMIT)
        odds = ability[answers.annotator_of] * np.exp(log_ease)[answers.sample_of]
        chances = softmax(answers.add_up(odds + even))
        moved = [np.abs(new - old).max(initial=0.0) for new, old in zip((ability, log_ease), before, strict=True)]
        if max(moved) < _CONVERGED:
            break
    return Fit(chances, confusion_of(answers, chances))


def _step(answers: Answers, right: Floats, ability: Floats, log_ease: Floats, *, of_annotators: bool) -> Floats:
    """One Fisher scoring step of all abilities, or of all logarithms of ease."""
    ease = np.exp(log_ease)[answers.sample_of]
    odds = ability[answers.annotator_of] * ease
    expected = _logistic(odds)
    slope = ease if of_annotators else odds
    owner = answers.annotator_of if of_annotators else answers.sample_of
    value, middle = (ability, _ABILITY) if of_annotators else (log_ease, _LOG_EASE)
    gradient = np.bincount(owner, (right - expected) * slope, minlength=len(value)) - (value - middle)
    information = np.bincount(owner, expected * (1 - expected) * slope**2, minlength=len(value)) + 1.0
    return np.clip(gradient / information, -_LONGEST_STEP, _LONGEST_STEP)


def _eases() -> tuple[Floats, Floats]:
    """Values of ease over its prior, and the logarithms of their weights: float64[nodes] each."""
    away = np.linspace(-2.5, 2.5, _NODES)
    weights = np.exp(-(away**2) / 2)
    return np.exp(_LOG_EASE + away), np.log(weights / weights.sum())


def _ability(skill: float, ease: Floats) -> float:
    """The ability that is right with the probability `skill` over all eases."""
    able = np.linspace(-_MOST_ABLE, _MOST_ABLE, 65)
    away = np.log(ease) - _LOG_EASE
    weights = np.exp(-(away**2) / 2)
    mean = _logistic(able[:, None] * ease) @ (weights / weights.sum())
    return float(np.interp(skill, mean, able))


def _logistic(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -500, 500))), dtype=np.float64)
