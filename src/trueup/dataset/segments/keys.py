"""Sorted sample ids as numbers that can be searched by the thousand.

The first eight bytes of an id are its head, a big-endian number, the rest its tail. An id of 64 hexadecimal digits
counts as the 32 bytes that they say, any other one as its own text in UTF-8. Among hashes equal heads are rare, yet
nothing here relies on it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trueup.errors import ManifestError

HEAD = 8
TAIL = 24
_HASH = re.compile(r"[0-9a-f]{64}")
Heads = NDArray[np.uint64]
Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]
# Which rows: their positions, or a range of them.
Rows = Positions | slice


def is_hash(sample_id: str) -> bool:
    return _HASH.fullmatch(sample_id) is not None


@dataclass(frozen=True)
class Keys:
    """Ids in ascending order; `tails` are byte strings of one width. `text` where ids count as text."""

    heads: Heads
    tails: NDArray[np.bytes_]
    text: bool = False

    @classmethod
    def of(cls, sample_ids: Sequence[str], *, text: bool | None = None) -> Keys:
        """Keys in the order in which the ids are given, which must be ascending where they are searched. Raises
        ManifestError for an id that ends in a NUL, which padding would hide."""
        if not sample_ids:
            return cls.none()
        if text is None:
            text = not all(map(is_hash, sample_ids))
        if not text:
            return cls.of_bytes(np.frombuffer(bytes.fromhex("".join(sample_ids)), f"S{HEAD + TAIL}"))
        raw = [each.encode() for each in sample_ids]
        if any(each.endswith(b"\0") for each in raw):
            raise ManifestError("a sample id ends in a NUL character", field="sample_id")
        width = max([HEAD + 1, *map(len, raw)])
        return cls.of_bytes(np.array(raw, f"S{width}"), text=True)

    @classmethod
    def of_bytes(cls, whole: NDArray[np.bytes_], *, text: bool = False) -> Keys:
        """`whole` holds heads and tails together."""
        width = whole.dtype.itemsize
        table = np.ascontiguousarray(whole).view(np.uint8).reshape(-1, width)
        heads = np.ascontiguousarray(table[:, :HEAD]).view(">u8").ravel().astype(np.uint64)
        tails = np.ascontiguousarray(table[:, HEAD:]).view(f"S{width - HEAD}").ravel()
        return cls(heads, tails, text)

    @classmethod
    def none(cls) -> Keys:
        return cls(np.empty(0, np.uint64), np.empty(0, f"S{TAIL}"))

    def __len__(self) -> int:
        return len(self.heads)

    def take(self, rows: Rows) -> Keys:
        return Keys(self.heads[rows], self.tails[rows], self.text)

    def ids(self) -> list[str]:
        width = HEAD + self.tails.dtype.itemsize
        if self.text:
            return [each.decode() for each in self.whole.tolist()]
        digits = self.whole.tobytes().hex()
        return [digits[start : start + 2 * width] for start in range(0, len(digits), 2 * width)]

    def as_text(self) -> Keys:
        return self if self.text else Keys.of(self.ids(), text=True)

    @cached_property
    def whole(self) -> NDArray[np.bytes_]:
        """Heads and tails together, which sort as the ids do."""
        width = self.tails.dtype.itemsize
        table = np.empty((len(self), HEAD + width), np.uint8)
        table[:, :HEAD] = self.heads.astype(">u8").view(np.uint8).reshape(-1, HEAD)
        table[:, HEAD:] = np.ascontiguousarray(self.tails).view(np.uint8).reshape(-1, width)
        return table.view(f"S{HEAD + width}").ravel()

    @cached_property
    def heads_differ(self) -> bool:
        """Whether no two heads are equal, so that a head tells which id it can be."""
        return bool((self.heads[1:] != self.heads[:-1]).all())

    def ascend(self) -> bool:
        """Whether they are in order, each once."""
        if (self.heads[1:] > self.heads[:-1]).all():
            return True
        return bool((self.whole[1:] > self.whole[:-1]).all())


def find(among: Keys, wanted: Keys) -> Positions:
    """Where each of `wanted` lies in `among`, which ascends; -1 for those that do not."""
    if not len(among):
        return np.full(len(wanted), -1, np.int64)
    if among.heads_differ:
        places = np.searchsorted(among.heads, wanted.heads)
        places[places == len(among)] = 0
        same = among.heads[places] == wanted.heads
        hits = np.flatnonzero(same)
        same[hits] = among.tails[places[hits]] == wanted.tails[hits]
    else:
        places = np.searchsorted(among.whole, wanted.whole)
        places[places == len(among)] = 0
        same = among.whole[places] == wanted.whole
    return np.where(same, places, -1)


def joined(parts: Sequence[Keys]) -> Keys:
    """One after the other, of one kind."""
    if len(parts) == 1:
        return parts[0]
    heads = np.concatenate([each.heads for each in parts])
    return Keys(heads, np.concatenate([each.tails for each in parts]), parts[0].text)


def distinct(keys: Keys) -> Keys:
    """Keys in any order, in order and each once."""
    keys = keys.take(in_order(keys))
    return keys.take(np.flatnonzero(begins(keys)))


def begins(keys: Keys) -> Mask:
    """Of keys in order, which of them is another one than that before it."""
    found = np.ones(len(keys), np.bool_)
    found[1:] = (keys.heads[1:] != keys.heads[:-1]) | (keys.tails[1:] != keys.tails[:-1])
    return found


def in_order(keys: Keys) -> Positions:
    """The positions of keys in ascending order, equal ones as they come; fast where they consist of sorted runs."""
    order = np.argsort(keys.heads, kind="stable")
    heads = keys.heads[order]
    if (heads[1:] == heads[:-1]).any():
        return np.argsort(keys.whole, kind="stable")
    return order


def head_of(sample_id: str, *, text: bool) -> int:
    """A number that no id before this one in order exceeds."""
    raw = sample_id.encode() if text else bytes.fromhex(sample_id)
    return int.from_bytes(raw[:HEAD].ljust(HEAD, b"\0"), "big")
