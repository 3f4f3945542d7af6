"""What labels teach, and the strategies that look at it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from msgspec.structs import replace

from tests.unit.usecases.test_loop import answer_all
from tests.worlds import NOW, Loop, opening, project
from trueup.model import Consensus, Judged, Knowledge, Prediction, SettledLabel
from trueup.selection.knowledge import MOST_JUDGED, learned
from trueup.selection.scene import Scene, bare
from trueup.selection.strategies import STRATEGIES
from trueup.selection.strategies.conformal import threshold

RNG = np.random.default_rng(0)


def settled(number: int, label: str, propensity: float = 1.0, prediction: Prediction | None = None) -> SettledLabel:
    found = opening(number)
    selection = replace(found.selection, propensity=propensity)
    if prediction is not None:
        selection = replace(selection, prediction=prediction)
    consensus = Consensus(
        project="pets",
        consensus_id=f"c{number}",
        task_id=found.task.task_id,
        sample_id=found.sample.sample_id,
        label=label,
        posterior=1.0,
        agreement=1.0,
        method="majority",
        annotation_ids=(),
        reached_at=NOW + timedelta(seconds=number),
    )
    return SettledLabel(consensus=consensus, sample=found.sample, selection=selection)


@pytest.mark.slow
def test_labels_are_learned_once_and_the_latest_are_kept() -> None:
    labels = [settled(1, "cat"), settled(2, "fox", 0.25)]
    found = learned(Knowledge(), labels, {"cat": 1, "fox": 1}, "pets")
    assert [(each.chance, each.weight) for each in found.judged] == [(0.5, 1.0), (0.2, 4.0)]
    assert [each.others for each in found.judged] == [(0.3, 0.2), (0.5, 0.3)]
    assert learned(found, labels, {"cat": 1, "fox": 1}, "pets") == found
    moved = learned(found, [settled(1, "dog")], {"dog": 1, "fox": 1}, "pets")
    assert [each.chance for each in moved.judged] == [0.2, 0.3]
    many = learned(found, [settled(each, "cat") for each in range(10, 10 + MOST_JUDGED)], {}, "pets")
    assert len(many.judged) == MOST_JUDGED
    assert found.judged[0] not in many.judged


def test_what_no_probability_was_given_to_is_judged_as_such() -> None:
    bare_label = Prediction(classes=("cat",), probabilities=(), partial=True, kind="labels")
    found = learned(Knowledge(), [settled(1, "owl"), settled(2, "cat", 1.0, bare_label)], {}, "pets")
    assert [each.chance for each in found.judged] == [0.0]


def test_few_labels_of_a_class_are_a_reason_to_ask() -> None:
    scene = Scene(names=("cat", "owl"), which=np.array([0, 1, 0]), knowledge=Knowledge(labelled={"cat": 9}))
    assert STRATEGIES["under_represented"].score(np.ones((3, 2)), scene, RNG).tolist() == [0.1, 1.0, 0.1]


@pytest.mark.slow
@pytest.mark.parametrize("error_rate", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("biased", [False, True], ids=["uniform", "by doubt"])
def test_sets_hold_the_truth_as_often_as_is_wanted(error_rate: float, biased: bool) -> None:
    """Coverage over many draws of 300 judged and one new, also where the doubtful were labelled more often."""
    rng = np.random.default_rng(4)
    held = []
    for _ in range(1500):
        chances = rng.beta(4, 2, size=300 if not biased else 900)
        propensity = np.clip(1.2 - chances, 0.1, 1.0) if biased else np.ones(len(chances))
        chosen = rng.random(len(chances)) < propensity
        judged = [
            Judged(sample_id=str(index), chance=float(chances[index]), weight=float(1 / propensity[index]))
            for index in np.flatnonzero(chosen)
        ]
        held.append(rng.beta(4, 2) >= threshold(judged, error_rate))
    assert np.mean(held) >= 1 - error_rate - 0.02
    assert np.mean(held) <= 1 - error_rate + 0.04


def test_a_single_class_in_the_set_is_asked_about_last() -> None:
    judged = tuple(Judged(sample_id=str(each), chance=each / 100, weight=1.0) for each in range(1, 101))
    scene = replace(bare(4), knowledge=Knowledge(judged=judged), error_rate=0.3)
    rows = np.array([[0.9, 0.1, 0.0], [0.5, 0.4, 0.1], [0.28, 0.27, 0.45], [0.25, 0.25, 0.5]])
    scores = STRATEGIES["conformal"].score(rows, scene, RNG)
    assert threshold(judged, 0.3) == pytest.approx(0.29, abs=0.01)
    assert (scores > 0.5).tolist() == [False, True, False, False]
    assert np.all((scores >= 0) & (scores <= 1))


def test_while_nothing_is_judged_every_set_holds_all() -> None:
    rows = np.array([[0.9, 0.1], [0.5, 0.5]])
    assert threshold([], 0.1) == 0.0
    assert np.argmax(STRATEGIES["conformal"].score(rows, bare(2), RNG)) == 1


def test_a_commit_teaches_what_the_next_file_is_chosen_by() -> None:
    loop = Loop(project(selection={"rate": 1.0, "strategy": "under_represented"}, commit={"batch": 1}))
    loop.ingest(loop.capture(2))
    answer_all(loop)
    (version,) = loop.commit("pets", "test")
    found = loop.knowledge.knowledge("pets")
    assert found.labelled == version.class_counts == {"cat": 2}
    assert [each.chance for each in found.judged] == [0.4, 0.4]
    again = loop.capture(2, "b", first=10)
    loop.ingest(again)
    scores = [each.score for each in loop.tasks._selections.values() if each.capture_uri == again.uri]
    assert scores == [pytest.approx(1 / 3)] * 2
