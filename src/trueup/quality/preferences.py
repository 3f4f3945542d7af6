"""Preferences: how good each item is, from answers to "which of these two is better?".

Bradley-Terry: an item of score s beats one of score t with probability 1 / (1 + exp(t - s)) (R. A. Bradley and M. E.
Terry, "Rank Analysis of Incomplete Block Designs", Biometrika 39, 1952). Annotators say the contrary of what they see
with a probability of their own, as in Crowd-BT (X. Chen, P. N. Bennett, K. Collins-Thompson and E. Horvitz, "Pairwise
Ranking Aggregation in a Crowdsourced Setting", WSDM 2013). Scores have a wide normal prior, so that an item that won
everywhere has a finite one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trueup.quality.answers import Floats, Ints
from trueup.quality.skills import PRIOR_STRENGTH

_WIDTH = 3.0
_RELIABLE = 0.9
_ROUNDS = 50
_STEPS = 30
_CONVERGED = 1e-8


@dataclass(frozen=True)
class Comparisons:
    """n answers: item `winner` was preferred to item `loser` by `annotator_of`, intp[n] positions in `items` and
    `annotators`; `share` float64[n] is 1, or 0.5 for each half of a draw."""

    items: Sequence[str]
    annotators: Sequence[str]
    winner: Ints
    loser: Ints
    annotator_of: Ints
    share: Floats

    @classmethod
    def of(cls, answers: Iterable[tuple[str, str, str, str | None]]) -> Comparisons:
        """From (annotator, one item, other item, the preferred one or None for a draw). Raises ValueError where the
        preferred item is none of the two, or both are the same."""
        rows: list[tuple[str, str, str, float]] = []
        for annotator, one, other, preferred in sorted(answers, key=str):
            if one == other or preferred not in (one, other, None):
                raise ValueError(f"{preferred!r} is not one of two different items {one!r} and {other!r}")
            if preferred is None:
                rows += [(annotator, one, other, 0.5), (annotator, other, one, 0.5)]
            else:
                rows.append((annotator, preferred, other if preferred == one else one, 1.0))
        people, winners, losers, shares = zip(*rows, strict=True) if rows else ((), (), (), ())
        items, annotators = sorted({*winners, *losers}), sorted(set(people))
        return cls(
            items,
            annotators,
            _places(items, winners),
            _places(items, losers),
            _places(annotators, people),
            np.array(shares, dtype=np.float64),
        )


@dataclass(frozen=True)
class PreferenceFit:
    """`scores` float64[items], 0 in the mean, with their standard `errors`; `reliability` float64[annotators], the
    probability that an annotator says what they see."""

    scores: Floats
    errors: Floats
    reliability: Floats


def fit_preferences(answers: Comparisons, *, trust_all: bool = False) -> PreferenceFit:
    """Scores by Newton's method, O(items^3) a step; reliabilities by expectation-maximisation around it, unless all
    annotators are to be trusted alike."""
    scores = np.zeros(len(answers.items))
    people = len(answers.annotators)
    reliability = np.full(people, 1.0 if trust_all else _RELIABLE)
    total = np.bincount(answers.annotator_of, answers.share, minlength=people)
    for _ in range(1 if trust_all else _ROUNDS):
        before, meant = scores, _meant(answers, scores, reliability)
        scores = _scores(answers, meant, scores)
        if trust_all:
            break
        meant = _meant(answers, scores, reliability)
        honest = np.bincount(answers.annotator_of, answers.share * meant, minlength=people)
        reliability = (honest + _RELIABLE * PRIOR_STRENGTH) / (total + PRIOR_STRENGTH)
        if np.abs(scores - before).max(initial=0.0) < 1e3 * _CONVERGED:
            break
    errors = np.sqrt(np.diag(np.linalg.inv(_information(answers, scores)))) if len(scores) else scores
    return PreferenceFit(scores - (scores.mean() if len(scores) else 0.0), errors, reliability)


def judge_preference(
    first: float, second: float, given: Sequence[tuple[str, bool]], reliability: Mapping[str, float]
) -> float:
    """Probability that the first of two items is the better one: the scores of a fit tell how likely it was before,
    and (annotator, whether they preferred the first) pairs that came since move it, at the price of their number."""
    odds = first - second
    for annotator, preferred in given:
        honest = min(max(reliability.get(annotator, _RELIABLE), 0.01), 0.99)
        odds += np.log(honest / (1 - honest)) * (1 if preferred else -1)
    return float(_logistic(np.float64(odds)))


def _meant(answers: Comparisons, scores: Floats, reliability: Floats) -> Floats:
    """Of each answer the probability that it says what was seen, float64[n]."""
    chance = _logistic(scores[answers.winner] - scores[answers.loser])
    honest = reliability[answers.annotator_of]
    return np.asarray(honest * chance / (honest * chance + (1 - honest) * (1 - chance)), dtype=np.float64)


def _scores(answers: Comparisons, meant: Floats, scores: Floats) -> Floats:
    """The scores that answers support, each being meant with that probability, else meaning the contrary."""
    items = len(scores)
    for _ in range(_STEPS):
        chance = _logistic(scores[answers.winner] - scores[answers.loser])
        pull = answers.share * (meant - chance)
        gradient = np.bincount(answers.winner, pull, minlength=items) - np.bincount(
            answers.loser, pull, minlength=items
        )
        step = np.linalg.solve(_information(answers, scores), gradient - scores / _WIDTH**2)
        scores = scores + np.clip(step, -2, 2)
        if np.abs(step).max(initial=0.0) < _CONVERGED:
            break
    return scores


def _information(answers: Comparisons, scores: Floats) -> Floats:
    """Fisher information of the scores with the prior's, float64[items, items]."""
    items = len(scores)
    chance = _logistic(scores[answers.winner] - scores[answers.loser])
    weight = answers.share * chance * (1 - chance)
    between = np.bincount(answers.winner * items + answers.loser, weight, minlength=items**2).reshape(items, items)
    between = between + between.T
    return np.diag(between.sum(axis=1) + 1 / _WIDTH**2) - between


def _places(names: Sequence[str], values: Sequence[str]) -> Ints:
    place = {name: index for index, name in enumerate(names)}
    return np.array([place[each] for each in values], dtype=np.intp)


def _logistic(x: Floats | np.float64) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -500, 500))), dtype=np.float64)
