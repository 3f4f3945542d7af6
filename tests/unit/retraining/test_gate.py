"""The gate and the triggers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.dataset.test_versions import commit, line
from tests.worlds import NOW
from trueup.adapters.memory import MemoryDatasetStore, World
from trueup.model import Action, GatePolicy, TriggerPolicy
from trueup.retraining.gate import Outcome, binomial_tail, judge
from trueup.retraining.triggers import Facts, decide

POLICY = GatePolicy(min_test_samples=10)


def outcomes(right: int, wrong: int) -> list[Outcome]:
    good = [Outcome(sample=str(each), truth="cat", answer="cat") for each in range(right)]
    return good + [Outcome(sample=str(right + each), truth="cat", answer="dog") for each in range(wrong)]


@pytest.mark.parametrize(
    ("candidate", "champion", "passed"),
    [((18, 2), (10, 10), True), ((10, 10), (18, 2), False), ((10, 10), (10, 10), True), ((4, 0), (1, 3), False)],
)
def test_the_better_candidate_passes(candidate: tuple[int, int], champion: tuple[int, int], passed: bool) -> None:
    verdict = judge(outcomes(*candidate), outcomes(*champion), POLICY)
    assert verdict.passed is passed
    assert verdict.reasons


def test_a_class_must_not_be_forgotten() -> None:
    champion = [
        Outcome(sample=str(n), truth="cat" if n < 10 else "dog", answer="cat" if n < 10 else "fox") for n in range(30)
    ]
    candidate = [Outcome(sample=str(n), truth="cat" if n < 10 else "dog", answer="dog") for n in range(30)]
    verdict = judge(candidate, champion, POLICY)
    assert not verdict.passed
    assert "recall of 'cat' falls from 1.00 to 0.00" in verdict.reasons[0]


def test_mcnemar_by_hand() -> None:
    assert binomial_tail(5, 4) == pytest.approx(6 / 32)


def facts(**changes: object) -> Facts:
    store = MemoryDatasetStore(World())
    first, second = commit(store, [line(1, "cat")]), commit(store, [line(2, "dog")])
    values = {
        "version": second,
        "trained_version": first,
        "new_labels": 5,
        "label_counts_new": {"dog": 5},
        "champion_classes": ("cat",),
        "last_run_at": NOW,
        "now": NOW + timedelta(hours=2),
    }
    return Facts(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "rule"),
    [
        (TriggerPolicy(min_new_labels=5, new_class_min_labels=None), "count"),
        (TriggerPolicy(min_new_labels=6, new_class_min_labels=5), "new_class"),
        (TriggerPolicy(min_new_labels=6, new_class_min_labels=6, every_seconds=3600), "schedule"),
        (TriggerPolicy(min_new_labels=6, new_class_min_labels=6), "none"),
    ],
)
def test_the_first_rule_that_holds_fires(policy: TriggerPolicy, rule: str) -> None:
    decision = decide(facts(), policy)
    assert decision.rule == rule
    assert decision.action is (Action.WAIT if rule == "none" else Action.RETRAIN)
