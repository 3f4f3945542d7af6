"""Lines that differ in nothing but a few fields, read by where these lie: no line is parsed as JSON.

An endpoint writes the same line again and again: the input, the event's id and time and the numbers of the answer
change, every other byte stays. `learn` takes that apart for one line, which was parsed. Another line that has the same
bytes in the same places, and in its fields nothing that ends a string or could not stand in one, is the same record
with other values. A block is held against that as a whole, in a dozen passes of numpy; if a single byte is not as it
should be, the block is none of this layout, and is parsed.

Why it is exact, though the fields are looked for with anchors that may stand elsewhere too: an anchor only says where a
part of the line may begin. Each part is then compared byte by byte, and as many quotes as the parts hold are all that
the block has.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.capture.decoders import columns
from trueup.model import Prediction

_QUOTE, _BRACE, _BACKSLASH, _NEWLINE, _COMMA = b'"{\\\n,'
_ZERO, _NINE = np.uint8(ord("0")), 9
_PRINTABLE = 32
# What a backslash may stand before, as long as nothing else has to be known about what follows.
_ESCAPED = np.isin(np.arange(256), np.frombuffer(b'"/bfnrt', np.uint8))
# Names within an answer, which is text of its own within the line, or its numbers.
_NUMBERS = re.compile(rb'\\"[^"\\]*\\"|(?P<numbers>-?[0-9](?:[0-9.eE+, -]*[0-9])?)')
# Between the rows of numbers: no probability.
_BETWEEN = b",-9,"
_NO_CHANCE = -9.0
_FLOATS = msgspec.json.Decoder(list[float])
_TIMES = msgspec.json.Decoder(list[datetime])
_WORD = 8
Places = NDArray[np.int64]
Bytes = NDArray[np.uint8]
_NOWHERE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Grid:
    """What the lines of a block say: event ids uint8[n, width], where each line ends, and the numbers of each answer, float64[n, k]."""

    event_ids: Bytes
    ends: Places
    values: NDArray[np.float64]


@dataclass(frozen=True)
class _Part:
    """Bytes that are the same in every line, but for the holes, which are always as wide. The part of each line is
    found by the brace (`by` 0) or backslash (1) of that number in the line, which stands `ahead` bytes into it."""

    text: Bytes
    holes: tuple[slice, ...] = ()
    by: int = 0
    anchor: int = 0
    ahead: int = 0

    def taken(self, block: bytes, begins: Places) -> Bytes | None:
        """The part in each line, uint8[n, width], if it is the same in all of them."""
        found = _gathered(block, begins, len(self.text))
        same = found == self.text
        for hole in self.holes:
            same[:, hole] = True
        return found if same.all() else None


@dataclass(frozen=True)
class _Hole:
    """A field that is always as wide: in which part, and where in it."""

    part: int
    where: slice

    def of(self, rows: Sequence[Bytes]) -> Bytes:
        """uint8[n, width]"""
        return rows[self.part][:, self.where]


@dataclass(frozen=True)
class Layout:
    """How the lines of a file are made. Between two `parts` lies a field of any width, of which number `values` holds
    the probabilities, `width` of them, and the `numbers` one number each that nobody reads; `digits` are numbers of
    one digit that nobody reads. Of each line, `braces` begin an object, and so many `quotes`, `escapes` and escaped
    quotes, `spoken`, are no part of a field; `anchored` says that parts are found by backslashes."""

    parts: tuple[_Part, ...]
    event_id: _Hole
    time: _Hole
    digits: tuple[_Hole, ...]
    values: int
    width: int
    numbers: tuple[int, ...]
    braces: int
    quotes: int
    escapes: int
    spoken: int
    anchored: bool

    def read(self, block: bytes) -> Grid | None:
        """The block, whose last line may lack its end; None if it is not of this layout."""
        if block[-1] in (_BRACE, _BACKSLASH):
            return None
        text = np.frombuffer(block, np.uint8)
        braces = _objects(text)
        count, more = divmod(len(braces), self.braces)
        if more or not count:
            return None
        backslashes = self._backslashes(block, text, count)
        if backslashes is None:
            return None
        begins = self._begins(text, braces.reshape(count, -1), backslashes)
        if begins is None or (len(backslashes) and any((text[each - 1] == _BACKSLASH).any() for each in begins[1:])):
            return None
        taken = [part.taken(block, each) for part, each in zip(self.parts, begins, strict=True)]
        rows = [each for each in taken if each is not None]
        if len(rows) < len(taken) or not self._sound(rows, bool(len(backslashes))):
            return None
        ends = [begin + len(part.text) for part, begin in zip(self.parts, begins, strict=True)]
        values = self._values(block, [*zip(ends, begins[1:], strict=False)])
        return None if values is None else Grid(self.event_id.of(rows), ends[-1], values)

    def _backslashes(self, block: bytes, text: Bytes, count: int) -> Places | None:
        """Where backslashes are, or nowhere if all are where the layout has some. None for escapes that have to be
        understood, and where a field holds a quote that ends it."""
        quotes = int(np.count_nonzero(text == _QUOTE))
        if not self.escapes and b"\\" not in block:
            return _NOWHERE if quotes == self.quotes * count else None
        mask = text == _BACKSLASH
        if not self.anchored and np.count_nonzero(mask) == self.escapes * count:
            return _NOWHERE if quotes == (self.quotes + self.spoken) * count else None
        places = _sparse(mask)
        escaped = text[places + 1]
        plain = _ESCAPED[escaped].all() and quotes - np.count_nonzero(escaped == _QUOTE) == self.quotes * count
        return places if plain and (not self.anchored or len(places) == self.escapes * count) else None

    def _begins(self, text: Bytes, braces: Places, backslashes: Places) -> list[Places] | None:
        """Where each part begins in each line, in order and without overlap; None where that cannot be."""
        starts, unended = braces[:, 0], text[-1] != _NEWLINE
        ends = np.append(starts[1:] - 1, len(text) - 1 + unended)
        controls = np.count_nonzero(text.view(np.int8) < _PRINTABLE)
        if starts[0] or controls != len(ends) - unended or (text[ends[:-1]] != _NEWLINE).any():
            return None
        anchors = (braces, backslashes.reshape(len(braces), -1) if self.anchored else braces)
        between = [anchors[each.by][:, each.anchor] - each.ahead for each in self.parts[1:-1]]
        begins = [starts, *between, ends - len(self.parts[-1].text)]
        widths = [len(each.text) for each in self.parts]
        apart = all((after - begin).min() > each for each, (begin, after) in zip(widths, pairwise(begins), strict=False))
        return begins if apart else None

    def _sound(self, rows: Sequence[Bytes], escapes: bool) -> bool:
        """Whether the times are some, the digits digits, and nothing in a hole ends a string. If there are no escapes
        but the layout's own, its own quotes are all there are."""
        if escapes:
            holes = [row[:, hole] for row, part in zip(rows, self.parts, strict=True) for hole in part.holes]
            if any(((each == _QUOTE) | (each == _BACKSLASH)).any() for each in holes):
                return False
        if any(((each.of(rows) - _ZERO) > _NINE).any() for each in self.digits):
            return False
        where = self.time.where
        listed = rows[self.time.part][:, where.start - 1 : where.stop + 2].copy()
        listed[:, -1] = _COMMA
        try:
            _TIMES.decode(b"[" + listed.tobytes()[:-1] + b"]")
        except msgspec.MsgspecError:
            return False
        return True

    def _values(self, block: bytes, fields: Sequence[tuple[Places, Places]]) -> NDArray[np.float64] | None:
        for each in self.numbers:
            if _floats(_joined(block, *fields[each], b","), len(fields[each][0])) is None:
                return None
        count = len(fields[self.values][0])
        # So many numbers in all, and the one that stands between rows where it should: then each row has its own.
        between, width = (_BETWEEN, self.width + 1) if self.width > 1 else (b",", 1)
        found = _floats(_joined(block, *fields[self.values], between), count * width)
        if found is None:
            return None
        table = found.reshape(count, -1)
        if self.width == 1:
            return table
        return table[:, :-1] if (table[:, -1] == _NO_CHANCE).all() else None


