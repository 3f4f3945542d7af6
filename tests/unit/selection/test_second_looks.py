"""Strategies that look twice, and those that look at slices and passes: each picks what was planted for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trueup.model import Knowledge, Places, Prediction, SelectionPolicy
from trueup.selection.choose import Choice, Draw, matrix
from trueup.selection.places import DIMENSIONS, MOST_POINTS, distances, learned_places
from trueup.selection.pool import Entry
from trueup.selection.scene import Scene, bare
from trueup.selection.second_look import Seen
from trueup.selection.sketch import indexed
from trueup.selection.strategies import SECOND_LOOKS, STRATEGIES
from trueup.selection.strategies.disagreement import divergence

RNG = np.random.default_rng(3)
DOUBT = Prediction(classes=("a", "b"), probabilities=(0.52, 0.48))
SURE = Prediction(classes=("a", "b"), probabilities=(0.99, 0.01))


@dataclass
class Eyes:
    """Inputs float[n, d] and what another variant makes of them, by position."""

    inputs: NDArray[np.float64]
    other: dict[int, float] = field(default_factory=dict)
    looked: list[int] = field(default_factory=list)

    def usable(self, entries: Sequence[Entry[int]]) -> list[Entry[int]]:
        return list(entries)

    def seen(self, entries: Sequence[Entry[int]]) -> Seen:
        self.looked.append(len(entries))
        rows = [self.inputs[each.thing].astype(np.float32) for each in entries]
        return Seen(rows, np.tile([0.5, 0.5], (len(rows), 1)))

    def disagreements(self, entries: Sequence[Entry[int]]) -> NDArray[np.float64]:
        return np.array([self.other.get(each.thing, 0.0) for each in entries])


def chosen(
    policy: SelectionPolicy,
    eyes: Eyes,
    predictions: Sequence[Prediction],
    knowledge: Knowledge | None = None,
    rate: float = 0.05,
) -> list[Choice[int]]:
    draw: Draw[int] = Draw(policy, "seed", knowledge or Knowledge())
    names, which = indexed([each.label for each in predictions])
    draw.offer(matrix(predictions), names, which, lambda chosen: [(index, 1) for index in chosen])
    offers = draw.look_again(draw.offers(rate), eyes)
    return draw.choices(offers, {each.reason: each.wanted for each in offers}, eyes)


def test_every_second_look_is_a_strategy_too() -> None:
    assert SECOND_LOOKS.keys() <= STRATEGIES.keys()
    assert all(hasattr(STRATEGIES[each], "again") for each in SECOND_LOOKS)
    assert {name for name, each in STRATEGIES.items() if hasattr(each, "again")} == SECOND_LOOKS.keys()


@pytest.mark.parametrize("audit_share", [0.1, 0.0])
def test_density_leaves_outliers_alone_that_the_margin_would_ask_about(audit_share: float) -> None:
    crowd, outliers = RNG.normal(size=(190, 6)), RNG.normal(size=(10, 6)) * 30
    eyes = Eyes(np.concatenate([crowd, outliers]))
    doubt = [*[Prediction(classes=("a", "b"), probabilities=(0.53, 0.47))] * 190, *[DOUBT] * 10]
    margin = SelectionPolicy(strategy="margin", picker="top", audit_share=audit_share)
    density = SelectionPolicy(strategy="density", picker="top", audit_share=audit_share)
    assert {each.thing for each in chosen(margin, eyes, doubt) if each.reason != "audit"} <= set(range(190, 200))
    found = [each for each in chosen(density, eyes, doubt) if each.reason != "audit"]
    assert {each.thing for each in found}.isdisjoint(range(190, 200))
    assert all(0 < each.score <= 1 and each.threshold <= each.score for each in found)


def test_density_needs_no_audit_to_have_something_to_compare_with() -> None:
    eyes = Eyes(RNG.normal(size=(40, 3)))
    assert len(chosen(SelectionPolicy(strategy="density", audit_share=0.0), eyes, [DOUBT] * 40)) == 2


def taught(inputs: NDArray[np.float64]) -> Knowledge:
    return Knowledge(places=learned_places(Places(), list(inputs.astype(np.float32))))


def test_novelty_asks_about_what_is_far_from_every_label_however_sure_the_model_is() -> None:
    known = RNG.normal(size=(80, 12))
    fresh = RNG.normal(size=(12, 12)) + 9.0
    eyes = Eyes(np.concatenate([RNG.normal(size=(188, 12)), fresh]))
    policy = SelectionPolicy(strategy="novelty", picker="top", audit_share=0.0)
    found = chosen(policy, eyes, [SURE] * 200, taught(known), rate=0.035)
    assert {each.thing for each in found} <= set(range(188, 200))
    assert len(found) == 7
    assert all(each.score > 0.5 for each in found)


def test_all_is_new_while_nothing_is_labelled() -> None:
    eyes = Eyes(RNG.normal(size=(100, 4)))
    found = chosen(SelectionPolicy(strategy="novelty", audit_share=0.0), eyes, [SURE] * 100)
    assert [each.score for each in found] == [1.0] * 5


def test_disagreement_asks_where_another_variant_says_something_else_and_nowhere_else() -> None:
    eyes = Eyes(RNG.normal(size=(200, 4)), other={3: 0.9, 77: 0.4})
    policy = SelectionPolicy(strategy="disagreement", picker="top", audit_share=0.0)
    found = chosen(policy, eyes, [DOUBT, SURE] * 100, rate=0.1)
    assert [(each.thing, each.score) for each in found] == [(3, 0.9), (77, 0.4)]


def test_an_unsure_prediction_is_compared_more_often_than_a_sure_one() -> None:
    rows = matrix([DOUBT, SURE] * 2000)
    scores = STRATEGIES["disagreement"].score(rows, bare(4000), np.random.default_rng(1))
    best = np.argsort(-scores)[:400] % 2
    assert 0.6 < (best == 0).mean() < 1.0


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (SURE, SURE, 0.0),
        (SURE, DOUBT, 0.0),
        (
            Prediction(classes=("a", "b"), probabilities=(1.0, 0.0)),
            Prediction(classes=("b",), probabilities=(1.0,)),
            1.0,
        ),
        (SURE, Prediction(classes=("b",), probabilities=(), partial=True, kind="labels"), 1.0),
        (
            Prediction(classes=("a", "b"), probabilities=(0.75, 0.25)),
            Prediction(classes=("b", "a"), probabilities=(0.75, 0.25)),
            1.0 - 0.8112781244591328,
        ),
    ],
)
def test_divergence_by_hand(one: Prediction, other: Prediction, expected: float) -> None:
    assert divergence(one, other) == pytest.approx(expected)
    assert divergence(other, one) == pytest.approx(expected)


@pytest.mark.slow
@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=5), st.lists(st.floats(0.01, 1), min_size=2, max_size=5))
def test_divergence_is_symmetric_and_in_bounds(left: list[float], right: list[float]) -> None:
    one, other = (
        Prediction(
            classes=tuple("abcde"[: len(row)]) if row is left else tuple("edcba"[: len(row)]),
            probabilities=tuple(each / sum(row) for each in row),
        )
        for row in (left, right)
    )
    assert 0.0 <= divergence(one, other) <= 1.0
    assert divergence(one, other) == pytest.approx(divergence(other, one))


def test_the_rare_slice_is_asked_about_even_where_the_class_is_not_rare() -> None:
    knowledge = Knowledge(labelled={"a": 500}, labelled_slices={"north": 400, "south": 2})
    scene = Scene(
        names=("a",),
        which=np.zeros(3, dtype=np.int64),
        knowledge=knowledge,
        slices=(("north", "south", "east"), np.array([0, 1, 2])),
    )
    scores = STRATEGIES["under_represented"].score(np.ones((3, 1)), scene, RNG)
    assert scores == pytest.approx([1 / 401, 1 / 3, 1.0])


def test_bald_ranks_by_what_the_passes_disagree() -> None:
    scene = Scene(names=("a",), which=np.zeros(3, dtype=np.int64), information=np.array([0.1, 0.7, 0.0]))
    assert STRATEGIES["bald"].score(np.ones((3, 1)), scene, RNG).tolist() == [0.1, 0.7, 0.0]
    assert STRATEGIES["bald"].score(np.ones((3, 1)), bare(3), RNG).tolist() == [0.0, 0.0, 0.0]


def test_places_keep_distances_and_stay_small() -> None:
    first = RNG.normal(size=(60, 64)) * np.geomspace(1, 1000, 64)
    places = learned_places(Places(), list(first.astype(np.float32)))
    for _ in range(9):
        more = RNG.normal(size=(90, 64)) * np.geomspace(1, 1000, 64)
        places = learned_places(places, list(more.astype(np.float32)))
    assert len(places.points) <= 4 * (MOST_POINTS * DIMENSIONS // 3 + 1)
    inside, outside = RNG.normal(size=(50, 64)), RNG.normal(size=(50, 64)) + 6
    scale = np.geomspace(1, 1000, 64)
    near, far = (distances(places, list((each * scale).astype(np.float32))) for each in (inside, outside))
    assert near is not None
    assert far is not None
    assert near.max() < far.min()


def test_what_cannot_be_placed_is_told_apart() -> None:
    few = [np.arange(3, dtype=np.float32)] * 2
    assert learned_places(Places(), few) == Places()
    assert distances(Places(), few) is None
    places = learned_places(Places(), [np.array([each, 1.0, 2.0], dtype=np.float32) for each in range(6)])
    again = learned_places(places, [None, np.zeros(9, dtype=np.float32)])
    assert again == places
    found = distances(places, [None, np.zeros(9, dtype=np.float32), np.array([0, 1, 2], dtype=np.float32)])
    assert found is not None
    assert np.isnan(found).tolist() == [True, True, False]
    odd = learned_places(places, [np.array([np.nan, np.inf, 1e30], dtype=np.float32)])
    assert np.isfinite(odd.typical)


def test_large_inputs_share_one_spread() -> None:
    places = learned_places(Places(), list(RNG.normal(size=(8, 1000)).astype(np.float32)))
    assert (len(places.centre), len(places.spread), places.length) == (1, 1, 1000)
