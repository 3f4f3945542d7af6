"""Pixels out of outlines and out of COCO's runs, and a mask out of layers of such."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from trueup.errors import LabelError
from trueup.labels.brush import runs_of
from trueup.labels.reading import MAX_BYTES, MAX_PIXELS
from trueup.labels.values import Mask

Ring = Sequence[tuple[float, float]]
# As short as a run is in a label's text.
_MOST_RUNS = MAX_BYTES // len("[0,1],")


def filled(rings: Iterable[Ring], width: int, height: int) -> NDArray[np.bool_]:
    """Which pixels have their centre inside an odd number of the outlines, row by row: bool[height * width]."""
    _paintable(width, height)
    inside = np.zeros((height, width), dtype=np.bool_)
    centres = np.arange(width) + 0.5
    for ring in rings:
        points = np.asarray(ring, dtype=np.float64)
        ends = np.roll(points, -1, axis=0)
        first, last = max(0, int(points[:, 1].min())), min(height, int(points[:, 1].max()) + 1)
        for row in range(first, last):
            crossings = _crossings(points, ends, row + 0.5)
            inside[row] ^= np.searchsorted(crossings, centres) % 2 == 1
    return inside.ravel()


def _crossings(points: NDArray[np.float64], ends: NDArray[np.float64], y: float) -> NDArray[np.float64]:
    """Where a row's middle meets the sides, from left to right."""
    meets = (points[:, 1] <= y) != (ends[:, 1] <= y)
    start, end = points[meets], ends[meets]
    return np.sort(start[:, 0] + (y - start[:, 1]) * (end[:, 0] - start[:, 0]) / (end[:, 1] - start[:, 1]))


def uncounted(counts: Sequence[int] | str, width: int, height: int) -> NDArray[np.bool_]:
    """COCO's runs, of nothing and something in turn, column by column, as bool[height * width] row by row. A text is
    their packed form (cocoapi, common/maskApi.c, rleFrString). Raises LabelError for runs of another size."""
    _paintable(width, height)
    lengths = np.asarray(unpacked(counts) if isinstance(counts, str) else counts, dtype=np.int64)
    if (lengths < 0).any() or lengths.sum() != width * height:
        raise LabelError(f"the runs do not make {width} x {height} pixels", field="segmentation.counts")
    values = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return np.ascontiguousarray(values.reshape(width, height).T).ravel()


def unpacked(text: str) -> list[int]:
    """Numbers of five bits a character, the lowest first; from the fourth on each is a difference to the one before the
    last. Raises LabelError."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        part = ord(character) - 48
        if not 0 <= part < 64 or shift > 60:
            raise LabelError("the runs are no packed counts", field="segmentation.counts")
        value |= (part & 31) << shift
        shift += 5
        if not part & 32:
            value -= (1 << shift) if part & 16 else 0
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts


def mask_of_layers(layers: Sequence[tuple[str, NDArray[np.bool_]]], width: int, height: int) -> Mask:
    """Layers (class, bool[height * width]), of which later ones lie on top. Raises LabelError for more detail than a
    label holds."""
    _paintable(width, height)
    classes = tuple(dict.fromkeys(name for name, _ in layers))
    painted = [(classes.index(name) + 1, where) for name, where in layers]
    try:
        runs = runs_of(painted, width * height, _MOST_RUNS)
    except ValueError as error:
        raise LabelError(f"the mask cannot be kept: {error}", field="label") from error
    return Mask(width=width, height=height, classes=classes, runs=runs)


def _paintable(width: int, height: int) -> None:
    if not 0 < width * height <= MAX_PIXELS or min(width, height) < 1:
        raise LabelError(f"a mask of {width:,} x {height:,} pixels: from 1 to {MAX_PIXELS:,} are kept", field="label")
