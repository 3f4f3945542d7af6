"""Which event ids a file held before: S3 and SageMaker may deliver an event twice.

An id is kept as a 64-bit code: among 100,000 two meet once in a thousand million files. The codes of a whole block are
looked up at once, in a Bloom filter whose bits for one code lie in one word (Putze, Sanders & Singler, Cache-, hash-
and space-efficient Bloom filters, WEA 2007); only what it takes for known is looked for among the codes themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

MAX_EVENTS = 50_000
_WORD = 8
_ALL = 2**64 - 1
# Of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
_FACTOR = 0xBF58476D1CE4E5B9
_HALF = 32
_TIMES, _DOWN = np.uint64(_FACTOR), np.uint64(_HALF)
_WORDS = 2**17
_TO_WORD = np.uint64(64 - 17)
_ONE, _WITHIN = np.uint64(1), np.uint64(63)
_SHIFTS = (np.uint64(0), np.uint64(6), np.uint64(12))
Ids = Sequence[str] | NDArray[np.uint8]


class _Codes(msgspec.Struct, frozen=True):
    """uint64[n], and what they are in the filter: a word each, and the bits in it."""

    each: NDArray[np.uint64]
    words: NDArray[np.int64]
    bits: NDArray[np.uint64]

    @classmethod
    def of(cls, each: NDArray[np.uint64]) -> _Codes:
        first, second, third = (_ONE << (each >> shift & _WITHIN) for shift in _SHIFTS)
        return cls(each, (each >> _TO_WORD).astype(np.int64), first | second | third)


class _Known(msgspec.Struct):
    """Some codes: those that came in blocks, by the filter, and those that came alone."""

    size: int = 0
    _filter: NDArray[np.uint64] = msgspec.field(default_factory=lambda: np.zeros(_WORDS, np.uint64))
    _blocks: list[NDArray[np.uint64]] = msgspec.field(default_factory=list)
    _alone: set[int] = msgspec.field(default_factory=set)

    def holds(self, code: int) -> bool:
        return code in self._alone or self.holds_any(_Codes.of(np.array([code], np.uint64)))

    def holds_any(self, codes: _Codes) -> bool:
        if self._alone and not self._alone.isdisjoint(codes.each.tolist()):
            return True
        if not self._blocks:
            return False
        maybe = codes.each[self._filter[codes.words] & codes.bits == codes.bits]
        return any((each == code).any() for code in maybe for each in self._blocks)

    def add(self, code: int) -> None:
        self._alone.add(code)
        self.size += 1

    def add_all(self, codes: _Codes) -> None:
        self._filter[codes.words] |= codes.bits
        # Of two that share a word, the first one's bits are lost.
        lost = self._filter[codes.words] & codes.bits != codes.bits
        if np.count_nonzero(lost):
            np.bitwise_or.at(self._filter, codes.words[lost], codes.bits[lost])
        self._blocks.append(codes.each)
        self.size += len(codes.each)


class Events:
    """The event ids that a file held so far: the latest `most` of them or more, in bounded memory. An older one
    that comes again counts as new; it opens no second task, since samples are named by content."""

    def __init__(self, most: int = MAX_EVENTS) -> None:
        self._most = most
        self._latest = _Known()
        self._before = _Known()

    def __contains__(self, event_id: str) -> bool:
        code = _code(event_id)
        return self._latest.holds(code) or self._before.holds(code)

    def add(self, event_id: str) -> None:
        self._latest.add(_code(event_id))
        self._turn()

    def add_new(self, event_ids: Ids) -> bool:
        """Add them all, or none if one is known or there twice. uint8[n, width] is the ids in ASCII."""
        codes = _Codes.of(_codes(event_ids))
        ordered = np.sort(codes.each)
        twice = np.count_nonzero(ordered[1:] == ordered[:-1])
        if twice or self._latest.holds_any(codes) or self._before.holds_any(codes):
            return False
        self._latest.add_all(codes)
        self._turn()
        return True

    def _turn(self) -> None:
        if self._latest.size > self._most:
            self._before, self._latest = self._latest, _Known()


def texts(event_ids: Ids) -> Sequence[str]:
    """The ids one by one."""
    return [bytes(each).decode() for each in event_ids] if isinstance(event_ids, np.ndarray) else event_ids


def _codes(event_ids: Ids) -> NDArray[np.uint64]:
    """uint64[n]"""
    if isinstance(event_ids, np.ndarray):
        return _mixed(event_ids)
    width, text = len(event_ids[0]), "".join(event_ids)
    if not text.isascii() or any(len(each) != width for each in event_ids):
        return np.array([_code(each) for each in event_ids], np.uint64)
    return _mixed(np.frombuffer(text.encode(), np.uint8).reshape(-1, width))


def _mixed(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """As _code, of ids that are all as wide."""
    count, width = rows.shape
    padded = np.zeros((count, -(-width // _WORD) * _WORD), np.uint8)
    padded[:, :width] = rows
    codes = np.full(count, width, np.uint64)
    for words in padded.view("<u8").T:
        codes ^= words
        codes *= _TIMES
        codes ^= codes >> _DOWN
    return codes


def _code(event_id: str) -> int:
    data = event_id.encode()
    code = len(data)
    for start in range(0, len(data), _WORD):
        code ^= int.from_bytes(data[start : start + _WORD], "little")
        code = code * _FACTOR & _ALL
        code ^= code >> _HALF
    return code
