"""Pickers: as many as are wanted, all different, the same for the same seed; and what each is for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.selection.pickers import PICKERS
from trueup.similarity.features import TEXT_DIMENSIONS, features_of, together

EVERY = pytest.mark.parametrize("name", sorted(PICKERS))
CELLS = st.floats(-1e6, 1e6, width=32)


def falling(count: int, seed: int = 0) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).random(count))[::-1]


def pick(name: str, scores: np.ndarray, vectors: np.ndarray, count: int, seed: int = 0) -> list[int]:
    return PICKERS[name].pick(scores, vectors.astype(np.float32), count, np.random.default_rng(seed))


@pytest.mark.slow
@EVERY
@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=25),
    count=st.integers(0, 30),
    seed=st.integers(0, 9),
)
def test_as_many_as_wanted_all_different_and_the_same_again(
    name: str, rows: list[list[float]], count: int, seed: int
) -> None:
    vectors = np.array(rows, dtype=np.float32).reshape(len(rows), 3)
    picked = pick(name, falling(len(rows)), vectors, count, seed)
    assert len(picked) == len(set(picked)) == min(count, len(rows))
    assert all(0 <= each < len(rows) for each in picked)
    assert picked == pick(name, falling(len(rows)), vectors, count, seed)


@EVERY
@pytest.mark.parametrize("scores", [np.zeros(6), np.ones(6), -np.arange(6.0)], ids=["zeros", "ones", "negative"])
def test_equal_vectors_and_scores_of_any_kind_do_not_disturb(name: str, scores: np.ndarray) -> None:
    assert len(set(pick(name, scores, np.zeros((6, 4)), 3))) == 3


@pytest.mark.parametrize("name", ["facility_location", "k_center", "one_per_cluster"])
def test_of_three_kinds_each_is_asked_about(name: str) -> None:
    """The most doubtful are all of one kind; the highest scores alone would ask about nothing else."""
    rng = np.random.default_rng(1)
    kinds = np.repeat([0, 1, 2], [20, 6, 6])
    vectors = np.eye(3)[kinds] * 10 + rng.normal(size=(32, 3)) * 0.1
    scores = np.concatenate([np.linspace(0.9, 0.8, 20), np.linspace(0.7, 0.6, 12)])
    assert set(kinds[pick("top", scores, vectors, 3)]) == {0}
    assert set(kinds[pick(name, scores, vectors, 3)]) == {0, 1, 2}


def test_what_is_sure_is_not_asked_about_in_place_of_a_twin_in_doubt() -> None:
    scores, vectors = np.array([0.9, 0.9, 0.0, 0.0]), np.array([[0.0], [0.0], [5.0], [9.0]])
    assert sorted(pick("k_center", scores, vectors, 2)) == [0, 1]


def test_every_picker_file_is_in_the_table() -> None:
    import trueup.selection.pickers as room

    assert {each.stem for each in Path(room.__file__).parent.glob("*.py")} - {"__init__"} == set(PICKERS)


@pytest.mark.parametrize(
    ("data", "kind", "length"),
    [
        (b"1,2.5,-3e2", "text/csv", 3),
        (b"1,,3", "text/csv", 3),
        (b"a,b,c", "text/csv", TEXT_DIMENSIONS),
        (b'{"instances": [[1, 2, 3, 4]]}', "application/json", 4),
        (b'{"a": {"b": [true, false]}, "x": [1, 2]}', "application/json", 2),
        (b'{"inputs": "I want my money back"}', "application/json", TEXT_DIMENSIONS),
        (b"I want my money back", "text/plain", TEXT_DIMENSIONS),
        (bytes(784), "application/x-image", 784),
        (bytes(784), "image/x-portable-graymap", 784),
        (b"\x89PNG\r\n", "image/png", None),
        (bytes(100_000), "application/octet-stream", None),
        (b"\xff\xfe", "text/csv", None),
        (b"", "text/plain", None),
        (b"[" * 5000, "application/json", None),
    ],
)
def test_an_input_has_a_place_or_none(data: bytes, kind: str, length: int | None) -> None:
    found = features_of(data, kind)
    assert (None if found is None else len(found)) == length


@given(st.binary(max_size=60), st.sampled_from(["text/csv", "application/json", "text/plain", "image/png", "x/y"]))
def test_no_input_disturbs(data: bytes, kind: str) -> None:
    found = features_of(data, kind)
    if found is not None:
        spread = together([found, found], np.zeros((2, 2)))
        assert spread.shape == (2, len(found))
        assert np.isfinite(spread).all()


def test_alike_texts_lie_near() -> None:
    texts = [b"please refund my order", b"please refund my last order", b"the app crashes on start"]
    one, two, three = (features_of(each, "text/plain") for each in texts)
    assert one is not None
    assert two is not None
    assert three is not None
    assert np.linalg.norm(one - two) < np.linalg.norm(one - three)


def test_what_has_no_common_length_is_told_apart_by_its_answer() -> None:
    answers = np.array([[0.9, 0.1], [0.1, 0.9]])
    for vectors in ([features_of(b"1,2", "text/csv"), features_of(b"1,2,3", "text/csv")], [None, None]):
        assert np.allclose(together(vectors, answers), [[1.0, -1.0], [-1.0, 1.0]])
