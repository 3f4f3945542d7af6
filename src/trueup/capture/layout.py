"""Lines that differ in nothing but a few fields, read by where these lie: no line is parsed as JSON.

An endpoint writes the same line again and again: the input, the event's id and time and the numbers of the answer
change, every other byte stays. `learn` takes that apart for one line, which was parsed. Another line that has the same
bytes in the same places, and in its fields nothing that ends a string or could not stand in one, is the same record
with other values. A block is held against that as a whole, in a dozen passes of numpy; if a single byte is not as it
should be, the block is none of this layout, and is parsed.

Why it is exact: what lies between the fields is compared byte by byte, line by line. A field ends before the first byte
that cannot be in it, so that a text holds no quote and numbers are only numbers, which is checked as well. A text with
escapes in it is looked at more closely: each has to be one that stands for itself, and all quotes that nothing escapes
have to be those between the fields. Where the end of a wide field is looked for only near where it was, they have to be
just as many, so that none lies before it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import repeat

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.capture.decoders import columns
from trueup.model import Prediction

_QUOTE, _BACKSLASH, _NEWLINE, _COMMA, _SPACE = b'"\\\n, '
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
# Times as SageMaker writes them; after the minute they have a colon, seconds and a Z.
_FORM = b"2026-03-01T00:00:00Z"
_MINUTE = 16
_LOWEST = np.frombuffer(b":00Z", np.uint8)[:, None]
_RANGE = np.array([[0], [5], [9], [0]], np.uint8)
_WORD = 8
_PIECE = 512 * 1024
Places = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Span = tuple[Places, Places]
# So much of a field is looked through in all lines at once: all of it, or what is around the end that it had first.
_NEAR = 96
_SPARE = 8


class Grid(msgspec.Struct, frozen=True):
    """What the lines of a block say: event ids in ASCII uint8[n, width], where each line ends, and the numbers of each
    answer, float64[n, k]."""

    event_ids: Bytes
    ends: Places
    values: NDArray[np.float64]


class _Part(msgspec.Struct, frozen=True):
    """Bytes that are the same in every line, but for the holes, which are always as wide."""

    text: Bytes
    holes: tuple[slice, ...]

    def __len__(self) -> int:
        return len(self.text)

    def taken(self, block: bytes, begins: Places) -> Bytes | None:
        """The part in each line, uint8[n, width], if it is the same in all of them."""
        found = _gathered(block, begins, len(self))
        differs = found != self.text
        for hole in self.holes:
            differs[:, hole] = False
        return None if np.count_nonzero(differs) else found


class _Hole(msgspec.Struct, frozen=True):
    """A field that is always as wide: in which part, and where in it."""

    part: int
    where: slice

    def of(self, rows: Sequence[Bytes]) -> Bytes:
        """uint8[n, width]"""
        return rows[self.part][:, self.where]


class _Field(msgspec.Struct, frozen=True):
    """A field of any width, which most often ends within `near`. It ends where `end` first stands, which it cannot hold
    itself; a text with escapes in it where `sure` does, which has a quote that nothing escapes."""

    near: slice
    end: bytes
    sure: bytes

    def ends(self, block: bytes, begins: Places, near: bool, escaped: bool) -> Places | None:
        """Where it ends in each line; None if it does not end. Where all lines have an `end` in `near`, the first one
        there, which is only then the first of all if nothing of the field lies before."""
        ends = self._near(block, begins) if near else None
        if ends is not None:
            return ends
        end = self.sure if escaped else self.end
        found = list(map(block.find, repeat(end), begins.tolist()))
        return None if -1 in found else np.array(found, dtype=np.int64)

    def _near(self, block: bytes, begins: Places) -> Places | None:
        begins, width = begins + self.near.start, self.near.stop - self.near.start
        if begins[-1] + width > len(block):
            return None
        there = _gathered(block, begins, width) == self.end[0]
        ends: Places = begins + there.argmax(axis=1)
        return ends if np.count_nonzero(np.frombuffer(block, np.uint8)[ends] == self.end[0]) == len(ends) else None


class Layout(msgspec.Struct, frozen=True):
    """How the lines of a file are made: between two `parts` lies a field. The field number `given` is the input,
    number `values` holds the probabilities, `width` of them, and the others hold one number each that nobody reads, as
    the `digits` do, which have one digit each. In its parts a line has so many `quotes`, of which some are `spoken`: an
    escape makes them part of a text; and so many `escapes`. `wide`: whether a field is too wide to be looked through
    for its end. `counted` are the bytes to be counted in a block, with how many the parts of a line have: are there no
    quotes but these, a field has none, wherever its end was found."""

    parts: tuple[_Part, ...]
    fields: tuple[_Field, ...]
    event_id: _Hole
    time: _Hole
    digits: tuple[_Hole, ...]
    given: int
    values: int
    width: int
    quotes: int
    spoken: int
    escapes: int
    wide: bool
    counted: Mapping[int, int]

    def read(self, block: bytes) -> Grid | None:
        """The block, whose last line may lack its end; None if it is not of this layout."""
        text = np.frombuffer(block, np.uint8)
        odd, counts = _scanned(text, self.counted)
        ends = _line_ends(text, odd)
        escaped = None if ends is None else self._escaped(block, text, len(ends), counts)
        if ends is None or escaped is None:
            return None
        found = None if escaped else self._found(block, ends, near=True, escaped=False)
        if found is None and (escaped or self.wide):
            found = self._found(block, ends, near=False, escaped=escaped)
        if found is None or not self._sound(text, *found, escaped):
            return None
        rows, spans = found
        values = self._values(block, spans)
        return None if values is None else Grid(self.event_id.of(rows), ends, values)

    def _found(self, block: bytes, ends: Places, near: bool, escaped: bool) -> tuple[list[Bytes], list[Span]] | None:
        """The parts in each line, and where each field begins and ends, found as by _Field.ends."""
        try:
            return self._searched(block, ends, near, escaped)
        except IndexError:
            return None

    def _searched(self, block: bytes, ends: Places, near: bool, escaped: bool) -> tuple[list[Bytes], list[Span]] | None:
        """The same. Raises IndexError where a line is too short."""
        begins, rows, spans = np.zeros_like(ends), list[Bytes](), list[Span]()
        np.add(ends[:-1], 1, out=begins[1:])
        last = ends - len(self.parts[-1])
        for index, part in enumerate(self.parts):
            row = part.taken(block, begins)
            if row is None:
                return None
            rows.append(row)
            if index == len(self.fields):
                break
            begin = begins + len(part)
            after = self.fields[index].ends(block, begin, near, escaped) if index < len(self.fields) - 1 else last
            if after is None:
                return None
            spans.append((begin, after))
            begins = after
        return None if np.count_nonzero(spans[-1][0] > last) else (rows, spans)

    def _escaped(self, block: bytes, text: Bytes, count: int, counts: Mapping[int, int]) -> bool | None:
        """Whether there are escapes besides those of the parts. None for some that have to be understood, and where
        quotes are that are not of the parts."""
        as_many = all(counts[byte] == number * count for byte, number in self.counted.items())
        if as_many and (self.escapes or b"\\" not in block):
            return False
        if block[-1] == _BACKSLASH:
            return None
        followers = text[_sparse(text == _BACKSLASH) + 1]
        quotes = np.count_nonzero(text == _QUOTE) - np.count_nonzero(followers == _QUOTE)
        return True if _ESCAPED[followers].all() and quotes == (self.quotes - self.spoken) * count else None

    def _sound(self, text: Bytes, rows: Sequence[Bytes], spans: Sequence[Span], escaped: bool) -> bool:
        """Whether nothing in the holes ends a text, no escape of a text's end is at its end, the digits are digits and
        the times times."""
        if (escaped or not self.wide) and not self._plain_holes(rows):
            return False
        begin, end = spans[self.given]
        if escaped and np.count_nonzero((text[end - 1] == _BACKSLASH) & (end > begin)):
            return False
        if any(np.count_nonzero(each.of(rows) - _ZERO > _NINE) for each in self.digits):
            return False
        return _are_times(self.time.of(rows))

    def _plain_holes(self, rows: Sequence[Bytes]) -> bool:
        """Whether they hold no quotes and escapes. Those that are counted are known to be in the parts."""
        holes = [row[:, hole].tobytes() for row, part in zip(rows, self.parts, strict=True) for hole in part.holes]
        return not any(b'"' in each or b"\\" in each for each in holes)

    def _values(self, block: bytes, spans: Sequence[Span]) -> NDArray[np.float64] | None:
        for index, span in enumerate(spans):
            read = index in (self.given, self.values)
            if not read and _floats(_listed(block, *span, b","), len(span[0])) is None:
                return None
        count = len(spans[self.values][0])
        # So many numbers in all, and the one that stands between rows where it should: then each row has its own.
        between, width = (_BETWEEN, self.width + 1) if self.width > 1 else (b",", 1)
        found = _floats(_listed(block, *spans[self.values], between), count * width)
        if found is None:
            return None
        table = found.reshape(count, -1)
        if self.width == 1:
            return table
        alone = np.count_nonzero(found == _NO_CHANCE) == np.count_nonzero(table[:, -1] == _NO_CHANCE) == count
        # Without gaps, over which numpy is slower than it is at copying.
        return table[:, :-1].copy() if alone else None


def _scanned(text: Bytes, counted: Iterable[int] = ()) -> tuple[Places, dict[int, int]]:
    """Where there is anything but printable ASCII, and how many there are of some bytes. Piece by piece: what is found
    of one stays near the processor."""
    mask = np.empty(min(_PIECE, len(text)), np.bool_)
    odd, counts = list[Places](), dict.fromkeys(counted, 0)
    for start in range(0, len(text), _PIECE):
        piece = text[start : start + _PIECE]
        there = mask[: len(piece)]
        odd.append(_sparse(np.less(piece.view(np.int8), _PRINTABLE, out=there)) + start)
        for byte in counts:
            counts[byte] += int(np.count_nonzero(np.equal(piece, byte, out=there)))
    return np.concatenate(odd), counts


def _line_ends(text: Bytes, odd: Places) -> Places | None:
    """Where the lines end, the last one perhaps without a newline; None if there is anything else odd."""
    if np.count_nonzero(text[odd] != _NEWLINE):
        return None
    return odd if text[-1] == _NEWLINE else np.concatenate((odd, [len(text)]))


def _gathered(block: bytes, begins: Places, width: int) -> Bytes:
    """So many bytes from each place: uint8[n, width]. Raises IndexError where there are less."""
    if width > len(block):
        raise IndexError(width)
    windows = np.ndarray((len(block) - width + 1,), f"V{width}", buffer=block, strides=(1,))
    return windows[begins].view(np.uint8).reshape(-1, width)


def _sparse(mask: NDArray[np.bool_]) -> Places:
    """Where a mask is true, in half the time of numpy's own way if that is seldom: by words of eight first."""
    whole = len(mask) // _WORD * _WORD
    words = mask[:whole].view(np.uint64)
    hit = np.flatnonzero(words != 0)
    inside = np.flatnonzero(words[hit].view(np.bool_))
    places = (hit[inside // _WORD] * _WORD) + inside % _WORD
    return np.concatenate((places, np.flatnonzero(mask[whole:]) + whole)) if whole < len(mask) else places


def _are_times(rows: Bytes) -> bool:
    """Of texts of ASCII without quotes and backslashes. As records come in their order, few differ from the one before
    in more than the seconds."""
    # Turned round, since numpy is slow with short rows.
    seconds = np.ascontiguousarray(rows[:, _MINUTE:].T)
    if rows.shape[1] == len(_FORM) and not np.count_nonzero((seconds - _LOWEST) > _RANGE):
        words = np.ascontiguousarray(rows[:, :_MINUTE]).view(np.uint64)
        differs = words[1:] != words[:-1]
        rows = rows[np.concatenate(([0], np.flatnonzero(differs[:, 0] | differs[:, 1]) + 1))]
    listed = np.full((len(rows), rows.shape[1] + 3), _QUOTE, np.uint8)
    listed[:, 1:-2] = rows
    listed[:, -1] = _COMMA
    try:
        _TIMES.decode(b"[" + listed.tobytes()[:-1] + b"]")
    except msgspec.MsgspecError:
        return False
    return True


def _listed(block: bytes, begins: Places, ends: Places, between: bytes) -> memoryview | bytes:
    """What lies between begins and ends as a list in JSON, with what stands between two of them after the last as well.
    Spaces fill up what is less wide than others, but for lists that these would make long."""
    widths = ends - begins
    width, narrowest = int(widths.max()), int(widths.min())
    if not width or width * len(widths) > len(block) or begins[-1] + width > len(block):
        cells = [block[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
        cells[0] = b"[" + cells[0]
        cells[-1] += between[:-1] + b"]"
        return between.join(cells)
    found = np.empty(1 + len(begins) * (width + len(between)), np.uint8)
    rows = found[1:].reshape(len(begins), -1)
    rows[:, :width] = _gathered(block, begins, width)
    np.copyto(rows[:, narrowest:width], _SPACE, where=np.arange(narrowest, width) >= widths[:, None])
    rows[:, width:] = np.frombuffer(between, np.uint8)
    found[0], found[-1] = b"[]"
    return found.data


def _floats(listed: memoryview | bytes, count: int) -> NDArray[np.float64] | None:
    """The numbers of a list in JSON, if they are that many."""
    try:
        found = _FLOATS.decode(listed)
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
    """The layouts that fit a line which is a whole record, without its end, the quicker one first. `says` is the one
    prediction of an answer's text: it is asked about some of our own making, to learn which numbers are the
    probabilities. None for a line that has to be understood to be read: where an answer is base64, say, or holds a list
    that nobody reads, or an id has escapes."""
    record = _RAW_LINES.decode(line)
    answer, metadata = record.captureData.endpointOutput, record.eventMetadata
    if answer.encoding == "BASE64" or len(_scanned(np.frombuffer(line, np.uint8))[0]):
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
    digits = [each for each in runs if each.stop - each.start == 1]
    if any(b'"' in line[each] or b"\\" in line[each] for each in fixed):
        return
    # A model of more than ten classes gives some an index of two digits.
    for narrow in [digits, []] if digits else [[]]:
        free = sorted([given, values, *(each for each in runs if each not in narrow)], key=lambda each: int(each.start))
        yield _laid_out(line, fixed, narrow, free, free.index(given), free.index(values))


def _laid_out(
    line: bytes, fixed: Sequence[slice], digits: Sequence[slice], free: Sequence[slice], given: int, values: int
) -> Layout:
    edges = [0, *(edge for each in free for edge in (each.start, each.stop)), len(line)]
    spans = [slice(*each) for each in zip(edges[::2], edges[1::2], strict=True)]
    text = [line[each] for each in spans]
    fields = tuple(_field(each, text[index + 1], index == given) for index, each in enumerate(free))
    wide = any(each.near.start for each in fields)
    quotes, escapes = (sum(each.count(byte) for each in text) for byte in (_QUOTE, _BACKSLASH))
    return Layout(
        parts=tuple(_Part(np.frombuffer(line[each], np.uint8), _holes([*fixed, *digits], each)) for each in spans),
        fields=fields,
        event_id=_hole(fixed[0], spans),
        time=_hole(fixed[1], spans),
        digits=tuple(_hole(each, spans) for each in digits),
        given=given,
        values=values,
        width=line[free[values]].count(b",") + 1,
        quotes=quotes,
        spoken=sum(each.count(b'\\"') for each in text),
        escapes=escapes,
        wide=wide,
        counted={byte: number for byte, number in ((_QUOTE, quotes * wide), (_BACKSLASH, escapes)) if number},
    )


def _field(field: slice, after: bytes, is_text: bool) -> _Field:
    width = field.stop - field.start
    near = slice(0, width + _SPARE) if width + _SPARE <= _NEAR else slice(width - _NEAR // 2, width + _NEAR // 2)
    second = after.find(b'"', 1) + 1
    return _Field(near=near, end=after[:1], sure=after[:second] if is_text else after[:1])


def _holes(fields: Sequence[slice], part: slice) -> tuple[slice, ...]:
    inside = [each for each in fields if part.start <= each.start < part.stop]
    return tuple(slice(each.start - part.start, each.stop - part.start) for each in inside)


def _hole(field: slice, parts: Sequence[slice]) -> _Hole:
    index = next(index for index, each in enumerate(parts) if each.start <= field.start < each.stop)
    return _Hole(index, *_holes([field], parts[index]))


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
        numbers = _floats(b"[" + line[run] + b"]", line[run].count(b",") + 1)
        if numbers is None:
            return None
        others = _several(len(numbers))
        if _is_said(numbers, now, classes) and _is_said(others, changed(run, others), classes):
            values.append(index)
        elif len(numbers) > 1 or now is None or changed(run, [0]) != now or changed(run, [1]) != now:
            return None
    return values[0] if len(values) == 1 else None


def _is_said(numbers: Sequence[float] | NDArray[np.float64], said: Prediction | None, classes: tuple[str, ...]) -> bool:
    table = columns.table_of(np.array(numbers, dtype=np.float64).reshape(1, -1), classes)
    return table is not None and said is not None and table.begins_with(said)


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
