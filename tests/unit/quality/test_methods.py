"""What holds of every consensus method, and what each of them is for."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trueup.quality
from tests.worlds import NOW
from trueup.quality.answers import Answers, Floats
from trueup.quality.methods import METHODS
from trueup.quality.skills import records_of, skills_of
from trueup.quality.ties import winner, winners

CLASSES = ("cat", "dog", "fox", "owl")
triples = st.dictionaries(
    st.tuples(st.sampled_from(["s1", "s2", "s3", "s4", "s5"]), st.sampled_from(["ada", "ben", "cleo", "zoe"])),
    st.sampled_from(CLASSES[:3]),
    min_size=1,
).map(lambda found: [(sample, annotator, label) for (sample, annotator), label in found.items()])


def crowd(samples: int, people: int, overlap: int, seed: int, *, ease: bool = False) -> tuple[Answers, Any]:
    """Answers with a confusion matrix for each annotator, or by ability and ease; and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, samples)
    sample_of = np.repeat(np.arange(samples), overlap)
    annotator_of = np.argsort(rng.random((samples, people)), axis=1)[:, :overlap].ravel()
    if ease:
        odds = rng.normal(1.3, 0.8, people)[annotator_of] * np.exp(rng.normal(0, 1, samples))[sample_of]
        right = rng.random(len(odds)) < 1 / (1 + np.exp(-odds))
        labels = np.where(right, truth[sample_of], (truth[sample_of] + rng.integers(1, 4, len(odds))) % 4)
    else:
        matrix = rng.dirichlet(np.ones(4) * 0.5, (people, 4)) * (1 - rng.beta(6, 3, people))[:, None, None]
        matrix += np.eye(4) * (1 - matrix.sum(axis=2))[:, :, None]
        labels = (rng.random(len(sample_of))[:, None] > matrix[annotator_of, truth[sample_of]].cumsum(axis=1)).sum(
            axis=1
        )
    names = np.array(CLASSES)[labels]
    return Answers.of_columns(sample_of, np.array([f"a{each:03d}" for each in annotator_of]), names), truth


def right(answers: Answers, posterior: Floats, truth: Any) -> float:
    return float((winners(posterior, answers.classes, answers.samples) == truth).mean())


