"""CSV of probabilities: XGBoost binary (one score a line) and softprob (a comma list a line, in brackets in batch
mode), and alike."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trueup.capture.decoders.columns import Table, table
from trueup.capture.decoders.family import prediction, shown
from trueup.capture.samples import media_type
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

_NUMBERS = msgspec.json.Decoder(list[float])
_ROWS = msgspec.json.Decoder(list[list[float]])


def recognises(payload: Payload) -> bool:
    return media_type(payload.content_type) in ("text/csv", "text/plain")


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction a line. A single line of N numbers for a binary schema is N scores (older XGBoost joined
    them with commas); for any other schema it is one distribution. Raises DecodeError."""
    rows = rows_of(payload)
    if len(rows) == 1 and len(classes) == 2 and len(rows[0]) > 2:
        rows = [[each] for each in rows[0]]
    return [prediction(row, classes) for row in rows]


def decode_many(texts: Sequence[str], classes: tuple[str, ...]) -> Table | None:
    """One score, or one comma list, each."""
    width = texts[0].count(",") + 1
    if width > 1 and len(classes) == 2:
        return None
    try:
        if width == 1:
            return table(_NUMBERS.decode(f"[{','.join(texts)}]"), classes)
        return table(_ROWS.decode(f"[[{'],['.join(texts)}]]"), classes)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return None


def rows_of(payload: Payload) -> list[list[float]]:
    """The numbers of each line. Raises DecodeError."""
    rows = [_numbers(line, number) for number, line in enumerate(_lines(payload), start=1)]
    if not rows:
        raise DecodeError("the CSV answer is empty")
    return rows


def _lines(payload: Payload) -> list[str]:
    try:
        return [each for each in payload.data.decode().splitlines() if each.strip()]
    except UnicodeDecodeError as error:
        raise DecodeError(f"the CSV answer is not UTF-8: {error}") from error


def _numbers(line: str, number: int) -> list[float]:
    try:
        return [float(each) for each in line.strip().strip("[]").split(",")]
    except ValueError as error:
        raise DecodeError(f"line {number} of the CSV answer is not numbers: {shown([line])}") from error
