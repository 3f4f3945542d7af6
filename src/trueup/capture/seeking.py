"""Captures that somebody asks for by id, found in a file without reading what is in it.

Ids are looked for in the bytes of the lines: only lines that have a wanted one are parsed. A quote inside of a payload
is escaped, so that no payload can pass for an id.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from trueup.capture.records import Account
from trueup.model import Capture

_ID = re.compile(rb'"(eventId|inferenceId)"\s*:\s*("(?:[^"\\]|\\.)*")')
_STRING = msgspec.json.Decoder(str)


class Sought(msgspec.Struct, frozen=True):
    """Inferences that are asked for, by either of their ids."""

    event_ids: Collection[str] = frozenset()
    inference_ids: Collection[str] = frozenset()

    def names(self, capture: Capture) -> bool:
        return capture.event_id in self.event_ids or capture.inference_id in self.inference_ids

    def in_line(self, kind: bytes, text: bytes) -> bool:
        ids = self.event_ids if kind == b"eventId" else self.inference_ids
        return _text(text) in ids


def seek(blocks: Callable[[], Iterable[bytes]], sought: Sought) -> Iterator[Capture]:
    """The captures of a file that are sought, whole: a file is read once more where an inference id stands on one of
    the two lines of an event only. `blocks` opens the file, as whole lines. Lines that are no records are passed over.
    """
    halves: set[str] = set()
    for capture in _found(blocks(), sought):
        if not sought.names(capture):
            continue
        if capture.input is None or capture.output is None:
            halves.add(capture.event_id)
        else:
            yield capture
    if halves:
        yield from _found(blocks(), Sought(event_ids=halves))


def words(names: Collection[str]) -> re.Pattern[bytes]:
    """Finds one of the names in the bytes of a line, which may be no record, but not as a part of a longer name."""
    either = b"|".join(re.escape(each.encode()) for each in sorted(names))
    return re.compile(rb"(?<![\w-])(?:" + either + rb")(?![\w-])")


def _found(blocks: Iterable[bytes], sought: Sought) -> Iterator[Capture]:
    account = Account()
    for number, offset, raw in _lines(blocks, sought):
        yield from (each for each in account.line(number, offset, raw) if isinstance(each, Capture))
    yield from account.rest()


def _lines(blocks: Iterable[bytes], sought: Sought) -> Iterator[tuple[int, int, bytes]]:
    """Number, byte offset and bytes of each line with a sought id."""
    line, offset = 1, 0
    for block in blocks:
        done = counted = 0
        for match in _ID.finditer(block):
            if match.start() < done or not sought.in_line(match[1], match[2]):
                continue
            start = block.rfind(b"\n", 0, match.start()) + 1
            end = block.find(b"\n", match.end())
            done = len(block) if end < 0 else end + 1
            line += block.count(b"\n", counted, start)
            counted = start
            yield line, offset + start, block[start:done].rstrip(b"\r\n")
        line += block.count(b"\n", counted)
        offset += len(block)


def _text(quoted: bytes) -> str:
    try:
        return _STRING.decode(quoted) if b"\\" in quoted else quoted[1:-1].decode()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
