"""Boxes and spans of several people."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.quality.shapes import Shape, overlaps, shape_agreement, shared_shapes, similarity


def box(label: str, *edges: float) -> Shape:
    return Shape(label, edges)


def test_overlap_by_hand() -> None:
    one = box("cat", 0, 0, 2, 2)
    assert overlaps([one], [one, box("cat", 1, 1, 3, 3), box("cat", 5, 5, 6, 6), box("cat", 1, 1, 1, 1)]).tolist() == [
        [1.0, pytest.approx(1 / 7), 0.0, 0.0]
    ]
    assert overlaps([Shape("name", (0, 10))], [Shape("name", (5, 15))])[0, 0] == pytest.approx(1 / 3)


def test_boxes_of_several_people_become_those_that_they_share() -> None:
    drawn = {
        "ada": [box("cat", 0, 0, 10, 10), box("dog", 50, 50, 60, 60)],
        "ben": [box("cat", 1, 0, 11, 10)],
        "cleo": [box("dog", 0, 1, 10, 11), box("dog", 51, 50, 61, 60)],
    }
    cat, dog = shared_shapes(drawn)
    assert (cat.label, cat.edges, cat.annotators) == ("cat", (0, 0, 10, 10), ("ada", "ben", "cleo"))
    assert 0.5 < cat.posterior < 0.95
    assert cat.existence > dog.existence > 0.5
    assert (dog.label, dog.annotators) == ("dog", ("ada", "cleo"))
    assert dog.errors == pytest.approx((0.5, 0, 0.5, 0))
    # Whom to believe about the label.
    (first, _) = shared_shapes(drawn, skills={"ada": 0.55, "ben": 0.55, "cleo": 0.95})
    assert first.label == "dog"


def test_what_one_of_three_drew_is_probably_not_there() -> None:
    (found,) = shared_shapes({"ada": [box("cat", 0, 0, 1, 1)], "ben": [], "cleo": []})
    assert found.existence < 0.2
    assert all(math.isnan(each) for each in found.errors)
    assert shared_shapes({"ada": [], "ben": []}) == []


def test_two_shapes_of_one_annotator_are_never_one() -> None:
    twins = [box("cat", 0, 0, 10, 10), box("cat", 1, 1, 11, 11)]
    assert [each.annotators for each in shared_shapes({"ada": twins, "ben": twins})] == [("ada", "ben")] * 2


def test_spans_are_aligned() -> None:
    drawn = {"ada": [Shape("name", (4, 12))], "ben": [Shape("name", (4, 11))], "cleo": [Shape("place", (5, 12))]}
    (found,) = shared_shapes(drawn)
    assert (found.label, found.edges) == ("name", (4, 12))


edges = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 10), st.integers(1, 10)).map(
    lambda each: (each[0], each[1], each[0] + each[2], each[1] + each[3])
)
shapes = st.lists(st.builds(Shape, st.sampled_from(["cat", "dog"]), edges), max_size=5)


@pytest.mark.slow
@given(shapes, shapes)
@settings(max_examples=80, deadline=None)
def test_similarity_is_symmetric_and_within_bounds(one: list[Shape], other: list[Shape]) -> None:
    value = similarity(one, other)
    assert similarity(other, one) == pytest.approx(value)
    assert -1e-12 <= value <= 1 + 1e-12
    assert similarity(one, one) == pytest.approx(1)
    found = shared_shapes({"ada": one, "ben": other})
    assert sum(len(each.annotators) for each in found) == len(one) + len(other)
    again = shared_shapes({"ben": list(reversed(other)), "ada": list(reversed(one))})
    assert [(each.label, each.edges, each.annotators) for each in again] == [
        (each.label, each.edges, each.annotators) for each in found
    ]


def test_agreement_of_shapes() -> None:
    rng = np.random.default_rng(0)

    def seen(spread: float) -> list[list[list[Shape]]]:
        places = rng.uniform(0, 100, (60, 2))
        return [
            [[box("cat", *(place + rng.normal(0, spread, 2)), *(place + 20 + rng.normal(0, spread, 2)))] for _ in "abc"]
            for place in places
        ]

    near, far = shape_agreement(seen(0.5)), shape_agreement(seen(4))
    assert near.low < near.overlap < near.high
    assert near.alpha > far.alpha > 0.2
    assert near.samples == 60
    same = shape_agreement([[[box("cat", 0, 0, 1, 1)]] * 2, [[box("cat", 5, 5, 6, 6)]] * 2])
    assert (same.overlap, same.alpha) == (1, 1)
    assert math.isnan(shape_agreement([[[box("cat", 0, 0, 1, 1)]]]).overlap)
