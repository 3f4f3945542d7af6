"""Agreement: the same figures as other packages, and what holds whatever the answers are."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.quality.agreement import Level, Metric, agreement, by_class, krippendorff_alpha, measure, percent
from trueup.quality.answers import Answers

# Made by scripts/golden_agreement.py.
CROWDS = json.loads((Path(__file__).resolve().parents[2] / "data" / "agreement.json").read_text())


def answers_of(matrix: list[list[Any]], names: dict[Any, Any] | None = None) -> Answers:
    """From samples x annotators, None where nobody answered."""
    triples = [
        (f"s{row:03d}", f"a{column:02d}", str(names[cell] if names else cell))
        for row, each in enumerate(matrix)
        for column, cell in enumerate(each)
        if cell is not None
    ]
    return Answers.of(triples, sorted({label for *_, label in triples}))


GOLDEN = [
    pytest.param(each["answers"], level, name, value, id=f"{each['crowd']}-{level}-{name}".replace(" ", "-"))
    for each in CROWDS
    for level, measures in each["measures"].items()
    for name, value in measures.items()
]


@pytest.mark.parametrize(("matrix", "level", "name", "value"), GOLDEN)
def test_the_same_as_other_packages(matrix: list[list[Any]], level: str, name: str, value: float) -> None:
    assert measure(answers_of(matrix), Metric(name.split()[0]), Level(level)) == pytest.approx(value, abs=1e-9)


matrices = (
    st.integers(2, 4)
    .flatmap(
        lambda people: st.lists(
            st.lists(st.sampled_from([None, 1, 2, 3]), min_size=people, max_size=people), min_size=2, max_size=12
        )
    )
    .filter(lambda matrix: any(sum(cell is not None for cell in row) > 1 for row in matrix))
)


@pytest.mark.slow
@given(matrices, st.sampled_from(Metric), st.sampled_from(Level), st.randoms())
@settings(max_examples=60, deadline=None)
def test_neither_order_nor_names_matter(matrix: list[list[Any]], metric: Metric, level: Level, random: Any) -> None:
    value = measure(answers_of(matrix), metric, level)
    assert value <= 1 + 1e-12
    shuffled = [list(each) for each in matrix]
    random.shuffle(shuffled)
    assert measure(answers_of(shuffled), metric, level) == pytest.approx(value, abs=1e-9)
    if level is Level.NOMINAL:
        names = dict(zip((1, 2, 3), random.sample(["cat", "dog", "fox"], 3), strict=True))
        assert measure(answers_of(matrix, names), metric, level) == pytest.approx(value, abs=1e-9)


@given(st.lists(st.integers(1, 4), min_size=2, max_size=10), st.sampled_from(Metric), st.sampled_from(Level))
@settings(max_examples=40, deadline=None)
def test_perfect_agreement_is_one(truth: list[int], metric: Metric, level: Level) -> None:
    assert measure(answers_of([[each] * 3 for each in truth]), metric, level) == pytest.approx(1.0)


@pytest.mark.parametrize("metric", Metric)
def test_the_interval_holds_the_value_and_narrows(metric: Metric) -> None:
    matrix = CROWDS[0]["answers"]
    few, many = (agreement(answers_of(matrix * times), metric, resamples=300) for times in (1, 4))
    assert few.low < few.value < few.high
    assert many.value == pytest.approx(few.value, abs=0.02)
    assert many.high - many.low < 0.7 * (few.high - few.low)
    assert (few.samples, many.samples) == (60, 240)


@pytest.mark.slow
def test_the_interval_covers_as_often_as_it_says() -> None:
    """90 % intervals of crowds of 80 samples, against the value of a crowd of 20,000."""

    def crowd(samples: int, seed: int) -> Answers:
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, 3, samples)
        labels = np.where(rng.random((3, samples)) < 0.7, truth, rng.integers(0, 3, (3, samples)))
        people = np.repeat(np.arange(3), samples)
        return Answers.of_columns(np.tile(np.arange(samples), 3), people, labels.ravel())

    true = measure(crowd(20_000, 0), Metric.KRIPPENDORFF)
    found = [agreement(crowd(80, seed), Metric.KRIPPENDORFF, resamples=200) for seed in range(1, 101)]
    assert 0.8 <= np.mean([each.low <= true <= each.high for each in found]) <= 0.97


def test_each_class_against_the_rest_tells_which_are_mistaken() -> None:
    matrix = [["cat", "cat"]] * 20 + [["dog", "fox"]] * 5 + [["dog", "dog"]] * 8 + [["fox", "fox"]] * 7
    found = by_class(answers_of(matrix), Metric.KRIPPENDORFF, resamples=50)
    assert found["cat"].value == pytest.approx(1.0)
    assert found["dog"].value < 0.8
    assert found["fox"].value < 0.8


def test_without_a_pair_nothing_is_said() -> None:
    alone = answers_of([["cat", None], [None, "dog"]])
    for metric in Metric:
        assert math.isnan(measure(alone, metric))
        assert math.isnan(agreement(alone, metric).value)
    assert math.isnan(percent([]))
    assert math.isnan(krippendorff_alpha([["cat"]]))
