"""The draw: budget, determinism, and propensities that are what they say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from trueup.errors import ConfigurationError
from trueup.model import Prediction, SelectionPolicy
from trueup.selection.choose import Candidate, choose
from trueup.selection.strategies import STRATEGIES


def candidates(count: int) -> list[Candidate]:
    rng = np.random.default_rng(1)
    rows = rng.dirichlet(np.ones(3), count)
    return [
        Candidate(key=f"{index:03d}", prediction=Prediction(classes=("a", "b", "c"), probabilities=tuple(row)))
        for index, row in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("margin", 1 - (0.5 - 0.3)), ("least_confidence", 0.5), ("entropy", 1.0296530140645737 / np.log(3))],
)
def test_scores_by_hand(strategy: str, expected: float) -> None:
    scores = STRATEGIES[strategy].score(np.array([[0.5, 0.3, 0.2]]), np.random.default_rng(0))
    assert scores[0] == pytest.approx(expected)


@pytest.mark.parametrize("strategy", ["margin", "least_confidence", "entropy"])
def test_what_a_model_left_out_counts_as_one_class_more(strategy: str) -> None:
    rows = {"sure": (0.97,), "unsure": (0.55,), "label alone": (), "whole": (0.9, 0.1)}
    found = [
        Candidate(
            key=name,
            prediction=Prediction(classes=("a", "b")[: len(row) or 1], probabilities=row, partial=name != "whole"),
        )
        for name, row in rows.items()
    ]
    policy = SelectionPolicy(strategy=strategy, rate=1.0, audit_share=0.0)
    order = sorted(choose(found, policy, lambda wanted: wanted, "seed"), key=lambda each: -each.score)
    assert [found[each.index].key for each in order] == ["unsure", "whole", "sure", "label alone"]
    assert order[-1].score == pytest.approx(0.0)


def test_the_budget_cuts_and_equal_seeds_choose_equally() -> None:
    policy = SelectionPolicy(rate=0.5, audit_share=0.2)
    wanted: list[int] = []

    def granted(count: int) -> int:
        wanted.append(count)
        return 3

    first = choose(candidates(20), policy, granted, "file")
    assert wanted == [10]
    assert len(first) == 3
    assert first == choose(candidates(20), policy, granted, "file")


def test_propensities_are_the_frequencies_of_being_chosen() -> None:
    pool = candidates(12)
    policy = SelectionPolicy(rate=0.5, audit_share=0.5)
    draws = 4000
    counts: Counter[int] = Counter()
    stated: dict[int, float] = {}
    for seed in range(draws):
        for each in choose(pool, policy, lambda count: count, str(seed)):
            counts[each.index] += 1
            stated[each.index] = each.propensity
    for index, propensity in stated.items():
        spread = 4 * np.sqrt(propensity * (1 - propensity) / draws)
        assert counts[index] / draws == pytest.approx(propensity, abs=spread + 1e-9)


def test_an_unknown_strategy_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="strategies: entropy"):
        choose(candidates(3), SelectionPolicy(strategy="nope"), lambda count: count, "s")


def test_every_strategy_file_is_in_the_table() -> None:
    import trueup.selection.strategies as room

    assert {each.stem for each in Path(room.__file__).parent.glob("*.py")} - {"__init__"} == set(STRATEGIES)
