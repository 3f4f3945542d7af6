"""One temperature, fitted on labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds import Loop, project
from trueup.model import Judged, Knowledge
from trueup.selection.calibration import ENOUGH, HIGHEST, LOWEST, temperature, tempered


def judged(true_temperature: float, count: int, seed: int = 0, biased: bool = False) -> list[Judged]:
    """Labels drawn from what a model says at a temperature, of a model that says it at another."""
    rng = np.random.default_rng(seed)
    said = rng.dirichlet(np.full(4, 0.6), count).clip(1e-9)
    said /= said.sum(axis=1, keepdims=True)
    truth = tempered(said, true_temperature)
    labels = np.array([rng.choice(4, p=row) for row in truth])
    propensity = np.clip(1.3 - said.max(axis=1), 0.05, 1.0) if biased else np.ones(count)
    kept = rng.random(count) < propensity
    return [
        Judged(
            sample_id=str(row),
            chance=float(said[row, labels[row]]),
            weight=float(1 / propensity[row]),
            others=tuple(np.delete(said[row], labels[row]).tolist()),
        )
        for row in np.flatnonzero(kept)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("at", [0.5, 1.0, 2.0, 4.0])
def test_the_temperature_is_found_again(at: float, biased: bool) -> None:
    assert temperature(judged(at, 6000, biased=biased)) == pytest.approx(at, rel=0.12)


def test_few_labels_or_strange_ones_do_no_harm() -> None:
    assert temperature(judged(3.0, ENOUGH - 1)) == 1.0
    right = [Judged(sample_id=str(each), chance=0.99, weight=1.0, others=(0.01,)) for each in range(ENOUGH)]
    wrong = [Judged(sample_id=str(each), chance=0.0, weight=1.0, others=(1.0,)) for each in range(ENOUGH)]
    assert temperature(right) == pytest.approx(LOWEST, rel=0.01)
    assert temperature(wrong) == pytest.approx(HIGHEST, rel=0.01)


@pytest.mark.slow
@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=6), st.floats(LOWEST, HIGHEST))
def test_tempering_keeps_the_order_and_the_sum(row: list[float], at: float) -> None:
    chances = np.array([row]) / sum(row)
    found = tempered(chances, at)
    assert found.sum() == pytest.approx(1.0)
    order = np.argsort(chances[0], kind="stable")
    assert np.all(np.diff(found[0][order]) >= -1e-12)
    assert (found.max() >= chances.max() - 1e-9) == (at <= 1.0) or at == pytest.approx(1.0) or np.ptp(chances) < 1e-6


def test_a_policy_scores_by_what_labels_taught() -> None:
    scores = {}
    for calibrate in (False, True):
        loop = Loop(project(selection={"rate": 1.0, "audit_share": 0.0, "calibrate": calibrate}))
        loop.knowledge.learn(Knowledge(project="pets", temperature=3.0))
        loop.ingest(loop.capture(1))
        (selection,) = loop.tasks._selections.values()
        scores[calibrate] = selection.score
        assert selection.prediction.probabilities == (0.4, 0.35, 0.25)
    raw = np.array([[0.4, 0.35, 0.25]])
    top = np.sort(tempered(raw, 3.0)[0])[::-1]
    assert scores == {False: pytest.approx(0.95), True: pytest.approx(1 - (top[0] - top[1]))}
