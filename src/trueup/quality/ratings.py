"""Ratings: the true value of a sample from numbers that people gave it, some of whom are stricter, some careless.

A rating is the sample's value plus the annotator's bias plus an error whose size is the annotator's own. Values and
biases are estimated in turn with Huber's weights (P. J. Huber, "Robust Estimation of a Location Parameter", Annals of
Mathematical Statistics 35, 1964), so that a wild rating counts as one that is wrong by a little more than usual.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trueup.quality.answers import Floats, Ints

# Beyond so many standard deviations a rating's pull no longer grows: 95 % as efficient as the mean on normal errors.
_HUBER = 1.345
# A new annotator's error is believed to be the crowd's, as firmly as so many ratings would show.
_STRENGTH = 5.0
_ITERATIONS = 100
_CONVERGED = 1e-6
_NORMAL_MAD = 1.4826


@dataclass(frozen=True)
class Ratings:
    """n ratings as columns: `sample_of` and `annotator_of` intp[n], `values` float64[n]."""

    samples: Sequence[str]
    annotators: Sequence[str]
    sample_of: Ints
    annotator_of: Ints
    values: Floats

    @classmethod
    def of(cls, triples: Iterable[tuple[str, str, float]]) -> Ratings:
        """From (sample, annotator, value). Raises ValueError for a value that is not finite."""
        rows = sorted(triples)
        values = np.array([value for *_, value in rows], dtype=np.float64)
        if not np.isfinite(values).all():
            raise ValueError("a rating must be a finite number")
        samples = sorted({sample for sample, *_ in rows})
        annotators = sorted({annotator for _, annotator, _ in rows})
        sample_of = np.searchsorted(np.array(samples), np.array([sample for sample, *_ in rows]))
        annotator_of = np.searchsorted(np.array(annotators), np.array([annotator for _, annotator, _ in rows]))
        return cls(samples, annotators, sample_of, annotator_of, values)


@dataclass(frozen=True)
class RatingFit:
    """`values` float64[samples] with their standard `errors`; of each annotator the `bias`, which is 0 in the mean,
    and the `spread`, the standard deviation of their errors: float64[annotators]."""

    values: Floats
    errors: Floats
    bias: Floats
    spread: Floats


def fit_ratings(ratings: Ratings) -> RatingFit:
    """Values, biases and spreads in turn, until the values stay. An iteration costs O(ratings).

    Biases are drawn to 0 as far as the data do not tell them apart from the values.
    """
    people, samples = len(ratings.annotators), len(ratings.samples)
    bias = np.zeros(people)
    values = _medians(ratings)
    crowd = _scale(ratings.values - values[ratings.sample_of])
    spread = np.full(people, crowd)
    for _ in range(_ITERATIONS):
        weights = _weights(_residuals(ratings, values, bias), spread[ratings.annotator_of])
        bias = _shrunk_mean(ratings.annotator_of, ratings.values - values[ratings.sample_of], weights, people, crowd)
        bias -= bias.mean() if people else 0.0
        before, total = values, np.bincount(ratings.sample_of, weights, minlength=samples)
        unbiased = ratings.values - bias[ratings.annotator_of]
        values = np.bincount(ratings.sample_of, weights * unbiased, minlength=samples) / total
        residuals = _residuals(ratings, values, bias)
        spread = _spreads(ratings, residuals, weights, crowd)
        if np.abs(values - before).max(initial=0.0) <= _CONVERGED * crowd:
            break
    weights = _weights(_residuals(ratings, values, bias), spread[ratings.annotator_of])
    errors = 1 / np.sqrt(np.bincount(ratings.sample_of, weights, minlength=samples))
    return RatingFit(values, errors, bias, spread)


def judge_rating(
    given: Sequence[tuple[str, float]], bias: Mapping[str, float], spread: Mapping[str, float]
) -> tuple[float, float]:
    """Value and standard error of one sample from (annotator, rating) pairs, by what a fit knew of the annotators: at
    the price of its ratings. A new annotator has no bias and the usual spread. Raises ValueError without a rating."""
    if not given:
        raise ValueError("a value takes at least one rating")
    usual = float(np.median(list(spread.values()))) if spread else 1.0
    each = np.array([value - bias.get(annotator, 0.0) for annotator, value in given])
    spreads = np.array([spread.get(annotator, usual) for annotator, _ in given])
    value = float(np.median(each))
    for _ in range(_ITERATIONS):
        weights = _weights(each - value, spreads)
        before, value = value, float((weights * each).sum() / weights.sum())
        if abs(value - before) <= _CONVERGED * usual:
            break
    return value, float(1 / np.sqrt(_weights(each - value, spreads).sum()))


def trimmed_mean(values: Sequence[float], share: float = 0.2) -> float:
    """The mean without the lowest and the highest `share` of the values, rounded down; NaN of none (J. W. Tukey and
    D. H. McLaughlin, Sankhya A 25, 1963)."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    cut = int(share * len(ordered))
    kept = ordered[cut : len(ordered) - cut]
    return float(kept.mean()) if len(kept) else float("nan")


def _residuals(ratings: Ratings, values: Floats, bias: Floats) -> Floats:
    return np.asarray(ratings.values - values[ratings.sample_of] - bias[ratings.annotator_of], dtype=np.float64)


def _weights(residuals: Floats, spread: Floats) -> Floats:
    """Inverse variances, less for ratings that lie far off."""
    away = np.abs(residuals) / spread
    return np.asarray(np.minimum(1.0, _HUBER / np.maximum(away, _HUBER)) / spread**2, dtype=np.float64)


def _shrunk_mean(owner: Ints, values: Floats, weights: Floats, owners: int, scale: float) -> Floats:
    total = np.bincount(owner, weights, minlength=owners) + 1 / scale**2
    return np.asarray(np.bincount(owner, weights * values, minlength=owners) / total, dtype=np.float64)


def _spreads(ratings: Ratings, residuals: Floats, weights: Floats, crowd: float) -> Floats:
    """Each annotator's, drawn to the crowd's, from squares that are cut off as the weights are. A sample's value
    follows its own ratings, the more the heavier one is: a residual is smaller than the error by the rating's part of
    the weight, and tells nothing where it is the only one."""
    people, samples = len(ratings.annotators), len(ratings.samples)
    part = weights / np.bincount(ratings.sample_of, weights, minlength=samples)[ratings.sample_of]
    told = part < 1 - _CONVERGED
    squares = np.where(told, np.minimum(np.abs(residuals), 3 * crowd) ** 2 / np.maximum(1 - part, _CONVERGED), 0.0)
    summed = np.bincount(ratings.annotator_of, squares, minlength=people) + _STRENGTH * crowd**2
    return np.asarray(np.sqrt(summed / (np.bincount(ratings.annotator_of, told, minlength=people) + _STRENGTH)))


def _medians(ratings: Ratings) -> Floats:
    order = np.lexsort((ratings.values, ratings.sample_of))
    counts = np.bincount(ratings.sample_of, minlength=len(ratings.samples))
    starts = np.cumsum(counts) - counts
    ordered = ratings.values[order]
    low, high = ordered[starts + (counts - 1) // 2], ordered[starts + counts // 2]
    return np.asarray((low + high) / 2, dtype=np.float64)


def _scale(residuals: Floats) -> float:
    """The usual size of errors, robust; 1 where all ratings are the same."""
    some = np.abs(residuals[residuals != 0])
    return float(_NORMAL_MAD * np.median(some)) if len(some) else 1.0
