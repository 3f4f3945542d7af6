"""One capture file, streamed: every line accounted for, every prediction counted and scored, the few that may be
asked about kept. Memory does not grow with the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.capture.asynchronous import failure_of
from trueup.capture.blocks import Place, Reader, Rows
from trueup.capture.decoders import decode
from trueup.capture.instances import split_input
from trueup.capture.records import Duplicate, Item, Joined
from trueup.capture.samples import media_type, sample_id, slice_of
from trueup.errors import DecodeError
from trueup.model import AnswerPath, Capture, Payload, Prediction, Project, Quarantined, Record
from trueup.selection.choose import Draw, matrix
from trueup.selection.sketch import Tallies, indexed
from trueup.similarity.near_duplicates import fingerprint

# What a file's bad lines may take in memory before they are put away.
_BATCH_LINES = 5_000
_BATCH_BYTES = 4_000_000
_MOST_CLASSES = 500
_MOST_SLICES = 100
_OTHERS = "(others)"


class Instance(msgspec.Struct, frozen=True, dict=True):
    """One prediction of a captured request, with the input that it was made for."""

    capture: Capture
    index: int
    input: Payload
    prediction: Prediction
    sample_id: str

    @cached_property
    def fingerprint(self) -> int | None:
        """Of the input, as in trueup.similarity.near_duplicates."""
        return fingerprint(self.input.data, media_type(self.input.content_type))


class Spot(Record, frozen=True, gc=False):
    """Where an instance is found again: a line of the file, or what was read of one, and its number in the request."""

    place: Place | Capture
    index: int

    @property
    def line(self) -> int:
        return self.place.line


class Tally(msgspec.Struct):
    """What reading one file found. lines = captures + quarantined + duplicates: `captures` counts the lines that
    were read, two of which may hold one event."""

    lines: int = 0
    captures: int = 0
    quarantined: int = 0
    duplicates: int = 0
    predictions: int = 0
    scores: Tallies = msgspec.field(default_factory=lambda: Tallies(_MOST_CLASSES, _OTHERS))
    slices: Tallies = msgspec.field(default_factory=lambda: Tallies(_MOST_SLICES, _OTHERS))
    decoders: Counter[str] = msgspec.field(default_factory=Counter)


class FileReading(msgspec.Struct, dict=True):
    """Reads a file for a project. `put_away` is given what cannot be used, in batches, as it comes."""

    project: Project
    draw: Draw[Spot]
    put_away: Callable[[Sequence[Quarantined]], object]
    tally: Tally = msgspec.field(default_factory=Tally)
    _bad: list[Quarantined] = msgspec.field(default_factory=list)
    _bad_bytes: int = 0

    def __post_init__(self) -> None:
        self._names = self.project.said_classes
        self.tally.scores.know(self._names)

    def read(self, blocks: Iterable[bytes]) -> Tally:
        """All of a file. Raises what the blocks raise."""
        reader = Reader(self._names, self.project.selection.reader)
        for block in blocks:
            self._take_block(reader, block)
            # Or else it would be there still while the next one is made.
            del block
        self._take(reader.rest())
        return self.tally

    def finish(self) -> None:
        """Put away what waits to be."""
        if self._bad:
            self.put_away(self._bad)
        self._bad, self._bad_bytes = [], 0

    def instance(self, spot: Spot) -> Instance | None:
        """What a spot holds; None when its input turns out to be unusable, which is accounted for then."""
        if not isinstance(spot.place, Place):
            return instances_of(spot.place, self._names, self.project.selection.reader)[0][spot.index]
        found = spot.place.read()
        if isinstance(found, Quarantined):
            self._refuse(found)
            return None
        return _instances(found, [spot.place.said])[spot.index]

    def _refuse(self, item: Quarantined) -> None:
        """A line that was counted as read, from its answer alone, until its input was looked at."""
        self.tally.captures -= 1
        self._quarantine(item)

    def _quarantine(self, item: Quarantined) -> None:
        self.tally.quarantined += 1
        self._bad.append(item)
        self._bad_bytes += len(item.raw)
        if len(self._bad) >= _BATCH_LINES or self._bad_bytes >= _BATCH_BYTES:
            self.finish()

    def _take_block(self, reader: Reader, block: bytes) -> None:
        rows = reader.rows(block)
        if rows is None:
            self._take(reader.items(block))
        else:
            self._take_rows(rows)

    def _take_rows(self, rows: Rows) -> None:
        table = rows.table

        def keep(which: Sequence[int]) -> list[tuple[Spot, int]]:
            return [(Spot(each, 0), len(each.raw)) for each in rows.places(which)]

        which = table.probabilities.argmax(axis=1)
        slices = None
        if self.project.selection.slice_by:
            slices = self._slices(rows.attributes)
        scores = self.draw.offer(table.probabilities, table.classes, which, keep, slices)
        self.tally.lines += len(rows)
        self.tally.captures += len(rows)
        self.tally.predictions += len(rows)
        self.tally.decoders[rows.decoder] += len(rows)
        self.tally.scores.add(table.classes, which, scores)
        if slices:
            self.tally.slices.add(*slices, scores)

    def _take(self, items: Iterable[Item]) -> None:
        """Line by line. The halves at the end of a file were not counted as lines when they were put aside."""
        waiting: list[Instance] = []
        for item in items:
            self.tally.lines += 1
            if isinstance(item, Quarantined):
                self._quarantine(item)
            elif isinstance(item, Duplicate):
                self.tally.duplicates += 1
            elif isinstance(item, Joined):
                self.tally.captures += 1
            else:
                waiting += self._understood(item)
        if waiting:
            self._count(waiting)

    def _understood(self, capture: Capture) -> list[Instance]:
        """Its instances, or none and the line is put away with the reason."""
        try:
            found, decoder = instances_of(capture, self._names, self.project.selection.reader)
        except DecodeError as error:
            bad = Quarantined(line=capture.line, offset=capture.offset, reason=str(error), raw=capture.raw)
            self._quarantine(bad)
            return []
        self.tally.captures += 1
        self.tally.predictions += len(found)
        self.tally.decoders[decoder] += 1
        return found

    def _count(self, instances: Sequence[Instance]) -> None:
        def keep(which: Sequence[int]) -> list[tuple[Spot, int]]:
            chosen = [instances[index] for index in which]
            return [(Spot(each.capture, each.index), len(each.capture.raw)) for each in chosen]

        names, which = indexed([each.prediction.label for each in instances])
        slices = self._slices([each.capture.custom_attributes for each in instances])
        predictions = [each.prediction for each in instances]
        scores = self.draw.offer(matrix(predictions), names, which, keep, slices, _information(predictions))
        self.tally.scores.add(names, which, scores)
        if slices:
            self.tally.slices.add(*slices, scores)

    def _slices(self, attributes: Sequence[Sequence[str]]) -> tuple[Sequence[str], NDArray[np.int64]] | None:
        """The distinct slices, and which one each is of; None where nobody asks."""
        by = self.project.selection.slice_by
        return indexed([slice_of(each, by) or "" for each in attributes]) if by else None


def _information(predictions: Sequence[Prediction]) -> NDArray[np.float64] | None:
    if all(each.information is None for each in predictions):
        return None
    return np.array([each.information or 0.0 for each in predictions])


def instances_of(
    capture: Capture, classes: tuple[str, ...], reader: str | AnswerPath | None
) -> tuple[list[Instance], str]:
    """What a capture says of each record of its request, and which decoder read it. Raises DecodeError."""
    if capture.output is None or capture.input is None:
        raise DecodeError(_incomplete(capture))
    predictions, decoder = decode(capture.output, classes, reader)
    return _instances(capture, predictions), decoder


def _instances(capture: Capture, predictions: Sequence[Prediction]) -> list[Instance]:
    """With the part of the input that each prediction is for. Raises DecodeError."""
    if capture.input is None:
        raise DecodeError(_incomplete(capture))
    pairs = zip(split_input(capture.input, len(predictions)), predictions, strict=True)
    return [
        Instance(capture=capture, index=index, input=payload, prediction=each, sample_id=sample_id(payload))
        for index, (payload, each) in enumerate(pairs)
    ]


def _incomplete(capture: Capture) -> str:
    failure = failure_of(capture.custom_attributes)
    if failure is not None:
        return f"the endpoint failed to answer: {failure}"
    missing = "output" if capture.output is None else "input"
    return f"the record has no {missing}: capture both sides (CaptureOptions Input and Output)"
