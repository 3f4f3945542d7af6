"""Columns in memory, one value for each row, that can be taken apart, joined and compared as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.dataset.segments.keys import Mask, Positions, Rows, number_of, taken, unequal

Codes = NDArray[np.unsignedinteger[Any]]
Text = str | None


def repeated(value: np.generic, number: int) -> NDArray[Any]:
    """One value so many times, which takes no memory and cannot be written to. np.broadcast_to takes five times as
    long, and each column of each segment that is read asks for it."""
    return np.ndarray((number,), value.dtype, value.tobytes(), strides=(0,))


def is_repeated(array: NDArray[Any]) -> bool:
    return len(array) > 0 and array.strides == (0,)


def _taken(array: NDArray[Any], rows: Rows) -> NDArray[Any]:
    return repeated(array[0], number_of(rows, len(array))) if is_repeated(array) else taken(array, rows)


def _concatenated(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    filled = [each for each in arrays if len(each)]
    if filled and all(map(is_repeated, filled)) and len({each[:1].tobytes() for each in filled}) == 1:
        return repeated(filled[0][0], sum(map(len, filled)))
    return np.concatenate(arrays)


def _unequal(one: NDArray[Any], other: NDArray[Any]) -> Mask:
    if is_repeated(one) and is_repeated(other):
        return repeated(one[0] != other[0], len(one))
    found: Mask = one != other
    return found


@dataclass(frozen=True)
class Coded:
    """Texts, or nothing: `codes` are places in `values`, which may hold a text twice or one that no row has."""

    codes: Codes
    values: Sequence[Text]

    @classmethod
    def nothing(cls, number: int) -> Coded:
        """So many rows without a text."""
        return cls(repeated(np.uint8(0), number), (None,))

    @classmethod
    def of(cls, texts: Iterable[Text]) -> Coded:
        places: dict[Text, int] = {}
        codes = np.array([places.setdefault(each, len(places)) for each in texts], np.uint32)
        return cls(codes, list(places))

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Rows) -> Coded:
        return Coded(_taken(self.codes, rows), self.values)

    def picked(self, rows: Positions) -> Coded:
        """As `take`, with nothing where a position is -1."""
        codes = np.full(len(rows), len(self.values), np.uint32)
        there = rows >= 0
        codes[there] = self.codes[rows[there]]
        return Coded(codes, [*self.values, None])

    def there(self) -> Mask:
        """Which rows have a text."""
        some = np.array([each is not None for each in self.values], np.bool_)
        return np.array(some[self.codes])

    def tolist(self) -> list[Text]:
        values = self.values
        return [values[each] for each in self.codes.tolist()]

    def counts(self) -> dict[Text, int]:
        """How many rows have each text."""
        if is_repeated(self.codes):
            return {self.values[int(self.codes[0])]: len(self.codes)}
        found: dict[Text, int] = {}
        for value, number in zip(
            self.values, np.bincount(self.codes, minlength=len(self.values)).tolist(), strict=True
        ):
            if number:
                found[value] = found.get(value, 0) + number
        return found


@dataclass(frozen=True)
class Numbers:
    """float64 or int64. What stands for nothing is the column's own matter."""

    array: NDArray[Any]

    def __len__(self) -> int:
        return len(self.array)

    def take(self, rows: Rows) -> Numbers:
        return Numbers(_taken(self.array, rows))

    def tolist(self) -> list[Any]:
        found: list[Any] = self.array.tolist()
        return found


@dataclass(frozen=True)
class Levels:
    """Numbers of which few are distinct: `codes` are places in `levels`."""

    codes: Codes
    levels: NDArray[Any]

    @property
    def array(self) -> NDArray[Any]:
        return repeated(self.levels[0], len(self)) if is_repeated(self.codes) else self.levels[self.codes]

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Rows) -> Levels:
        return Levels(_taken(self.codes, rows), self.levels)

    def tolist(self) -> list[Any]:
        levels = self.levels.tolist()
        return [levels[each] for each in self.codes.tolist()]


@dataclass(frozen=True)
class Hexes:
    """Bytes of one width, which stand for hexadecimal digits; nothing where `missing`, whose bytes are zeros."""

    array: NDArray[np.bytes_]
    missing: Mask

    def __len__(self) -> int:
        return len(self.array)

    def take(self, rows: Rows) -> Hexes:
        return Hexes(taken(self.array, rows), _taken(self.missing, rows))

    def tolist(self) -> list[Text]:
        digits = np.ascontiguousarray(self.array).tobytes().hex()
        width = 2 * self.array.dtype.itemsize
        texts = [digits[start : start + width] for start in range(0, len(digits), width)]
        return [None if gone else each for each, gone in zip(texts, self.missing.tolist(), strict=True)]


Column = Coded | Numbers | Levels | Hexes


def joined(parts: Sequence[Column]) -> Column:
    """One after the other."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    if isinstance(first, Numbers | Levels):
        return Numbers(_concatenated([each.array for each in parts if isinstance(each, Numbers | Levels)]))
    hexes = [each for each in parts if isinstance(each, Hexes)]
    if len(hexes) == len(parts) and len({each.array.dtype for each in hexes}) == 1:
        missing = _concatenated([each.missing for each in hexes])
        return Hexes(np.concatenate([each.array for each in hexes]), missing)
    return _coded([as_coded(each) for each in parts])


def differ(before: Column, after: Column) -> Mask:
    """Row by row, whether two columns of one length say something else."""
    if isinstance(before, Levels) and isinstance(after, Levels) and _same(before.levels, after.levels):
        return _unequal(before.codes, after.codes)
    if isinstance(before, Numbers | Levels) and isinstance(after, Numbers | Levels):
        return _unequal(before.array.view(np.uint64), after.array.view(np.uint64))
    if isinstance(before, Hexes) and isinstance(after, Hexes) and before.array.dtype == after.array.dtype:
        found: Mask = unequal(before.array, after.array) | _unequal(before.missing, after.missing)
        return found
    one, other = as_coded(before), as_coded(after)
    if one.values == other.values and len(set(one.values)) == len(one.values):
        return _unequal(one.codes, other.codes)
    places: dict[Text, int] = {}
    return _unequal(_moved(one, places), _moved(other, places))


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one.tobytes() == other.tobytes()


def as_coded(column: Column) -> Coded:
    """A column of texts as codes."""
    return column if isinstance(column, Coded) else Coded.of(column.tolist())


def _coded(parts: Sequence[Coded]) -> Coded:
    places: dict[Text, int] = {}
    codes = _concatenated([_moved(each, places) for each in parts])
    return Coded(codes, list(places))


def _moved(column: Coded, places: dict[Text, int]) -> Codes:
    """Its codes as places in one list of values, to which those are added that are new."""
    moved = np.array([places.setdefault(each, len(places)) for each in column.values], np.uint32)
    if is_repeated(column.codes):
        return repeated(moved[column.codes[0]], len(column))
    found: Codes = moved[column.codes]
    return found
