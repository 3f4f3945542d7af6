"""The draw: budget, determinism, and propensities that are what they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from trueup.errors import ConfigurationError
from trueup.model import Budget, Found, Prediction, PredictionKind, SelectionPolicy
from trueup.selection.budget import allocate
from trueup.selection.choose import MOST_PER_FILE, Choice, Draw, matrix, uncertainties
from trueup.selection.pickers import PICKERS
from trueup.selection.pool import Entry
from trueup.selection.scene import bare
from trueup.selection.second_look import Seen
from trueup.selection.sketch import indexed
from trueup.selection.strategies import STRATEGIES


def predictions(count: int) -> list[Prediction]:
    rng = np.random.default_rng(1)
    rows = rng.dirichlet(np.ones(3), count)
    return [Prediction(classes=("a", "b", "c"), probabilities=tuple(row)) for row in rows]


def chosen(
    pool: Sequence[Prediction], policy: SelectionPolicy, seed: str = "seed", budget: int | None = None, block: int = 5
) -> list[Choice[int]]:
    """What a window of these predictions chooses, which come in blocks."""
    draw: Draw[int] = Draw(policy, seed)
    for start in range(0, len(pool), block):

        def keep(chosen: Sequence[int], start: int = start) -> list[tuple[int, int]]:
            return [(start + index, 1) for index in chosen]

        some = pool[start : start + block]
        names, which = indexed([each.label for each in some])
        draw.offer(matrix(some), names, which, keep)
    offers = draw.offers(policy.rate or 1.0)
    lens = Bare(pool)
    offers = draw.look_again(offers, lens)
    granted = allocate({each.reason: each.wanted for each in offers}, budget, {}, seed)
    return draw.choices(offers, granted, lens)


@dataclass(frozen=True)
class Bare:
    """Sees nothing of inputs, and no other variant."""

    pool: Sequence[Prediction]

    def usable(self, entries: Sequence[Entry[int]]) -> list[Entry[int]]:
        return list(entries)

    def seen(self, entries: Sequence[Entry[int]]) -> Seen:
        return Seen([None] * len(entries), matrix([self.pool[each.thing] for each in entries]))

    def disagreements(self, entries: Sequence[Entry[int]]) -> NDArray[np.float64]:
        return np.zeros(len(entries))


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("margin", 1 - (0.5 - 0.3)), ("least_confidence", 0.5), ("entropy", 1.0296530140645737 / np.log(3))],
)
def test_scores_by_hand(strategy: str, expected: float) -> None:
    scores = STRATEGIES[strategy].score(np.array([[0.5, 0.3, 0.2]]), bare(1), np.random.default_rng(0))
    assert scores[0] == pytest.approx(expected)


@pytest.mark.parametrize("strategy", ["margin", "least_confidence", "entropy"])
def test_what_a_model_left_out_counts_as_one_class_more(strategy: str) -> None:
    rows = {"sure": (0.97,), "unsure": (0.55,), "label alone": (), "whole": (0.9, 0.1)}
    pool = [
        Prediction(classes=("a", "b")[: len(row) or 1], probabilities=row, partial=name != "whole")
        for name, row in rows.items()
    ]
    order = chosen(pool, SelectionPolicy(strategy=strategy, rate=1.0, audit_share=0.0))
    assert [list(rows)[each.thing] for each in order] == ["unsure", "whole", "sure", "label alone"]
    assert order[-1].score == pytest.approx(0.0)


HALF = Prediction(classes=("a",), probabilities=(0.5,), partial=True, kind="winner")
DOUBTLESS = {
    "labels": Prediction(classes=("a",), probabilities=(), partial=True, kind="labels"),
    "regression": Prediction(classes=(), probabilities=(), kind="regression", value=3.0, interval=(1.0, 9.0)),
    "nothing found": Prediction(classes=(), probabilities=(), partial=True, kind="detections"),
}


@pytest.mark.parametrize(
    ("chance", "wanted"),
    [
        (0.59, {"least_confidence": 0.41, "margin": 0.82, "entropy": 0.976500}),
        (1.0, {"least_confidence": 0.0, "margin": 0.0, "entropy": 0.0}),
    ],
)
def test_a_winner_is_as_unsure_as_what_it_left_to_the_others(chance: float, wanted: dict[str, float]) -> None:
    winner = Prediction(classes=("yes",), probabilities=(chance,), partial=True, kind="winner")
    assert uncertainties(winner) == pytest.approx(wanted, abs=1e-6)


def test_probabilities_that_add_up_leave_no_class_more() -> None:
    spoken = Prediction(classes=("yes", "no"), probabilities=(0.660007, 0.340003), partial=True, kind="logprobs")
    whole = Prediction(classes=("yes", "no"), probabilities=(0.66, 0.34))
    assert uncertainties(spoken) == pytest.approx(uncertainties(whole), abs=1e-4)


@pytest.mark.parametrize("kind", ["multilabel", "entities", "detections"])
def test_the_least_decided_class_speaks_for_those_that_are_decided_apart(kind: PredictionKind) -> None:
    several = Prediction(
        classes=("a", "b", "c"), probabilities=(0.99, 0.55, 0.02), partial=kind != "multilabel", kind=kind
    )
    assert uncertainties(several)["margin"] == pytest.approx(0.9)
    assert uncertainties(several)["least_confidence"] == pytest.approx(0.45)


def test_every_object_counts_not_the_surest_of_its_class_alone() -> None:
    objects = (Found(label="a", score=0.97), Found(label="a", score=0.48))
    boxes = Prediction(classes=("a",), probabilities=(0.97,), partial=True, kind="detections", objects=objects)
    assert uncertainties(boxes)["margin"] == pytest.approx(0.96)


@pytest.mark.parametrize("name", DOUBTLESS)
def test_without_a_probability_there_is_no_score(name: str) -> None:
    assert uncertainties(DOUBTLESS[name]) == {}


@pytest.mark.parametrize("strategy", ["margin", "least_confidence", "entropy"])
@pytest.mark.parametrize("name", DOUBTLESS)
def test_what_tells_nothing_of_doubt_is_asked_about_by_the_audit_alone(strategy: str, name: str) -> None:
    pool = [*[DOUBTLESS[name]] * 6, HALF, HALF]
    by_score = SelectionPolicy(strategy=strategy, rate=0.25, audit_share=0.0)
    assert sorted(each.thing for each in chosen(pool, by_score)) == [6, 7]
    audit = SelectionPolicy(strategy=strategy, rate=1.0, audit_share=1.0)
    drawn = chosen(pool, audit)
    assert {each.thing for each in drawn} == set(range(8))
    assert {(each.reason, each.propensity) for each in drawn} == {("audit", 1.0)}


def test_the_budget_cuts_and_equal_seeds_choose_equally() -> None:
    policy = SelectionPolicy(rate=0.5, audit_share=0.2)
    first = chosen(predictions(20), policy, "file", budget=3)
    assert len(first) == 3
    assert len(chosen(predictions(20), policy, "file")) == 10
    assert first == chosen(predictions(20), policy, "file", budget=3)


@pytest.mark.parametrize("block", [1, 7, 20])
def test_how_a_file_is_cut_into_blocks_changes_nothing(block: int) -> None:
    policy = SelectionPolicy(rate=0.5, audit_share=0.3)
    assert chosen(predictions(20), policy, block=block) == chosen(predictions(20), policy)


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "shares"), [("margin", {"entropy": 0.3}), ("margin", {}), ("random", {})])
@pytest.mark.parametrize("picker", sorted(PICKERS))
def test_propensities_are_the_chances_of_being_chosen(strategy: str, shares: dict[str, float], picker: str) -> None:
    """Each prediction, chosen and divided by its propensity, counts for one on average, whatever coins were thrown."""
    pool = predictions(12)
    policy = SelectionPolicy(strategy=strategy, picker=picker, rate=0.5, audit_share=0.5, shares=shares)
    draws = 2000
    weights = np.zeros((draws, len(pool)))
    for seed in range(draws):
        for each in chosen(pool, policy, str(seed), block=6):
            weights[seed, each.thing] = 1 / each.propensity
    spread = 3.7 * weights.std(axis=0) / np.sqrt(draws)
    assert np.all(np.abs(weights.mean(axis=0) - 1) <= spread + 1e-9)


@pytest.mark.slow
def test_what_was_chosen_estimates_the_whole_without_bias() -> None:
    """Horvitz and Thompson: the sum over what was chosen, each divided by its propensity, is that of all."""
    pool = predictions(40)
    truth = sum(each.probabilities[0] for each in pool)
    policy = SelectionPolicy(rate=0.4, audit_share=0.5)
    estimates = [
        sum(pool[each.thing].probabilities[0] / each.propensity for each in chosen(pool, policy, str(seed), block=10))
        for seed in range(1500)
    ]
    assert np.mean(estimates) == pytest.approx(truth, abs=4 * np.std(estimates) / np.sqrt(len(estimates)))


def test_each_strategy_gets_its_share_and_nothing_is_chosen_twice() -> None:
    policy = SelectionPolicy(rate=0.5, audit_share=0.2, shares={"entropy": 0.3})
    found = chosen(predictions(200), policy)
    assert Counter(each.strategy for each in found) == {"margin": 50, "entropy": 30, "random": 20}
    assert len({each.thing for each in found}) == 100


def test_no_file_takes_more_than_fits_in_memory() -> None:
    policy = SelectionPolicy(rate=1.0, audit_share=0.0, budget=Budget(per_day=10**6))
    assert len(chosen(predictions(MOST_PER_FILE + 50), policy, block=100)) == MOST_PER_FILE


def test_an_unknown_strategy_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="strategies: bald, conformal, density"):
        Draw(SelectionPolicy(strategy="nope"), "s")
    with pytest.raises(ConfigurationError, match="'nope'"):
        Draw(SelectionPolicy(shares={"nope": 0.1}), "s")


def test_every_strategy_file_is_in_the_table() -> None:
    import trueup.selection.strategies as room

    assert {each.stem for each in Path(room.__file__).parent.glob("*.py")} - {"__init__"} == set(STRATEGIES)
