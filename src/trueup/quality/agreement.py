"""How far annotators agree on samples that have at least two answers; of the others the measures of Fleiss and Gwet
learn how frequent the labels are, and no more.

Every measure is computed from how many of each label a sample has, never from a matrix of samples x annotators: it
costs O(answers), and missing answers are no special case. Samples with equal counts are one pattern; an interval
redraws how often each pattern occurs, which is the bootstrap over samples at the price of a few patterns.

The level says how far two different labels are apart: `nominal` all alike, `ordinal` by their ranks, `interval` by
their values.

percent         share of pairs of answers to one sample that are equal
cohen           Cohen, "A Coefficient of Agreement for Nominal Scales", EPM 20, 1960; the mean over all pairs of
                annotators with common samples (Light, 1971); weighted linearly by rank or quadratically by value
                (Cohen, 1968)
fleiss          Fleiss, "Measuring Nominal Scale Agreement among Many Raters", Psychological Bulletin 76, 1971, with
                missing answers as in Gwet, Handbook of Inter-Rater Reliability, 2014; weighted as above
krippendorff    Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011
gwet            AC1 of Gwet, "Computing inter-rater reliability and its variance in the presence of high agreement",
                BJMSP 61, 2008; AC2, its weighted form, on the other levels
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trueup.quality.answers import Answers, Floats, Ints

_TAILS = (0.05, 0.95)
_RESAMPLES = 1000


class Level(enum.StrEnum):
    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


class Metric(enum.StrEnum):
    PERCENT = "percent"
    COHEN = "cohen"
    FLEISS = "fleiss"
    KRIPPENDORFF = "krippendorff"
    GWET = "gwet"


@dataclass(frozen=True)
class Agreement:
    """A measure with its 90 % bootstrap interval, over so many samples with at least two answers. 1 is perfect, 0 what
    chance would give (of `percent`: none). All three are NaN without such a sample; `low` and `high` are NaN where no
    resample tells anything."""

    value: float
    low: float
    high: float
    samples: int


@dataclass(frozen=True)
class Counts:
    """Label counts float64[patterns, classes] of the samples, how many samples have each pattern, float64[patterns],
    and each class's place on the scale, float64[classes]."""

    table: Floats
    samples: Floats
    values: Floats


def percent(samples: Sequence[Sequence[str]]) -> float:
    """Share of pairs of answers on the same sample that are equal, in [0, 1]; NaN without a pair."""
    return _percent(_counts_of(samples), Level.NOMINAL)


def krippendorff_alpha(samples: Sequence[Sequence[str]]) -> float:
    """Krippendorff's alpha for nominal data with missing values: 1 is perfect, 0 what chance would give; NaN without a
    pair; 1.0 when every answer is the same class."""
    return _krippendorff(_counts_of(samples), Level.NOMINAL)


def fleiss_kappa(samples: Sequence[Sequence[str]]) -> float:
    """Fleiss' kappa; samples may differ in their number of answers. NaN without a pair."""
    return _fleiss(_counts_of(samples), Level.NOMINAL)


def measure(answers: Answers, metric: Metric, level: Level = Level.NOMINAL) -> float:
    """The measure alone. The order of `answers.classes` is the order of the ranks; at the interval level the classes
    are numbers. NaN without a sample that has two answers."""
    if metric is Metric.COHEN:
        return _cohen(_Pairs.of(answers), scale(answers.classes, level), level)
    return _MEASURES[metric](counts(answers, level), level)


def agreement(
    answers: Answers, metric: Metric, level: Level = Level.NOMINAL, resamples: int = _RESAMPLES, seed: int = 0
) -> Agreement:
    """The measure and its 90 % interval: the quantiles over `resamples` draws of the samples with replacement."""
    rng = np.random.default_rng(seed)
    told = int((answers.counts > 1).sum())
    if not told:
        return Agreement(math.nan, math.nan, math.nan, 0)
    if metric is Metric.COHEN:
        drawn = _cohen_draws(answers, level, resamples, rng)
    else:
        drawn = _draws(_patterns(counts(answers, level)), _MEASURES[metric], level, resamples, rng)
    kept = drawn[np.isfinite(drawn)]
    low, high = np.quantile(kept, _TAILS) if len(kept) else (math.nan, math.nan)
    return Agreement(measure(answers, metric, level), float(low), float(high), told)


