"""Masks: STAPLE."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.quality.masks import staple


def crowd(seed: int) -> tuple[Any, Any, Any, Any]:
    """A disc of 120 x 120 pixels marked by four; the truth, sensitivities and specificities."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:120, :120]
    truth = (rows - 60) ** 2 + (columns - 60) ** 2 < 35**2
    sensitivity, specificity = np.array([0.95, 0.9, 0.85, 0.5]), np.array([0.98, 0.95, 0.99, 0.8])
    draws = rng.random((4, 120, 120))
    marked = np.where(truth, draws < sensitivity[:, None, None], draws > specificity[:, None, None])
    return marked, truth, sensitivity, specificity


def test_the_mask_and_the_annotators_are_found() -> None:
    marked, truth, sensitivity, specificity = crowd(1)
    fit = staple(marked)
    assert fit.posterior.shape == truth.shape
    assert fit.sensitivity == pytest.approx(sensitivity, abs=0.03)
    assert fit.specificity == pytest.approx(specificity, abs=0.03)
    right = ((fit.posterior > 0.5) == truth).mean()
    assert right > ((marked.mean(axis=0) > 0.5) == truth).mean()
    assert np.abs(fit.posterior.mean() - truth.mean()) < 0.01


@given(st.integers(0, 10_000), st.permutations(range(4)))
@settings(max_examples=20, deadline=None)
def test_neither_the_order_of_pixels_nor_of_annotators_matters(seed: int, order: list[int]) -> None:
    rng = np.random.default_rng(seed)
    masks = rng.random((4, 60)) < rng.random(60)
    pixels = rng.permutation(60)
    fit, moved = staple(masks), staple(masks[order][:, pixels])
    assert moved.posterior == pytest.approx(fit.posterior[pixels], abs=1e-6)
    assert moved.sensitivity == pytest.approx(fit.sensitivity[order], abs=1e-6)
    assert ((fit.posterior >= 0) & (fit.posterior <= 1)).all()


def test_extremes() -> None:
    assert (staple(np.zeros((3, 5, 5))).posterior < 0.01).all()
    assert (staple(np.ones((3, 5, 5))).posterior > 0.99).all()
    assert staple(np.array([[0, 255]])).posterior[1] > staple(np.array([[0, 255]])).posterior[0]
    for wrong in (np.zeros((0, 4)), np.zeros((63, 4))):
        with pytest.raises(ValueError, match="1 to 62"):
            staple(wrong)
