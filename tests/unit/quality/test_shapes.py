"""Boxes, spans, masks, ratings and preferences: what several people mean, against what was planted."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.quality.masks import staple
from trueup.quality.preferences import Comparisons, fit_preferences, judge_preference
from trueup.quality.ratings import Ratings, fit_ratings, judge_rating, trimmed_mean
from trueup.quality.shapes import Shape, overlaps, shape_agreement, shared_shapes, similarity

RNG = np.random.default_rng(5)
CAT = Shape("cat", (0.0, 0.0, 10.0, 10.0))


def moved(shape: Shape, by: float, label: str | None = None) -> Shape:
    return Shape(label or shape.label, tuple(each + by for each in shape.edges))


def test_overlaps_by_hand() -> None:
    found = overlaps([CAT], [CAT, moved(CAT, 5.0), moved(CAT, 10.0), Shape("x", (3.0, 3.0, 3.0, 9.0))])
    assert found[0].tolist() == pytest.approx([1.0, 25 / 175, 0.0, 0.0])
    assert overlaps([Shape("a", (0.0, 4.0))], [Shape("b", (2.0, 6.0))])[0, 0] == pytest.approx(2 / 6)


def test_what_most_people_drew_is_there_and_lies_in_their_middle() -> None:
    drawn = {
        "ada": [CAT, Shape("dog", (50.0, 50.0, 60.0, 60.0))],
        "ben": [moved(CAT, 1.0)],
        "cleo": [moved(CAT, -1.0), moved(CAT, 0.5)],
    }
    first, *others = shared_shapes(drawn)
    assert (first.label, first.annotators) == ("cat", ("ada", "ben", "cleo"))
    assert first.existence > 0.99
    assert np.abs(np.array(first.edges) - np.array(CAT.edges)).max() <= 0.5
    assert sorted(each.annotators for each in others) == [("ada",), ("cleo",)]
    assert all(each.existence < 0.5 for each in others)
    assert all(math.isnan(each) for each in others[0].errors)


def test_people_who_drew_nothing_count_and_skilled_ones_decide_the_label() -> None:
    (found,) = shared_shapes({"ada": [CAT], "ben": [], "cleo": []})
    assert found.existence < 0.2
    drawn = {"ada": [CAT], "ben": [moved(CAT, 0.1, "dog")], "cleo": [moved(CAT, 0.2, "dog")]}
    assert shared_shapes(drawn)[0].label == "dog"
    assert shared_shapes(drawn, skills={"ada": 0.99, "ben": 0.55, "cleo": 0.55})[0].label == "cat"
    assert shared_shapes({"ada": [], "ben": []}) == []


SHAPES = st.lists(
    st.builds(
        lambda label, left, top, wide, high: Shape(label, (left, top, left + wide, top + high)),
        st.sampled_from("ab"),
        *[st.integers(0, 20).map(float)] * 2,
        *[st.integers(1, 9).map(float)] * 2,
    ),
    max_size=5,
)


@given(SHAPES, SHAPES)
def test_similarity_is_symmetric_and_one_with_oneself(one: list[Shape], other: list[Shape]) -> None:
    assert similarity(one, one) == pytest.approx(1.0)
    assert 0.0 <= similarity(one, other) <= 1.0
    assert similarity(one, other) == pytest.approx(similarity(other, one))


@given(st.lists(SHAPES, min_size=1, max_size=4), st.randoms())
def test_the_order_of_annotators_and_shapes_does_not_matter(people: list[list[Shape]], random: object) -> None:
    names = "abcd"
    forth = {names[place]: each for place, each in enumerate(people)}
    back = {names[place]: people[place][::-1] for place in reversed(range(len(people)))}
    assert repr(shared_shapes(forth)) == repr(shared_shapes(back))


def test_agreement_of_shapes_is_measured_beyond_chance() -> None:
    same = [[[moved(CAT, 30.0 * sample)], [moved(CAT, 30.0 * sample + 0.5)]] for sample in range(20)]
    found = shape_agreement(same)
    assert 0.7 < found.low <= found.overlap <= found.high < 1.0
    assert found.alpha == pytest.approx(found.overlap, abs=0.05)
    everywhere = [[[CAT], [CAT]] for _ in range(10)]
    assert shape_agreement(everywhere).alpha == 1.0
    assert math.isnan(shape_agreement([[[CAT]]]).overlap)


def test_staple_finds_the_mask_and_who_outlines_badly() -> None:
    truth = np.zeros((40, 40), dtype=bool)
    truth[10:30, 12:28] = True
    masks = np.array([truth ^ (RNG.random(truth.shape) < rate) for rate in (0.02, 0.05, 0.3)])
    found = staple(masks)
    assert ((found.posterior > 0.5) == truth).mean() > 0.97
    assert found.sensitivity[0] > found.sensitivity[1] > found.sensitivity[2]
    assert found.specificity.argmin() == 2
    assert found.posterior.shape == truth.shape
    assert (staple(masks[::-1]).posterior == pytest.approx(found.posterior, abs=1e-5)) is True


@pytest.mark.parametrize("count", [0, 63])
def test_staple_takes_so_many_masks(count: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 62 masks, got {count}"):
        staple(np.zeros((count, 2, 2)))


def test_ratings_see_through_strict_and_careless_people() -> None:
    truth, bias, spread = RNG.normal(0, 2, 300), np.array([0.0, 1.5, -1.5, 0.0]), np.array([0.2, 0.2, 0.2, 2.0])
    rows = [
        (f"s{sample:03d}", f"a{person}", truth[sample] + bias[person] + RNG.normal(0, spread[person]))
        for sample in range(300)
        for person in range(4)
        if person != sample % 5
    ]
    found = fit_ratings(Ratings.of(rows))
    moved_by = float((found.values - truth).mean())
    assert np.sqrt(((found.values - truth - moved_by) ** 2).mean()) < 0.2
    assert found.bias.tolist() == pytest.approx((bias - bias.mean()).tolist(), abs=0.15)
    assert found.spread.argmax() == 3
    assert found.spread[3] > 4 * found.spread[:3].max()


def test_one_wild_rating_moves_a_value_little_and_one_sample_is_judged_by_what_is_known() -> None:
    known_bias, known_spread = {"ada": 1.0}, {"ada": 0.5, "ben": 0.5, "cleo": 0.5}
    value, error = judge_rating([("ada", 4.0), ("ben", 3.0), ("cleo", 3.0)], known_bias, known_spread)
    assert (value, error) == (pytest.approx(3.0), pytest.approx(0.5 / math.sqrt(3)))
    wild, _ = judge_rating([("ben", 3.0), ("cleo", 3.0), ("dev", 300.0)], known_bias, known_spread)
    assert wild == pytest.approx(3.0, abs=0.5)
    with pytest.raises(ValueError, match="at least one rating"):
        judge_rating([], {}, {})
    with pytest.raises(ValueError, match="finite"):
        Ratings.of([("s", "a", math.inf)])


def test_trimmed_means_by_hand() -> None:
    assert trimmed_mean([1, 2, 3, 4, 100]) == pytest.approx(3.0)
    assert trimmed_mean([1, 2], share=0.5) != trimmed_mean([1, 2], share=0.4)
    assert math.isnan(trimmed_mean([]))


def test_preferences_rank_items_and_find_who_turns_them_round() -> None:
    items, scores = "abcdef", np.linspace(-2, 2, 6)
    rows = []
    for person, honest in (("ada", 0.97), ("ben", 0.95), ("liar", 0.1)):
        for one, other in combinations(range(6), 2):
            for _ in range(12):
                better = RNG.random() < 1 / (1 + np.exp(scores[other] - scores[one]))
                said = one if better == (RNG.random() < honest) else other
                rows.append((person, items[one], items[other], items[said]))
    found = fit_preferences(Comparisons.of(rows))
    assert found.scores.argsort().tolist() == list(range(6))
    assert found.scores.mean() == pytest.approx(0.0)
    assert found.scores.tolist() == pytest.approx(scores.tolist(), abs=0.8)
    reliability = dict(zip(("ada", "ben", "liar"), found.reliability.tolist(), strict=True))
    assert reliability["liar"] < 0.3 < 0.8 < min(reliability["ada"], reliability["ben"])
    assert (found.errors > 0).all()


def test_draws_and_sure_winners_have_finite_scores() -> None:
    sure = fit_preferences(Comparisons.of([("ada", "x", "y", "x")] * 9), trust_all=True)
    assert sure.scores[0] == -sure.scores[1] > 1.0
    draw = fit_preferences(Comparisons.of([("ada", "x", "y", None)] * 9), trust_all=True)
    assert draw.scores.tolist() == pytest.approx([0.0, 0.0], abs=1e-9)
    assert fit_preferences(Comparisons.of([])).scores.tolist() == []
    with pytest.raises(ValueError, match="not one of two different items"):
        Comparisons.of([("ada", "x", "y", "z")])


def test_a_new_preference_moves_the_odds_by_whose_it_is() -> None:
    assert judge_preference(1.0, 1.0, [], {}) == pytest.approx(0.5)
    assert judge_preference(0.0, 0.0, [("ada", True)], {"ada": 0.8}) == pytest.approx(0.8)
    assert judge_preference(0.0, 0.0, [("ada", True), ("ben", False)], {"ada": 0.8, "ben": 0.8}) == pytest.approx(0.5)
