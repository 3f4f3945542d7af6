"""Consensus: better than majority on a careless crowd, and never sure of a tie."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds import CLASSES, NOW, SCHEMA, opening
from trueup.model import Annotation, AnnotatorSkill, ConsensusPolicy
from trueup.quality.agreement import fleiss_kappa, krippendorff_alpha, percent
from trueup.quality.annotators import careless
from trueup.quality.answers import Answers
from trueup.quality.consensus import Accepted, MoreAnswers, NeedsReview, Waiting, judge
from trueup.quality.methods import METHODS
from trueup.quality.skills import records_of

SKILLS = {"ada": 0.95, "ben": 0.9, "cleo": 0.9, "hasty": 0.35}


def crowd(tasks: int, seed: int = 3) -> tuple[list[str], list[Annotation]]:
    rng = np.random.default_rng(seed)
    truths = [CLASSES[each] for each in rng.integers(0, 3, tasks)]
    answers = []
    for number, truth in enumerate(truths):
        for name, skill in SKILLS.items():
            wrong = [each for each in CLASSES if each != truth]
            label = truth if rng.random() < skill else str(rng.choice(wrong))
            answers.append(annotation(number, name, label))
    return truths, answers


def annotation(task: int, annotator: str, label: str) -> Annotation:
    return Annotation(
        project="pets",
        annotation_id=f"{task}-{annotator}",
        task_id=f"{task:04d}",
        sample_id=f"{task:04d}",
        annotator=annotator,
        label=label,
        submitted_at=NOW,
    )


def fitted(annotations: list[Annotation]) -> list[AnnotatorSkill]:
    answers = Answers.of_annotations(annotations, CLASSES)
    return records_of(answers, METHODS["dawid-skene"].fit(answers), "pets", NOW)


def test_dawid_skene_finds_skills_and_the_careless_one() -> None:
    _, answers = crowd(150)
    skills = fitted(answers)
    for each in skills:
        assert each.low <= SKILLS[each.annotator] <= each.high or abs(each.skill - SKILLS[each.annotator]) < 0.06
    assert [each.annotator for each in careless(skills)] == ["hasty"]


def test_dawid_skene_beats_majority_on_two_answers() -> None:
    truths, answers = crowd(300)
    skills = {each.annotator: each for each in fitted(answers)}
    right = {"majority": 0, "dawid-skene": 0}
    for number, truth in enumerate(truths):
        votes = [
            (name, answers[4 * number + index].label) for index, name in enumerate(SKILLS) if name in ("ada", "hasty")
        ]
        for method in right:
            posterior = METHODS[method].posterior(votes, CLASSES, skills)
            right[method] += CLASSES[int(np.argmax(posterior))] == truth
    assert right["dawid-skene"] > right["majority"] + 15


def test_a_tie_is_never_sure() -> None:
    for method in METHODS.values():
        posterior = method.posterior([("a", "cat"), ("b", "dog")], CLASSES, {})
        assert posterior[0] == pytest.approx(posterior[1])


@pytest.mark.parametrize(
    ("labels", "overlap", "verdict"),
    [
        (["cat"], 2, Waiting),
        (["cat", "cat"], 2, Accepted),
        (["cat", "dog"], 2, MoreAnswers),
        (["cat", "dog", "fox"], 3, NeedsReview),
    ],
)
def test_the_verdict_follows_the_answers(labels: list[str], overlap: int, verdict: type) -> None:
    task = opening().task
    policy = ConsensusPolicy(overlap=overlap, max_overlap=3, target=0.9)
    import msgspec

    task = msgspec.structs.replace(task, overlap=overlap)
    answers = [annotation(1, f"p{index}", label) for index, label in enumerate(labels)]
    assert isinstance(judge(task, answers, policy, SCHEMA, {}, NOW), verdict)


def test_agreement_by_hand() -> None:
    samples = [["a", "a"], ["a", "b"], ["b", "b"], ["b", "b"]]
    assert percent(samples) == pytest.approx(0.75)
    assert krippendorff_alpha(samples) == pytest.approx(1 - (1 * 7) / (3 * 5))
    assert fleiss_kappa(samples) == pytest.approx((0.75 - (9 + 25) / 64) / (1 - (9 + 25) / 64))
