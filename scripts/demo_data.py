"""The demo's world: handwritten digits (scikit-learn's copy of UCI's) as images that people can look at.

A first model learns a few hundred digits of the classes 0 to 8. Production begins with more like those. Then some of
the cameras are mounted askew: their digits are rotated, and the digit 9 appears, which the model never saw. The
pictures held out for measuring show the world as it is then, both kinds of camera in equal measure.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

NEW_CLASS = "9"
_SCALE = 4
_DEGREES = 25.0
_ASKEW = 0.2
_HELD_OUT_ASKEW = 0.5

Pixels = NDArray[np.float64]


@dataclass(frozen=True)
class Picture:
    """A PNG with its true class."""

    png: bytes
    label: str


@dataclass(frozen=True)
class Size:
    """How many pictures each part of the story takes (`new` of the drifted ones are of the new class), how many
    labels are bought, in how many retrainings; `seed` tells which of the possible stories it is."""

    seed: int
    first: int
    calm: int
    drifted: int
    new: int
    held_out: int
    labels: int
    rounds: int


# Stories whose outcome does not hang on which capture file a picture falls into.
FULL = Size(seed=5, first=300, calm=200, drifted=760, new=80, held_out=400, labels=150, rounds=3)
FAST = Size(seed=1, first=300, calm=200, drifted=760, new=80, held_out=400, labels=100, rounds=2)


@dataclass(frozen=True)
class Story:
    """`first` has no nines; `traffic` is in the order of its sending; no picture stands in two parts."""

    first: tuple[Picture, ...]
    traffic: tuple[Picture, ...]
    held_out: tuple[Picture, ...]


def tell(size: Size) -> Story:
    """The same story for the same size."""
    rng = np.random.default_rng(size.seed)
    digits = load_digits()
    images, labels = digits.images / 16.0, [str(each) for each in digits.target]
    order = [int(each) for each in rng.permutation(len(labels))]
    known = iter([each for each in order if labels[each] != NEW_CLASS])
    unknown = iter([each for each in order if labels[each] == NEW_CLASS])

    def draw(total: int, new: int) -> list[int]:
        return [*islice(known, total - new), *islice(unknown, new)]

    def pictures(indices: list[int], askew: float) -> tuple[Picture, ...]:
        return tuple(Picture(png=_png(images[each], rng.random() < askew), label=labels[each]) for each in indices)

    first, calm = draw(size.first, 0), draw(size.calm, 0)
    drifted, held_out = draw(size.drifted, size.new), draw(size.held_out, size.held_out // 10)
    rng.shuffle(drifted)
    return Story(
        first=pictures(first, 0.0),
        traffic=pictures(calm, 0.0) + pictures(drifted, _ASKEW),
        held_out=pictures(held_out, _HELD_OUT_ASKEW),
    )


def _png(image: Pixels, askew: bool) -> bytes:
    """Eight by eight pixels, four times as large; askew is rotated as a camera mounted wrongly would see it."""
    small = Image.fromarray((image * 255).astype(np.uint8))
    if askew:
        small = small.rotate(_DEGREES, resample=Image.Resampling.BILINEAR)
    out = io.BytesIO()
    large = small.resize((small.width * _SCALE, small.height * _SCALE), Image.Resampling.NEAREST)
    large.save(out, format="PNG")
    return out.getvalue()
