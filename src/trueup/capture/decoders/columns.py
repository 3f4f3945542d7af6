"""Answers of many requests at once, for the families that a busy endpoint speaks.

A decoder may offer `decode_many(texts, classes)` beside `decode`: the answers of requests of one instance each, as
one table. It returns None for whatever is not plain, and then each answer is decoded for itself: what is wrong with
one, or special, is the business of `decode` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.capture.decoders.family import ROUNDING, SUM_TOLERANCE, first_classes
from trueup.model import Prediction, PredictionKind

_FIRST = np.zeros(1, dtype=np.int64)


class Table(msgspec.Struct, frozen=True):
    """Whole distributions: `probabilities` is float64[n, k], each row in the order of `classes`."""

    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]
    kind: PredictionKind

    def predictions(self, which: NDArray[np.int64]) -> list[Prediction]:
        """Some of the rows."""
        rows = self.probabilities[which].tolist()
        return [Prediction(classes=self.classes, probabilities=tuple(each), kind=self.kind) for each in rows]

    def begins_with(self, prediction: Prediction) -> bool:
        """Whether the first row is this prediction, wholly."""
        return self.predictions(_FIRST) == [prediction]


def table(rows: Sequence[Sequence[float]] | Sequence[float], classes: tuple[str, ...]) -> Table | None:
    """A row of probabilities each, or P(second class) each, over the first of `classes`; None where
    family.prediction would refuse one of them."""
    values = _matrix(rows)
    return table_of(values, classes) if values is not None else None


def table_of(values: NDArray[np.float64], classes: tuple[str, ...]) -> Table | None:
    """The same of float64[n, k]."""
    if not values.size:
        return None
    kind: PredictionKind = "probabilities"
    if values.shape[1] == 1:
        second, kind = values[:, 0], "binary"
        values = np.empty((len(second), 2))
        values[:, 0], values[:, 1] = 1.0 - second, second
    known = first_classes(classes, values.shape[1])
    if len(known) < values.shape[1] or len(set(known)) < len(known):
        return None
    # A product, since numpy is slow with sums of short rows.
    lowest, highest, sums = values.min(), values.max(), values @ np.ones(values.shape[1])
    # Written so that a NaN is refused.
    inside = lowest >= -ROUNDING and highest <= 1 + ROUNDING
    if not (inside and sums.min() >= 1 - SUM_TOLERANCE and sums.max() <= 1 + SUM_TOLERANCE):
        return None
    sound = values if lowest >= 0.0 and highest <= 1.0 else values.clip(0.0, 1.0)
    return Table(classes=known, probabilities=sound, kind=kind)


def _matrix(rows: Sequence[Sequence[float]] | Sequence[float]) -> NDArray[np.float64] | None:
    if not rows or isinstance(rows[0], int | float):
        return np.array(rows, dtype=np.float64).reshape(-1, 1)
    widths = set(map(len, rows))  # type: ignore[arg-type]
    width = widths.pop()
    if widths or not width:
        return None
    flat = chain.from_iterable(rows)  # type: ignore[arg-type]
    return np.fromiter(flat, np.float64, len(rows) * width).reshape(-1, width)
