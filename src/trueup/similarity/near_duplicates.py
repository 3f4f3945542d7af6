"""Inputs that hardly differ teach the same: one of them is enough.

SimHash (Charikar, STOC 2002): two inputs whose 64 bits differ in at most NEAR places count as the same, as in
Manku, Jain & Das Sarma, Detecting near-duplicates for web crawling (WWW 2007). Of texts it is over words and pairs
of words, which tolerates a word or two; of embeddings, which have signs and one scale, over random projections,
which tolerates an angle of some eight degrees; of other rows, whose columns have scales of their own, over each
number in its place, rounded to two digits, which tolerates one of fifty. Of images, which are packed, only equal
ones are the same."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from trueup.similarity.directions import signs
from trueup.similarity.features import Vector, numbers_of

NEAR = 3
# A short text has too few words to tell alike from different.
FEWEST_WORDS = 8
_MOST_WORDS = 4096
# Fewer numbers are alike by chance: a row of one and a half dozen measurements is not.
FEWEST_NUMBERS = 16
_WORD = re.compile(r"\w+")
# Rows of numbers, which are many, are told from texts without being cut into words.
_LETTERS = re.compile(rb"[A-Za-z\x80-\xff]{2,}")
_OF_NUMBERS = b'0123456789.,+-[]:" \t\r\n'
_BITS = 64
_FEWEST_OF_EMBEDDING = 64
_BOTH_SIGNS = 0.2
_ROOM = 64
_MOST_OUTSTANDING = 6.0
_BAND_BITS = 16
_BANDS = 1 << _BAND_BITS
_MOST_PAIRS = 1 << 21
_STEP = 1 << 16
Prints = NDArray[np.uint64]


def fingerprint(data: bytes, kind: str) -> int | None:
    """64 bits of an input of a media type; None for a text of fewer than FEWEST_WORDS words, fewer than FEWEST_NUMBERS
    numbers, and what is neither."""
    if not (kind.startswith("text/") or kind == "application/json"):
        return None
    letters = len(data.translate(None, _OF_NUMBERS))
    if letters < 2 * FEWEST_WORDS or len(_LETTERS.findall(data)) < FEWEST_WORDS:
        return _of_numbers(numbers_of(data, kind))
    try:
        words = [each[0].lower() for each in islice(_WORD.finditer(data.decode()), _MOST_WORDS)]
    except UnicodeDecodeError:
        return None
    spoken = sum(not each.isdigit() for each in words)
    if spoken < FEWEST_WORDS or 2 * spoken < len(words):
        return None
    terms = Counter([*words, *map(" ".join, pairwise(words))])
    codes = np.array([_code(each) for each in terms], dtype=np.uint64)
    return _simhash(codes, np.array(list(terms.values()), dtype=np.int64))


def print_text(data: bytes, kind: str) -> str | None:
    """The same as records hold it."""
    return as_text(fingerprint(data, kind))


def as_text(found: int | None) -> str | None:
    """A fingerprint as records hold it: 16 hexadecimal digits."""
    return None if found is None else f"{found:016x}"


def _of_numbers(numbers: Vector | None) -> int | None:
    """Zeros, of which sparse inputs have too many in common, are left out."""
    if numbers is None:
        return None
    found = numbers.astype(np.float64)
    (places,) = (np.isfinite(found) & (found != 0)).nonzero()
    if len(places) < FEWEST_NUMBERS:
        return None
    if len(places) < len(found):
        found = found[places]
    elif _is_embedding(found):
        return _packed(found @ signs(len(found), _BITS) > 0)
    powers = np.floor(np.log10(np.abs(found)))
    digits = np.rint(found / 10.0 ** (powers - 1))
    rows = np.stack([places, powers, digits]).astype(np.int64).astype(np.uint64)
    return _simhash(_mixed(_mixed(_mixed(rows[0]) ^ rows[1]) ^ rows[2]), np.ones(len(places), dtype=np.int64))


def _is_embedding(numbers: NDArray[np.float64]) -> bool:
    """Many numbers of both signs, none of which outweighs the others."""
    count = len(numbers)
    if count < _FEWEST_OF_EMBEDDING or not _BOTH_SIGNS < np.count_nonzero(numbers < 0) / count < 1 - _BOTH_SIGNS:
        return False
    return float(np.abs(numbers).max()) < _MOST_OUTSTANDING * math.sqrt(float(numbers @ numbers) / count)


def _mixed(codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each on its own, by the finalizer of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014)."""
    found = codes + np.uint64(0x9E3779B97F4A7C15)
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(found ^ (found >> np.uint64(31)), dtype=np.uint64)