def by_class(answers: Answers, metric: Metric, resamples: int = _RESAMPLES, seed: int = 0) -> Mapping[str, Agreement]:
    """Agreement on each class against all the others, nominal: which classes annotators tell apart."""
    return {
        name: agreement(_against_rest(answers, index), metric, Level.NOMINAL, resamples, seed)
        for index, name in enumerate(answers.classes)
    }


def scale(classes: Sequence[object], level: Level) -> Floats:
    """Each class's place: its rank, or at the interval level its value. Raises ValueError if that is no number."""
    if level is Level.INTERVAL:
        return np.array([float(str(each)) for each in classes])
    return np.arange(len(classes), dtype=np.float64)


def counts(answers: Answers, level: Level = Level.NOMINAL) -> Counts:
    """What the measures need: one row a sample."""
    table = answers.add_up()
    return Counts(table, np.ones(len(table)), scale(answers.classes, level))


# ---------------------------------------------------------------- measures of label counts


def _percent(counts: Counts, level: Level) -> float:
    return _over(float(counts.samples @ _equal_pairs(counts, level)), float(counts.samples @ _pairs(counts.table)))


def _krippendorff(counts: Counts, level: Level) -> float:
    """1 - observed / expected disagreement. Ranks are the middles of the places that a label's answers take, so that
    the ordinal distance is the interval distance of those."""
    each = counts.table.sum(axis=1)
    totals = (counts.samples * (each > 1)) @ counts.table
    total = float(totals.sum())
    if np.count_nonzero(totals) < 2:
        return 1.0 if total else math.nan
    if level is Level.NOMINAL:
        within = each**2 - np.einsum("ij,ij->i", counts.table, counts.table)
        across = total**2 - float(totals @ totals)
    else:
        values = counts.values if level is Level.INTERVAL else np.cumsum(totals) - totals / 2
        centred = values - float(totals @ values) / total
        within = np.where(each > 1, 2 * (each * (counts.table @ centred**2) - (counts.table @ centred) ** 2), 0.0)
        across = 2 * total * float(totals @ centred**2)
    observed = float(counts.samples @ (within / np.maximum(each - 1, 1)))
    return 1 - observed / (across / (total - 1))


def _fleiss(counts: Counts, level: Level) -> float:
    shares = _mean_shares(counts)
    return _beyond_chance(_mean_agreement(counts, level), float(shares @ weights(counts.values, level) @ shares))


def _gwet(counts: Counts, level: Level) -> float:
    shares, classes = _mean_shares(counts), len(counts.values)
    if classes < 2:
        return _beyond_chance(_mean_agreement(counts, level), 0.0)
    weight = float(weights(counts.values, level).sum())
    return _beyond_chance(
        _mean_agreement(counts, level), weight / (classes * (classes - 1)) * float(shares @ (1 - shares))
    )


_MEASURES: Mapping[Metric, Callable[[Counts, Level], float]] = {
    Metric.PERCENT: _percent,
    Metric.FLEISS: _fleiss,
    Metric.KRIPPENDORFF: _krippendorff,
    Metric.GWET: _gwet,
}


def weights(values: Floats, level: Level) -> Floats:
    """How far two labels agree, float64[classes, classes] in [0, 1]."""
    if level is Level.NOMINAL or len(values) < 2:
        return np.eye(len(values))
    apart = np.abs(values[:, None] - values[None, :])
    return np.asarray(1 - (apart / apart.max()) ** (2 if level is Level.INTERVAL else 1), dtype=np.float64)


def _equal_pairs(counts: Counts, level: Level) -> Floats:
    """Agreement of each sample's ordered pairs of different answers, summed."""
    near = counts.table if level is Level.NOMINAL else counts.table @ weights(counts.values, level)
    return np.asarray(np.einsum("ij,ij->i", counts.table, near) - counts.table.sum(axis=1), dtype=np.float64)


def _pairs(table: Floats) -> Floats:
    each = table.sum(axis=1)
    return np.asarray(each * (each - 1), dtype=np.float64)


def _mean_agreement(counts: Counts, level: Level) -> float:
    """The mean over samples of the share of their pairs that agree."""
    pairs = _pairs(counts.table)
    shares = _equal_pairs(counts, level) / np.maximum(pairs, 1)
    return _over(float(counts.samples @ shares), float(counts.samples @ (pairs > 0)))