def _gathered(block: bytes, begins: Places, width: int) -> Bytes:
    """So many bytes from each place: uint8[n, width]."""
    windows = np.ndarray((len(block) - width + 1,), f"V{width}", buffer=block, strides=(1,))
    return windows[begins].view(np.uint8).reshape(-1, width)


def _objects(text: Bytes) -> Places:
    """Where an object begins that has names: no text in a line holds these two bytes, in which quotes are escaped."""
    braces = _sparse(text == _BRACE)
    return braces[text[braces + 1] == _QUOTE]


def _sparse(mask: NDArray[np.bool_]) -> Places:
    """Where a mask is true, in half the time of numpy's own way if that is seldom: by words of eight first."""
    whole = len(mask) // _WORD * _WORD
    words = mask[:whole].view(np.uint64)
    hit = np.flatnonzero(words != 0)
    inside = np.flatnonzero(words[hit].view(np.bool_))
    places = (hit[inside // _WORD] * _WORD) + inside % _WORD
    return np.append(places, np.flatnonzero(mask[whole:]) + whole) if whole < len(mask) else places


def _joined(block: bytes, begins: Places, ends: Places, between: bytes) -> bytes:
    """What lies between begins and ends, and after each what stands between two: the last one's ends the list."""
    widths = ends - begins
    width = int(widths[0])
    if (widths == width).all():
        rows = np.empty((len(begins), width + len(between)), np.uint8)
        rows[:, :width] = _gathered(block, begins, width)
        rows[:, width:] = np.frombuffer(between, np.uint8)
        return rows.tobytes()[:-1]
    cells = [block[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
    return between.join(cells) + between[:-1]


def _floats(listed: bytes, count: int) -> NDArray[np.float64] | None:
    """The numbers of a list in JSON, if they are that many."""
    try:
        found = _FLOATS.decode(b"[" + listed + b"]")
    except msgspec.MsgspecError:
        return None
    # A third faster than numpy's own ways from a list to an array.
    return np.frombuffer(struct.pack(f"{count}d", *found)) if len(found) == count else None


# ---------------------------------------------------------------- learning


class _RawSide(msgspec.Struct):
    data: msgspec.Raw
    encoding: str


class _RawSides(msgspec.Struct):
    endpointInput: _RawSide  # noqa: N815 - the wire's name
    endpointOutput: _RawSide  # noqa: N815


class _RawMetadata(msgspec.Struct):
    eventId: msgspec.Raw  # noqa: N815
    inferenceTime: msgspec.Raw  # noqa: N815
    inferenceId: msgspec.Raw = msgspec.Raw()  # noqa: N815


class _RawLine(msgspec.Struct):
    captureData: _RawSides  # noqa: N815
    eventMetadata: _RawMetadata  # noqa: N815


_RAW_LINES = msgspec.json.Decoder(_RawLine)


def learn(line: bytes, says: Callable[[str], Prediction | None], classes: tuple[str, ...]) -> Iterator[Layout]:
    """The layouts that fit a line which is a whole record, without its end: the quicker one first. `says` is the one
    prediction of an answer's text: it is asked about some of our own making, to learn which numbers are the
    probabilities. None for a line that has to be understood to be read: where an answer is base64, say, or a text has
    escapes of characters in it."""
    line = bytes(line)
    text, record = np.frombuffer(line, np.uint8), _RAW_LINES.decode(line)
    answer, metadata = record.captureData.endpointOutput, record.eventMetadata
    backslashes = np.flatnonzero(text == _BACKSLASH)
    plain = text.view(np.int8).min() >= _PRINTABLE and _ESCAPED[text[backslashes + 1]].all()
    if not plain or answer.encoding == "BASE64" or not line.startswith(b'{"'):
        return
    said, given = _inside(line, answer.data), _inside(line, record.captureData.endpointInput.data)
    runs = [slice(*each.span("numbers")) for each in _NUMBERS.finditer(line, said.start, said.stop) if each["numbers"]]
    place = _values_of(line, said, runs, says, classes)
    if place is None:
        return
    values = runs.pop(place)
    fixed = [_inside(line, metadata.eventId), _inside(line, metadata.inferenceTime)]
    if bytes(metadata.inferenceId).startswith(b'"'):
        fixed.append(_inside(line, metadata.inferenceId))
    digits = [each for each in runs if line[each].isdigit() and each.stop - each.start == 1]
    for narrow in [digits, []] if digits else [[]]:
        numbers = [each for each in runs if each not in narrow]
        found = _laid_out(line, fixed, narrow, _Free(given, values, numbers), backslashes)
        if found is not None:
            yield found


@dataclass(frozen=True)
class _Free:
    """The fields of a line that may have any width: the input, the probabilities, numbers that nobody reads."""

    given: slice
    values: slice
    numbers: Sequence[slice]

    def __iter__(self) -> Iterator[slice]:
        """In the line's order."""
        return iter(sorted([self.given, self.values, *self.numbers], key=lambda each: int(each.start)))


def _laid_out(
    line: bytes, fixed: Sequence[slice], digits: Sequence[slice], free: _Free, backslashes: Places
) -> Layout | None:
    text = np.frombuffer(line, np.uint8)
    edges = [0, *(edge for each in free for edge in (each.start, each.stop)), len(line)]
    spans = [slice(*each) for each in zip(edges[::2], edges[1::2], strict=True)]
    anchors = (_objects(text), backslashes)
    parts = [_part(line, each, [*fixed, *digits], anchors) for each in spans]
    whole = [each for each in parts if each is not None]
    if len(whole) < len(parts):
        return None
    inside = [each for part in whole for each in np.flatnonzero(part.text == _BACKSLASH).tolist()]
    spoken = sum(bytes(each.text).count(b'\\"') for each in whole)
    order = list(free)
    return Layout(
        parts=tuple(whole),
        event_id=_hole(fixed[0], spans),
        time=_hole(fixed[1], spans),
        digits=tuple(_hole(each, spans) for each in digits),
        values=order.index(free.values),
        width=line[free.values].count(b",") + 1,
        numbers=tuple(order.index(each) for each in free.numbers),
        braces=len(anchors[0]),
        quotes=sum(bytes(each.text).count(b'"') for each in whole) - spoken,
        escapes=len(backslashes) if any(each.by for each in whole) else len(inside),
        spoken=spoken,
        anchored=any(each.by for each in whole),
    )


def _part(line: bytes, span: slice, holes: Sequence[slice], anchors: Sequence[Places]) -> _Part | None:
    """None where nothing in the part tells where it begins."""
    inside = [each for each in holes if span.start <= each.start < span.stop]
    part = _Part(
        text=np.frombuffer(line[span], np.uint8),
        holes=tuple(slice(each.start - span.start, each.stop - span.start) for each in inside),
    )
    if span.start == 0 or span.stop == len(line):
        return part
    for by, places in enumerate(anchors):
        for index, place in enumerate(places.tolist()):
            if span.start <= place < span.stop:
                return replace(part, by=by, anchor=index, ahead=place - span.start)
    return None


def _hole(field: slice, spans: Sequence[slice]) -> _Hole:
    part = next(index for index, each in enumerate(spans) if each.start <= field.start < each.stop)
    start = spans[part].start
    return _Hole(part, slice(field.start - start, field.stop - start))


def _values_of(
    line: bytes, said: slice, runs: Sequence[slice], says: Callable[[str], Prediction | None], classes: tuple[str, ...]
) -> int | None:
    """Which numbers of an answer are its probabilities: if others stand there, it says others. The rest must be one
    number each, and what they are must not matter."""
    answer = line[said]
    now = says(_told(answer))

    def changed(run: slice, numbers: Sequence[float]) -> Prediction | None:
        text = ", ".join(map(repr, numbers)).encode()
        return says(_told(line[said.start : run.start] + text + line[run.stop : said.stop]))

    values = []
    for index, run in enumerate(runs):
        numbers = _several(line[run].count(b",") + 1)
        table = columns.table([numbers], classes)
        other = changed(run, numbers)
        if table is not None and other is not None and table.begins_with(other):
            values.append(index)
        elif len(numbers) > 1 or now is None or changed(run, [0]) != now or changed(run, [1]) != now:
            return None
    return values[0] if len(values) == 1 else None


def _several(count: int) -> list[float]:
    """A distribution over as many classes, no two of them alike."""
    return [2 * (index + 1) / (count * (count + 1)) for index in range(count)] if count > 1 else [0.25]


def _told(raw: bytes) -> str:
    told: str = msgspec.json.decode(b'"' + raw + b'"')
    return told


def _inside(line: bytes, raw: msgspec.Raw) -> slice:
    """Where in the line the text is that was kept raw, which is a view of the line: without its quotes."""
    start = _address(raw) - _address(line)
    return slice(start + 1, start + len(memoryview(raw)) - 1)


def _address(data: bytes | msgspec.Raw) -> int:
    address: int = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
    return address
