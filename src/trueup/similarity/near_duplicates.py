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
from collections.abc import Iterable
from itertools import pairwise

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


def fingerprint(data: bytes, kind: str) -> int | None:
    """64 bits of an input of a media type; None for a text of fewer than FEWEST_WORDS words, fewer than FEWEST_NUMBERS
    numbers, and what is neither."""
    if not (kind.startswith("text/") or kind == "application/json"):
        return None
    letters = len(data.translate(None, _OF_NUMBERS))
    if letters < 2 * FEWEST_WORDS or len(_LETTERS.findall(data)) < FEWEST_WORDS:
        return _of_numbers(numbers_of(data, kind))
    try:
        words = [each.lower() for each in _WORD.findall(data.decode())[:_MOST_WORDS]]
    except UnicodeDecodeError:
        return None
    spoken = sum(not each.isdigit() for each in words)
    if spoken < FEWEST_WORDS or 2 * spoken < len(words):
        return None
    terms = Counter([*words, *map(" ".join, pairwise(words))])
    codes = np.array([_code(each) for each in terms], dtype=np.uint64)
    return _simhash(codes, np.array(list(terms.values()), dtype=np.int64))


def _of_numbers(numbers: Vector | None) -> int | None:
    """Zeros, of which sparse inputs have too many in common, are left out."""
    if numbers is None:
        return None
    (places,) = np.nonzero(np.isfinite(numbers) & (numbers != 0))
    if len(places) < FEWEST_NUMBERS:
        return None
    found = numbers[places].astype(np.float64)
    if len(places) == len(numbers) and _is_embedding(found):
        return _packed(found @ signs(len(found), _BITS) > 0)
    powers = np.floor(np.log10(np.abs(found)))
    digits = np.rint(found / 10.0 ** (powers - 1))
    rows = np.stack([places, powers, digits]).astype(np.int64).astype(np.uint64)
    return _simhash(_mixed(_mixed(_mixed(rows[0]) ^ rows[1]) ^ rows[2]), np.ones(len(places), dtype=np.int64))


def _is_embedding(numbers: NDArray[np.float64]) -> bool:
    """Many numbers of both signs, none of which outweighs the others."""
    below = np.count_nonzero(numbers < 0) / len(numbers)
    even = float(np.abs(numbers).max()) < _MOST_OUTSTANDING * math.sqrt(float(numbers @ numbers) / len(numbers))
    return bool(len(numbers) >= _FEWEST_OF_EMBEDDING and _BOTH_SIGNS < below < 1 - _BOTH_SIGNS and even)


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


def _code(term: str) -> int:
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest(), "big")
