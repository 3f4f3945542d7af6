"""The demo's world: handwritten digits (scikit-learn's copy of UCI's) as images that people can look at.

A first model learns a few digits of the classes 0 to 8. Production begins with more like those. Then a part of
the cameras is mounted askew: their digits are rotated, and the digit 9 appears, which the model never saw. What is
held out for measuring comes from that same drifted world.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

NEW_CLASS = "9"
_SCALE = 4
_DEGREES = 25.0
_ASKEW = 0.3

Pixels = NDArray[np.float64]


@dataclass(frozen=True)
class Picture:
    """A PNG with its true class."""

    png: bytes
    label: str


@dataclass(frozen=True)
class Size:
    """How many pictures each part of the story takes, how many labels are bought, in how many retrainings."""

    seed: int
    calm: int
    drifted: int
    held_out: int
    labels: int
    rounds: int


FULL = Size(seed=80, calm=250, drifted=1000, held_out=460, labels=200, rounds=3)
FAST = Size(seed=80, calm=200, drifted=800, held_out=600, labels=100, rounds=2)


@dataclass(frozen=True)
class Story:
    """`seed` has no nines; `traffic` is in the order of its sending; no picture stands in two parts. `held_out` is
    drawn as the drifted part of the traffic is: what production will look like from now on."""

    seed: tuple[Picture, ...]
    traffic: tuple[Picture, ...]
    held_out: tuple[Picture, ...]


def tell(size: Size, seed: int = 0) -> Story:
    """The same story for the same seed."""
    rng = np.random.default_rng(seed)
    digits = load_digits()
    images, labels = digits.images / 16.0, [str(each) for each in digits.target]
    order = [int(each) for each in rng.permutation(len(labels))]
    old = [each for each in order if labels[each] != NEW_CLASS]
    seeds, calm = old[: size.seed], old[size.seed : size.seed + size.calm]
    used = {*seeds, *calm}
    rest = [each for each in order if each not in used]
    held_out, drifted = rest[: size.held_out], rest[size.held_out : size.held_out + size.drifted]

    def pictures(indices: list[int], askew: float) -> tuple[Picture, ...]:
        return tuple(Picture(png=_png(images[each], rng.random() < askew), label=labels[each]) for each in indices)

    return Story(
        seed=pictures(seeds, 0.0),
        traffic=pictures(calm, 0.0) + pictures(drifted, _ASKEW),
        held_out=pictures(held_out, _ASKEW),
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