def _mean_shares(counts: Counts) -> Floats:
    shares = counts.samples @ (counts.table / counts.table.sum(axis=1, keepdims=True))
    return np.asarray(shares / max(1.0, float(counts.samples.sum())), dtype=np.float64)


def _beyond_chance(observed: float, chance: float) -> float:
    return (observed - chance) / (1 - chance) if chance < 1 else 1.0


def _over(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


# ---------------------------------------------------------------- Cohen: annotators by twos


@dataclass(frozen=True)
class _Pairs:
    """Every two answers to one sample by two annotators: of which sample, of which two annotators (one number for
    both, in `pair_of`), and their labels, of the annotator who comes first by name and of the other."""

    sample_of: Ints
    pair_of: Ints
    first: Ints
    second: Ints
    pairs: int

    @classmethod
    def of(cls, answers: Answers) -> _Pairs:
        counts = answers.counts
        following = np.repeat(counts, counts) - 1 - _within(counts)
        one = np.repeat(np.arange(len(answers)), following)
        other = one + 1 + _within(following)
        people = answers.annotator_of[one] * len(answers.annotators) + answers.annotator_of[other]
        names, pair_of = np.unique(people, return_inverse=True)
        return cls(answers.sample_of[one], pair_of, answers.label_of[one], answers.label_of[other], len(names))


def _within(counts: Ints) -> Ints:
    """0, 1, … up to each count, one run after the other."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)


def _cohen(pairs: _Pairs, values: Floats, level: Level, weight: Floats | None = None) -> float:
    """The mean kappa of the pairs that occur; `weight` float64[pairs of answers] is how often each counts."""
    classes = len(values)
    near = weights(values, level)
    total = np.bincount(pairs.pair_of, weight, minlength=pairs.pairs).astype(np.float64)
    there = total > 0
    agreed = near[pairs.first, pairs.second] * (1.0 if weight is None else weight)
    observed = np.bincount(pairs.pair_of, agreed, minlength=pairs.pairs)[there] / total[there]
    sides = [
        np.bincount(pairs.pair_of * classes + side, weight, minlength=pairs.pairs * classes).reshape(-1, classes)[there]
        / total[there, None]
        for side in (pairs.first, pairs.second)
    ]
    chance = np.einsum("ij,jk,ik->i", sides[0], near, sides[1])
    varied = chance < 1 - 1e-12
    kappas = np.where(varied, (observed - chance) / np.where(varied, 1 - chance, 1.0), 1.0)
    return float(kappas.mean()) if len(kappas) else math.nan


# ---------------------------------------------------------------- intervals


def _patterns(counts: Counts) -> Counts:
    """Samples with equal counts as one row."""
    table, samples = np.unique(counts.table, axis=0, return_counts=True)
    return Counts(table, samples.astype(np.float64), counts.values)


def _draws(
    counts: Counts, value: Callable[[Counts, Level], float], level: Level, resamples: int, rng: np.random.Generator
) -> Floats:
    total = int(counts.samples.sum())
    chances = counts.samples / total
    return np.array(
        [
            value(dataclasses.replace(counts, samples=rng.multinomial(total, chances).astype(np.float64)), level)
            for _ in range(resamples)
        ]
    )


def _cohen_draws(answers: Answers, level: Level, resamples: int, rng: np.random.Generator) -> Floats:
    """Samples are drawn, and their pairs of answers with them."""
    pairs, values = _Pairs.of(answers), scale(answers.classes, level)
    told, row = np.unique(pairs.sample_of, return_inverse=True)
    chances = np.full(len(told), 1 / len(told))
    return np.array(
        [
            _cohen(pairs, values, level, rng.multinomial(len(told), chances)[row].astype(np.float64))
            for _ in range(resamples)
        ]
    )


def _against_rest(answers: Answers, index: int) -> Answers:
    named = (answers.label_of == index).astype(np.intp)
    return dataclasses.replace(answers, classes=("0", "1"), label_of=named)


def _counts_of(samples: Sequence[Sequence[str]]) -> Counts:
    return counts(
        Answers.of(
            (f"{row:012d}", f"{place:06d}", label)
            for row, each in enumerate(samples)
            for place, label in enumerate(each)
        )
    )
