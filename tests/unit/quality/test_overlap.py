"""What another answer is worth."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.quality.test_consensus import annotation
from tests.worlds import NOW, SCHEMA, opening
from trueup.model import ConsensusPolicy
from trueup.quality.consensus import MoreAnswers, NeedsReview, judge
from trueup.quality.overlap import gain, usual_skill


def test_by_hand() -> None:
    # One person who is right 8 times in 10 decides a tie as well as that.
    assert gain(np.array([0.5, 0.5]), 0.8, 1) == pytest.approx(0.3)
    # One answer cannot turn it, three can: 3 of 3 others, or nothing changes.
    posterior = np.array([0.9, 0.1])
    assert gain(posterior, 0.8, 1) == pytest.approx(0)
    turned = 0.1 * 0.8**2 - 0.9 * 0.2**2
    assert gain(posterior, 0.8, 2) == pytest.approx(turned / 2)
    assert gain(posterior, 0.8, 0) == 0


@pytest.mark.slow
@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=5), st.floats(0.5, 0.99), st.integers(1, 5))
def test_more_people_to_ask_are_never_worth_less(weights: list[float], skill: float, remaining: int) -> None:
    posterior = np.array(weights) / sum(weights)
    first = gain(posterior, skill, remaining)
    assert -1e-12 <= first <= gain(posterior, skill, remaining + 1) + 1e-12
    assert first <= 1 - posterior.max() + 1e-12


def test_an_answer_that_hardly_helps_is_not_asked_for() -> None:
    task = msgspec.structs.replace(opening().task, overlap=2)
    answers = [annotation(1, "ada", "cat"), annotation(1, "ben", "cat")]
    policy = ConsensusPolicy(overlap=2, max_overlap=3, target=0.999)
    assert isinstance(judge(task, answers, policy, SCHEMA, {}, NOW), MoreAnswers)
    thrifty = msgspec.structs.replace(policy, min_gain=0.01)
    verdict = judge(task, answers, thrifty, SCHEMA, {}, NOW)
    assert isinstance(verdict, NeedsReview)
    assert "would raise it by no more than 0.000" in verdict.reason
    disputed = [answers[0], annotation(1, "ben", "dog")]
    assert isinstance(judge(task, disputed, thrifty, SCHEMA, {}, NOW), MoreAnswers)


def test_a_new_crowd_is_believed_to_be_as_good_as_the_prior() -> None:
    assert usual_skill([]) == pytest.approx(0.8)
