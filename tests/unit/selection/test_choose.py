"""The draw: budget, determinism, and propensities that are what they say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from trueup.errors import ConfigurationError
from trueup.model import Found, Prediction, PredictionKind, SelectionPolicy
from trueup.selection.choose import Candidate, choose, uncertainties
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
    pool = [Candidate(key=f"{number:02d}", prediction=DOUBTLESS[name]) for number in range(6)]
    pool += [Candidate(key=f"x{number}", prediction=HALF) for number in range(2)]
    by_score = SelectionPolicy(strategy=strategy, rate=0.25, audit_share=0.0)
    assert sorted(each.index for each in choose(pool, by_score, lambda wanted: wanted, "seed")) == [6, 7]
    audit = SelectionPolicy(strategy=strategy, rate=1.0, audit_share=1.0)
    drawn = choose(pool, audit, lambda wanted: wanted, "seed")
    assert {each.index for each in drawn} == set(range(8))
    assert {(each.reason, each.propensity) for each in drawn} == {("audit", 1.0)}


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
