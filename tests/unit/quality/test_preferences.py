"""Preferences: scores out of comparisons, and annotators who say the contrary."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from trueup.quality.preferences import Comparisons, fit_preferences, judge_preference


def crowd(seed: int, flipped: float = 0.0) -> tuple[Comparisons, Any]:
    """3,000 comparisons of 20 items by 10 annotators, the last two of whom turn answers round so often."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.2, 20)
    answers = []
    for _ in range(3000):
        one, other = rng.choice(20, 2, replace=False)
        person = int(rng.integers(10))
        first = rng.random() < 1 / (1 + np.exp(scores[other] - scores[one]))
        first ^= person >= 8 and rng.random() < flipped
        answers.append((f"a{person}", f"i{one:02d}", f"i{other:02d}", f"i{one if first else other:02d}"))
    return Comparisons.of(answers), scores - scores.mean()


def test_two_items_by_hand() -> None:
    answers = [("ada", "x", "y", "x")] * 3000 + [("ada", "x", "y", "y")] * 1000
    fit = fit_preferences(Comparisons.of(answers), trust_all=True)
    assert fit.scores[0] - fit.scores[1] == pytest.approx(math.log(3), abs=0.001)
    assert fit.scores.sum() == pytest.approx(0)


@pytest.mark.slow
def test_scores_are_found_with_errors_that_cover() -> None:
    inside = []
    for seed in range(5):
        answers, scores = crowd(seed)
        fit = fit_preferences(answers, trust_all=True)
        assert np.corrcoef(fit.scores, scores)[0, 1] > 0.98
        # The errors are of scores over the prior's zero; of scores over the mean they are smaller.
        inside.append(np.abs(fit.scores - scores) < 1.645 * fit.errors)
    assert np.mean(inside) > 0.85


def test_who_says_the_contrary_is_found_and_discounted() -> None:
    answers, scores = crowd(7, flipped=0.9)
    fit, naive = fit_preferences(answers), fit_preferences(answers, trust_all=True)
    assert fit.reliability[:8].min() > 0.8
    assert fit.reliability[8:].max() < 0.35
    assert np.abs(fit.scores - scores).mean() < np.abs(naive.scores - scores).mean()


def test_who_wins_everything_has_a_finite_score() -> None:
    fit = fit_preferences(Comparisons.of([("ada", "x", "y", "x"), ("ben", "x", "y", "x")]))
    assert 0 < fit.scores[0] < 5
    assert (fit.errors > 0.5).all()


def test_a_draw_is_half_for_each_and_order_does_not_matter() -> None:
    answers = [("ada", "x", "y", None), ("ben", "y", "x", None), ("ben", "x", "z", "z")]
    fit = fit_preferences(Comparisons.of(answers))
    assert fit.scores[2] > fit.scores[1] > fit.scores[0]
    turned = fit_preferences(Comparisons.of([(who, other, one, won) for who, one, other, won in reversed(answers)]))
    assert turned.scores == pytest.approx(fit.scores)
    with pytest.raises(ValueError, match="not one of two"):
        Comparisons.of([("ada", "x", "y", "z")])
    assert fit_preferences(Comparisons.of([])).scores.shape == (0,)


def test_a_new_answer_moves_a_pair() -> None:
    before = judge_preference(0.5, 0.0, [], {})
    assert before == pytest.approx(1 / (1 + math.exp(-0.5)))
    assert judge_preference(0.5, 0.0, [("ada", True)], {"ada": 0.95}) > judge_preference(0.5, 0.0, [("ben", True)], {})
    assert judge_preference(0.5, 0.0, [("ada", True), ("ada", False)], {}) == pytest.approx(before)