def _simhash(codes: NDArray[np.uint64], weights: NDArray[np.int64]) -> int:
    ones = np.unpackbits(codes.view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
    return _packed(2 * (weights @ ones) > weights.sum())


def _packed(bits: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")


class Fingerprints:
    """Those of what was asked about."""

    def __init__(self, known: Iterable[int] = ()) -> None:
        found = list(known)
        self._size = len(found)
        self._known: NDArray[np.uint64] = np.array(found, dtype=np.uint64)

    def near(self, found: int) -> bool:
        """Whether one of them differs in at most NEAR bits."""
        if not self._size:
            return False
        differing = np.bitwise_count(self._known[: self._size] ^ np.uint64(found))
        return bool(np.count_nonzero(differing <= NEAR))

    def add(self, found: int) -> None:
        if self._size == len(self._known):
            self._known = np.concatenate((self._known, np.zeros(self._size + _ROOM, dtype=np.uint64)))
        self._known[self._size] = found
        self._size += 1


class Neighbours:
    """Which of many fingerprints hardly differ from others, without comparing all with all.

    Two that differ in at most NEAR = 3 places have one of four bands of 16 bits in common (Manku et al., section 3), so
    that only those are compared: of k fingerprints against n about k * n / 16,384 pairs where bits are even, after
    sorting in O(n). Memory is bounded whatever the bits are."""

    def __init__(self, known: Prints) -> None:
        self._known = known
        self._bands = [_sorted_by_band(known, band) for band in range(NEAR + 1)]

    def pairs(self, found: Prints) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """The pairs that differ in at most NEAR bits, by their places in `found` and in what is known, in portions of
        bounded size; a pair may come more than once. Give each fingerprint once: what many inputs share would be
        compared for each of them."""
        for band, (order, starts) in enumerate(self._bands):
            codes = _band(found, band)
            for first, last in _portions(starts[codes + 1] - starts[codes]):
                one, other = _expanded(starts[codes[first:last]], starts[codes[first:last] + 1])
                one, other = one + first, order[other]
                near = np.bitwise_count(found[one] ^ self._known[other]) <= NEAR
                yield one[near], other[near]


def clusters_of(prints: Prints) -> NDArray[np.int64]:
    """A number for each fingerprint: the same for those that hardly differ, and for what these lead to. Each is to be
    given once."""
    roots = np.arange(len(prints))
    for ones, others in Neighbours(prints).pairs(prints):
        # In small steps: what is joined already is left out of the next.
        for start in range(0, len(ones), _STEP):
            left, right = roots[ones[start : start + _STEP]], roots[others[start : start + _STEP]]
            apart = left != right
            if apart.any():
                roots = _joined(roots, np.unique(np.stack([left[apart], right[apart]], axis=1), axis=0))
    return roots


def _joined(roots: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """With pairs of roots made one."""
    parents = {int(each): int(each) for each in np.unique(pairs)}
    for one, other in pairs.tolist():
        while parents[one] != one:
            parents[one] = parents[parents[one]]
            one = parents[one]
        while parents[other] != other:
            parents[other] = parents[parents[other]]
            other = parents[other]
        parents[max(one, other)] = min(one, other)
    leads = np.arange(len(roots))
    for each in sorted(parents):
        leads[each] = leads[parents[each]]
    return np.asarray(leads[roots], dtype=np.int64)


def _band(prints: Prints, band: int) -> NDArray[np.int64]:
    return ((prints >> np.uint64(_BAND_BITS * band)) & np.uint64(_BANDS - 1)).astype(np.int64)


def _sorted_by_band(prints: Prints, band: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places in the order of their bands, and where each band begins."""
    codes = _band(prints, band)
    starts = np.zeros(_BANDS + 1, dtype=np.int64)
    np.cumsum(np.bincount(codes, minlength=_BANDS), out=starts[1:])
    return np.argsort(codes.astype(np.uint16), kind="stable"), starts


def _portions(lengths: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Runs of fingerprints whose candidates fit into memory."""
    ends = np.cumsum(lengths)
    first = 0
    while first < len(lengths):
        done = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + _MOST_PAIRS, side="right")))
        yield first, last
        first = last


def _expanded(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of ranges: for each of their places, which range it is in, and the place."""
    lengths = ends - starts
    which = np.repeat(np.arange(len(lengths)), lengths)
    before = np.cumsum(lengths) - lengths
    return which, np.arange(len(which)) - before[which] + starts[which]


def _code(term: str) -> int:
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest(), "big")
