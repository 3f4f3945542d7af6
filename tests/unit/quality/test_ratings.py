"""Ratings: strict and careless annotators, and wild numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.quality.ratings import Ratings, fit_ratings, judge_rating, trimmed_mean


def crowd(seed: int, wild: float = 0.0) -> tuple[Ratings, Any, Any, Any]:
    """400 samples x 4 of 12 annotators; true values, biases and spreads."""
    rng = np.random.default_rng(seed)
    truth, bias, spread = rng.normal(3, 1, 400), rng.normal(0, 0.7, 12), rng.uniform(0.2, 0.8, 12)
    bias -= bias.mean()
    triples = []
    for sample in range(400):
        for person in rng.choice(12, 4, replace=False):
            value = truth[sample] + bias[person] + rng.normal(0, spread[person])
            value = rng.uniform(-30, 30) if rng.random() < wild else value
            triples.append((f"s{sample:03d}", f"a{person:02d}", float(value)))
    return Ratings.of(triples), truth, bias, spread


def off(found: Any, truth: Any) -> float:
    return float(np.sqrt(np.mean((found - truth) ** 2)))


def test_biases_and_spreads_are_found_and_values_are_better_than_means() -> None:
    ratings, truth, bias, spread = crowd(1)
    fit = fit_ratings(ratings)
    means = np.bincount(ratings.sample_of, ratings.values) / np.bincount(ratings.sample_of)
    assert fit.bias == pytest.approx(bias, abs=0.15)
    assert np.corrcoef(fit.spread, spread)[0, 1] > 0.9
    assert off(fit.values, truth) < 0.6 * off(means, truth)


def test_wild_ratings_hardly_matter() -> None:
    ratings, truth, *_ = crowd(2, wild=0.05)
    fit = fit_ratings(ratings)
    means = np.bincount(ratings.sample_of, ratings.values) / np.bincount(ratings.sample_of)
    assert off(fit.values, truth) < 0.4 * off(means, truth)


@pytest.mark.slow
def test_standard_errors_cover_as_often_as_they_say() -> None:
    inside = []
    for seed in range(5):
        ratings, truth, *_ = crowd(10 + seed)
        fit = fit_ratings(ratings)
        inside.append(np.abs(fit.values - truth) < 1.645 * fit.errors)
    assert 0.84 < np.mean(inside) < 0.96


def test_one_sample_is_judged_as_the_fit_would() -> None:
    ratings, *_ = crowd(3)
    fit = fit_ratings(ratings)
    bias = dict(zip(ratings.annotators, fit.bias, strict=True))
    spread = dict(zip(ratings.annotators, fit.spread, strict=True))
    for sample in range(0, 400, 40):
        rows = np.flatnonzero(ratings.sample_of == sample)
        given = [(ratings.annotators[ratings.annotator_of[row]], float(ratings.values[row])) for row in rows]
        value, error = judge_rating(given, bias, spread)
        assert value == pytest.approx(fit.values[sample], abs=0.05)
        assert error == pytest.approx(fit.errors[sample], rel=0.15)
    with pytest.raises(ValueError, match="at least one"):
        judge_rating([], bias, spread)


@pytest.mark.slow
@given(
    st.dictionaries(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), st.integers(1, 5), min_size=2),
    st.integers(-3, 3),
    st.randoms(),
)
@settings(max_examples=50, deadline=None)
def test_neither_order_nor_the_zero_of_the_scale_matters(found: Any, shift: int, random: Any) -> None:
    triples = [(sample, annotator, float(value)) for (sample, annotator), value in found.items()]
    fit = fit_ratings(Ratings.of(triples))
    random.shuffle(triples)
    moved = fit_ratings(Ratings.of([(sample, annotator, value + shift) for sample, annotator, value in triples]))
    assert moved.values == pytest.approx(fit.values + shift, abs=1e-4)
    assert (fit.errors > 0).all()
    assert fit.bias.mean() == pytest.approx(0, abs=1e-9)


def test_perfect_agreement_and_wrong_numbers() -> None:
    fit = fit_ratings(Ratings.of([("a", "x", 2.0), ("a", "y", 2.0), ("b", "x", 5.0), ("b", "y", 5.0)]))
    assert fit.values.tolist() == [2.0, 5.0]
    with pytest.raises(ValueError, match="finite"):
        Ratings.of([("a", "x", float("nan"))])
    assert trimmed_mean([1, 2, 3, 4, 100]) == pytest.approx(3)
    assert np.isnan(trimmed_mean([]))