def test_a_class_that_was_hardly_seen_is_judged_by_the_annotator_s_skill_over_the_others() -> None:
    """Two who never saw an owl: of the one who errs elsewhere less is believed of owls too."""
    said = [(f"s{each}", person, CLASSES[each % 3]) for each in range(60) for person in ("ada", "ben", "cleo")]
    said += [(f"s{each}", "zoe", CLASSES[(each + each // 3) % 3]) for each in range(60)]
    answers = Answers.of(said, CLASSES)
    confusion = dict(zip(answers.annotators, METHODS["dawid-skene"].fit(answers).confusion, strict=True))
    owl = CLASSES.index("owl")
    assert confusion["ada"][owl, owl] > 0.9 > 0.6 > confusion["zoe"][owl, owl]
    assert np.allclose(confusion["zoe"].sum(axis=1), 1.0)


def test_of_one_class_nobody_errs() -> None:
    found = METHODS["dawid-skene"].fit(Answers.of([("s1", "ada", "cat"), ("s1", "ben", "cat")], ["cat"]))
    assert np.array_equal(found.confusion, np.ones((2, 1, 1)))


def test_every_method_is_registered() -> None:
    folder = Path(trueup.quality.__file__).parent
    written = {each.stem for each in folder.glob("*.py") if "\ndef posterior(" in each.read_text()}
    assert {METHODS[each].__name__.rpartition(".")[2] for each in METHODS} == written  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@given(triples, st.randoms(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_neither_order_nor_names_matter(method: str, given: Any, random: Any, with_model: bool) -> None:
    answers = Answers.of(given, CLASSES)
    said = np.random.default_rng(len(given)).dirichlet(np.ones(4), len(answers.samples)) if with_model else None
    posterior = METHODS[method].fit(dataclasses.replace(answers, predictions=said)).posterior
    assert posterior.shape == (len(answers.samples), 4)
    assert (posterior >= 0).all()
    assert posterior.sum(axis=1) == pytest.approx(np.ones(len(answers.samples)))
    shuffled = list(given)
    random.shuffle(shuffled)
    order = random.sample(range(4), 4)
    renamed = Answers.of(shuffled, [CLASSES[each] for each in order])
    moved = None if said is None else said[:, order]
    again = METHODS[method].fit(dataclasses.replace(renamed, predictions=moved)).posterior
    assert again == pytest.approx(posterior[:, order], abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_matrices_are_probabilities(method: str) -> None:
    answers, _ = crowd(80, 6, 3, seed=1)
    found = METHODS[method].fit(answers).confusion
    assert found.shape == (6, 4, 4)
    assert found.sum(axis=2) == pytest.approx(np.ones((6, 4)))


@pytest.mark.parametrize("method", METHODS)
def test_no_answer_and_one_class_are_no_trouble(method: str) -> None:
    assert METHODS[method].fit(Answers.of([], CLASSES)).posterior.shape == (0, 4)
    alone = METHODS[method].fit(Answers.of([("s", "ada", "cat"), ("s", "ben", "cat")]))
    assert alone.posterior.tolist() == [[1.0]]
    assert METHODS[method].posterior([("ada", "cat")], ["cat"], {}).tolist() == [1.0]


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_one_sample_is_judged_as_the_fit_would(method: str) -> None:
    answers, truth = crowd(600, 15, 4, seed=2)
    fit = METHODS[method].fit(answers)
    skills = {each.annotator: each for each in records_of(answers, fit, "pets", NOW)}
    rows = np.split(np.arange(len(answers)), np.cumsum(answers.counts)[:-1])
    online = np.array(
        [
            METHODS[method].posterior(
                [(answers.annotators[answers.annotator_of[each]], CLASSES[answers.label_of[each]]) for each in row],
                CLASSES,
                skills,
            )
            for row in rows
        ]
    )
    same = winners(online, CLASSES, answers.samples) == winners(fit.posterior, CLASSES, answers.samples)
    assert same.mean() > 0.93
    assert abs(right(answers, online, truth) - right(answers, fit.posterior, truth)) < 0.02


def test_matrices_beat_skills_and_skills_beat_majority() -> None:
    found = {name: [] for name in METHODS}
    for seed in range(3):
        answers, truth = crowd(1500, 25, 4, seed=seed)
        for name, each in found.items():
            each.append(right(answers, METHODS[name].fit(answers).posterior, truth))
    mean = {name: np.mean(each) for name, each in found.items()}
    assert mean["dawid-skene"] > mean["mace"] > mean["majority"] + 0.02
    assert mean["dawid-skene"] > mean["weighted-majority"] > mean["majority"] + 0.02


def test_glad_is_better_where_samples_differ_in_ease() -> None:
    gain = []
    for seed in range(4):
        answers, truth = crowd(1500, 25, 4, seed=seed, ease=True)
        glad, majority = (METHODS[each].fit(answers).posterior for each in ("glad", "majority"))
        gain.append(right(answers, glad, truth) - right(answers, majority, truth))
        assert glad.max(axis=1).mean() == pytest.approx(right(answers, glad, truth), abs=0.03)
    assert np.mean(gain) > 0.01


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"crowdlab", "majority"}))
def test_a_posterior_is_as_often_right_as_it_says(method: str) -> None:
    answers, truth = crowd(3000, 40, 3, seed=5)
    posterior = METHODS[method].fit(answers).posterior
    assert posterior.max(axis=1).mean() == pytest.approx(right(answers, posterior, truth), abs=0.04)


def test_crowdlab_listens_to_a_model_as_far_as_it_agrees() -> None:
    answers, truth = crowd(1000, 20, 3, seed=3)
    rng = np.random.default_rng(0)
    good = 0.4 * rng.dirichlet(np.ones(4), 1000) + 0.6 * np.eye(4)[np.where(rng.random(1000) < 0.95, truth, 0)]
    bad = good[rng.permutation(1000)]
    alone = right(answers, METHODS["crowdlab"].fit(answers).posterior, truth)
    helped, misled = (
        right(answers, METHODS["crowdlab"].fit(dataclasses.replace(answers, predictions=each)).posterior, truth)
        for each in (good, bad)
    )
    assert helped > alone + 0.05
    assert misled > alone - 0.03


def test_crowdlab_by_hand() -> None:
    """Two samples, three annotators; the numbers are those of the paper's formulas."""
    given = [("x", "ada", "cat"), ("x", "ben", "cat"), ("x", "cleo", "dog"), ("y", "ada", "dog"), ("y", "ben", "dog")]
    said = np.array([[0.2, 0.8], [0.1, 0.9]])
    answers = dataclasses.replace(Answers.of(given, ("cat", "dog")), predictions=said)
    likelihood = (2 / 3 + 1) / 2
    # Half of the majorities are the commonest class; ada agrees with 2 of 3 others, cleo with none of 2.
    ada = ben = 1 - (1 - 2 / 3) / (1 - 1 / 2)
    model = (1 - (1 - 1 / 2) / (1 - 1 / 2)) * np.sqrt(5 / 2)
    assert (ada, model) == (pytest.approx(1 / 3), 0)
    votes = ada * likelihood + ben * likelihood
    found = METHODS["crowdlab"].fit(answers).posterior
    assert found[0, 0] == pytest.approx(votes / (ada + ben), abs=1e-5)
    assert found[1, 1] == pytest.approx(likelihood, abs=1e-5)


def test_equal_votes_are_drawn_by_the_sample_and_not_by_the_order_of_classes() -> None:
    tied = np.array([0.5, 0.5])
    drawn = [winner(tied, ("cat", "dog"), f"s{each}") for each in range(400)]
    assert 150 < sum(drawn) < 250
    turned = [winner(tied, ("dog", "cat"), f"s{each}") for each in range(400)]
    assert [1 - each for each in drawn] == turned
    # Over many samples the class that is likelier everywhere wins.
    assert winners(np.array([[0.5, 0.5], [0.1, 0.9]]), ("cat", "dog"), ("a", "b")).tolist() == [1, 1]


def test_intervals_of_skill_cover_as_often_as_they_say() -> None:
    inside = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        skill = rng.uniform(0.6, 0.97, 12)
        truth = rng.integers(0, 3, 400)
        labels = np.where(rng.random((12, 400)) < skill[:, None], truth, (truth + rng.integers(1, 3, (12, 400))) % 3)
        answers = Answers.of_columns(np.tile(np.arange(400), 12), np.repeat(np.arange(12), 400), labels.ravel())
        for known, found in zip(skill, skills_of(answers, METHODS["dawid-skene"].fit(answers)), strict=True):
            inside.append(found.low <= known <= found.high)
    assert 0.8 < np.mean(inside) <= 0.97


def test_samples_with_very_many_answers_change_nothing() -> None:
    """Dawid-Skene keeps the longest samples apart: they count as all others."""
    answers, _ = crowd(300, 20, 3, seed=4)
    extra = [("crowded", f"b{each:04d}", "cat" if each % 3 else "dog") for each in range(400)]
    columns = [
        (str(answers.samples[sample]), answers.annotators[person], answers.classes[label])
        for sample, person, label in zip(answers.sample_of, answers.annotator_of, answers.label_of, strict=True)
    ]
    found = METHODS["dawid-skene"].fit(Answers.of(columns + extra, CLASSES))
    assert found.posterior[-1, 0] > 0.99
    few = METHODS["dawid-skene"].fit(Answers.of(columns, CLASSES))
    assert found.posterior[:-1] == pytest.approx(few.posterior, abs=0.05)


@pytest.mark.slow
def test_a_method_is_imported_when_it_is_used() -> None:
    program = (
        "import sys\n"
        "import trueup.usecases.settle_consensus\n"
        "from trueup.quality.methods import METHODS\n"
        "METHODS['majority'].posterior([('ada', 'cat')], ['cat', 'dog'], {})\n"
        "names = 'dawid_skene glad mace crowdlab agreement ratings preferences shapes masks'.split()\n"
        "print([each for each in names if f'trueup.quality.{each}' in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
