"""Rows of AutoML and of selectable inference: AutoGluon, Autopilot, XGBoost with SAGEMAKER_INFERENCE_OUTPUT.

AutoGluon writes a header whose columns <class>_proba hold the probabilities, or the same columns as JSON. Autopilot
and XGBoost write no header; a row holds lists in quotes (JSON's or Python's), of labels and of probabilities, or the
winner and its probability alone.
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trueup.capture.decoders.family import glimpse, is_number, prediction, shown
from trueup.capture.samples import media_type
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

_COLUMN = "_proba"
_LONGEST = 100_000


def recognises(payload: Payload) -> bool:
    kind = media_type(payload.content_type)
    if kind == "application/json":
        return isinstance(_columns(payload), Mapping)
    if kind != "text/csv":
        return False
    first = payload.data.lstrip().partition(b"\n")[0]
    return _COLUMN.encode() in first or b'"[' in first or _begins_with_a_name(first)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction a row. Raises DecodeError that names the row."""
    columns = _columns(payload) if media_type(payload.content_type) == "application/json" else None
    rows = list(_json_rows(columns) if columns is not None else _csv_rows(payload, classes))
    if not rows:
        raise DecodeError("the table holds no row")
    return rows


def _begins_with_a_name(line: bytes) -> bool:
    first, comma, _ = line.decode("utf-8", "replace").partition(",")
    return bool(comma) and not first.strip().startswith("[") and not _is_numeric(first)


def _columns(payload: Payload) -> Mapping[str, Any] | None:
    """{"yes_proba": {"0": 0.59, …}, …}, or None when the document is something else."""
    found = glimpse(payload)
    document = found[0] if len(found) == 1 else None
    if not isinstance(document, dict) or not any(each.endswith(_COLUMN) for each in document):
        return None
    return document


def _json_rows(columns: Mapping[str, Any]) -> Iterator[Prediction]:
    chances = {name.removesuffix(_COLUMN): column for name, column in columns.items() if name.endswith(_COLUMN)}
    if not all(isinstance(each, Mapping) for each in chances.values()):
        raise DecodeError(f"the columns {shown(list(chances))} are not objects of rows")
    for row in next(iter(chances.values())):
        values = [column.get(row) for column in chances.values()]
        if not all(is_number(each) for each in values):
            raise DecodeError(f"row {shown([row])} of the table has no number for every class")
        yield prediction([float(each) for each in values], (), list(chances))


def _csv_rows(payload: Payload, classes: tuple[str, ...]) -> Iterator[Prediction]:
    rows = list(_cells(payload))
    header = rows[0] if rows and any(each.endswith(_COLUMN) for each in rows[0]) else None
    for number, row in enumerate(rows, start=1):
        if header is None:
            yield _row(row, classes, number)
        elif number > 1:
            yield _under(header, row, number)


def _cells(payload: Payload) -> Iterator[list[str]]:
    try:
        lines = [each for each in payload.data.decode().splitlines() if each.strip()]
        yield from csv.reader(lines)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DecodeError(f"the answer is not CSV: {error}") from error


def _under(header: Sequence[str], row: Sequence[str], number: int) -> Prediction:
    if len(row) != len(header):
        raise DecodeError(f"row {number} of the table has {len(row)} cells under {len(header)} columns")
    named = [(name.removesuffix(_COLUMN), cell) for name, cell in zip(header, row, strict=True) if _COLUMN in name]
    return prediction([_number(cell, number) for _, cell in named], (), [name for name, _ in named])


def _row(row: Sequence[str], classes: tuple[str, ...], number: int) -> Prediction:
    lists = [_list(each, number) for each in row if each.lstrip().startswith("[")]
    chances = _chances(lists)
    if chances is not None:
        labels = next((each for each in lists if len(each) == len(chances) and each is not chances), None)
        return prediction([float(each) for each in chances], classes, labels)
    if len(row) == 2 and not lists:
        return prediction([_number(row[1], number)], classes, [row[0]], kind="winner")
    raise DecodeError(f"row {number} of the table holds neither a list of probabilities nor a winner: {shown([row])}")


def _chances(lists: Sequence[list[Any]]) -> list[Any] | None:
    """The list of probabilities; where labels are numbers too, theirs are whole ones."""
    numbers = [each for each in lists if each and all(is_number(one) for one in each)]
    broken = [each for each in numbers if any(isinstance(one, float) for one in each)]
    return next(iter(broken or numbers[-1:]), None)


def _list(cell: str, number: int) -> list[Any]:
    """What is quoted: JSON, or Python's own writing of a list."""
    try:
        found = ast.literal_eval(cell.strip()) if len(cell) <= _LONGEST else None
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        found = None
    if not isinstance(found, list):
        raise DecodeError(f"row {number} of the table holds what is no list: {shown([cell])}")
    return found


def _number(cell: str, number: int) -> float:
    try:
        return float(cell)
    except ValueError as error:
        raise DecodeError(f"row {number} of the table holds {shown([cell])} where a probability should be") from error


def _is_numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
