"""Masks: of each class the pixels that STAPLE believes in (trueup.quality.masks); a pixel has its likeliest class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trueup.labels.values import Mask
from trueup.model import AnnotatorSkill, LabelSchema
from trueup.quality.answers import Floats
from trueup.quality.masks import staple
from trueup.quality.merging import Merged, Said
from trueup.quality.methods import Method
from trueup.quality.shapes import existence

Pixels = NDArray[np.uint16]


def merge(
    said: Sequence[Said],
    schema: LabelSchema,
    skills: Mapping[str, AnnotatorSkill],  # noqa: ARG001 - STAPLE finds them on the sample itself
    method: Method,  # noqa: ARG001
) -> Merged:
    """How sure it is: of the class that is least so, the overlap (Dice) that its pixels are expected to have with the
    true ones. Masks of another size than most people's say nothing."""
    width, height = _size([each.value for each in said])
    painted = [pixels(each.value, schema) for each in said if (each.value.width, each.value.height) == (width, height)]
    there = sorted({int(each) for mask in painted for each in np.unique(mask)} - {0})
    if not there:
        return Merged(
            _mask(np.zeros(width * height, dtype=np.uint16), width, height, schema), 1 - existence(0, len(said))
        )
    chances = np.array([_chances([mask == which for mask in painted]) for which in there])
    best = np.where(chances.max(axis=0) >= 0.5, np.array(there, dtype=np.uint16)[chances.argmax(axis=0)], 0)
    sure = min(_expected_overlap(chance, best == which) for which, chance in zip(there, chances, strict=True))
    return Merged(_mask(best.astype(np.uint16), width, height, schema), sure)


def likeness(one: Mask, other: Mask, schema: LabelSchema) -> float:
    """Pixels of the same class over pixels that either painted."""
    if (one.width, one.height) != (other.width, other.height):
        return 0.0
    first, second = pixels(one, schema), pixels(other, schema)
    either = (first != 0) | (second != 0)
    return float(((first == second) & either).sum() / either.sum()) if either.any() else 1.0


def pixels(mask: Mask, schema: LabelSchema) -> Pixels:
    """The class of each pixel, row by row, uint16[width x height]: 0 is nothing, 1 the schema's first."""
    names = schema.names if mask.classes is None else mask.classes
    place = np.array([0, *(schema.names.index(each) + 1 for each in names)], dtype=np.uint16)
    which, lengths = np.array(mask.runs, dtype=np.int64).T
    return np.asarray(np.repeat(place[which], lengths))


def _mask(painted: Pixels, width: int, height: int, schema: LabelSchema) -> Mask:
    starts = np.flatnonzero(np.r_[True, painted[1:] != painted[:-1]])
    lengths = np.diff(np.r_[starts, len(painted)])
    there = sorted({int(each) for each in painted[starts]} - {0})
    place = {0: 0, **{each: index for index, each in enumerate(there, start=1)}}
    runs = tuple((place[int(which)], int(length)) for which, length in zip(painted[starts], lengths, strict=True))
    return Mask(width=width, height=height, classes=tuple(schema.names[each - 1] for each in there), runs=runs)


def _chances(marked: Sequence[NDArray[np.bool_]]) -> Floats:
    return staple(np.array(marked)).posterior


def _expected_overlap(chance: Floats, mask: NDArray[np.bool_]) -> float:
    if not mask.any():
        return float(1 - chance.max())
    return float(2 * chance[mask].sum() / (chance.sum() + mask.sum()))


def _size(values: Sequence[Mask]) -> tuple[int, int]:
    sizes = Counter((each.width, each.height) for each in values)
    return max(sizes.items(), key=lambda each: (each[1], each[0]))[0]
