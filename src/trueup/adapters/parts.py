"""What one request takes: so many things, and so many bytes in all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def parts(things: Iterable[T], most: int, most_bytes: int, size: Callable[[T], int]) -> Iterator[list[T]]:
    """In their order, in as few parts as hold at most `most` things and `most_bytes` bytes. One that is larger by
    itself is a part of its own."""
    part: list[T] = []
    total = 0
    for each in things:
        length = size(each)
        if part and (len(part) == most or total + length > most_bytes):
            yield part
            part, total = [], 0
        part.append(each)
        total += length
    if part:
        yield part
