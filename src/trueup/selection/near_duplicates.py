"""Texts that differ in a word or two teach the same: one of them is enough.

SimHash (Charikar, STOC 2002) over words and pairs of words; two texts whose 64 bits differ in at most NEAR places count
as the same, as in Manku, Jain & Das Sarma, Detecting near-duplicates for web crawling (WWW 2007). Numbers and images
have no such measure that holds for all of them: of those, only equal ones are the same.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

NEAR = 3
# A short text has too few words to tell alike from different.
FEWEST_WORDS = 8
_MOST_WORDS = 4096
_WORD = re.compile(r"\w+")
# Rows of numbers, which are many, are told from texts without being cut into words.
_LETTERS = re.compile(rb"[A-Za-z\x80-\xff]{2,}")
_BITS = np.arange(64, dtype=np.uint64)


def fingerprint(data: bytes, kind: str) -> int | None:
    """64 bits of a text of a media type; None for what is no text of FEWEST_WORDS words."""
    if not (kind.startswith("text/") or kind == "application/json") or len(_LETTERS.findall(data)) < FEWEST_WORDS:
        return None
    try:
        words = [each.lower() for each in _WORD.findall(data.decode())[:_MOST_WORDS]]
    except UnicodeDecodeError:
        return None
    letters = sum(not each.isdigit() for each in words)
    if letters < FEWEST_WORDS or 2 * letters < len(words):
        return None
    terms = Counter([*words, *map(" ".join, pairwise(words))])
    codes = np.array([_code(each) for each in terms], dtype=np.uint64)
    weights = np.array(list(terms.values()), dtype=np.int64)
    ones = ((codes[:, None] >> _BITS) & np.uint64(1)).astype(np.int64)
    votes = ((2 * ones - 1) * weights[:, None]).sum(axis=0)
    return int(((votes > 0).astype(np.uint64) << _BITS).sum())


class Fingerprints:
    """Those of what was asked about."""

    def __init__(self, known: Iterable[int] = ()) -> None:
        self._known: NDArray[np.uint64] = np.array(list(known), dtype=np.uint64)

    def near(self, found: int) -> bool:
        """Whether one of them differs in at most NEAR bits."""
        differing = np.bitwise_count(self._known ^ np.uint64(found))
        return bool((differing <= NEAR).any())

    def add(self, found: int) -> None:
        self._known = np.append(self._known, np.uint64(found))


def _code(term: str) -> int:
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest(), "big")
