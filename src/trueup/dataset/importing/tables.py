"""Tables: JSON Lines, CSV and Parquet, trueup's own or of as little as an input and a label."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import msgspec

from trueup.dataset.importing.files import (
    MAX_LINE,
    UNREADABLE,
    chosen,
    document,
    each_of,
    numbered,
    of_files,
    opened,
)
from trueup.dataset.importing.rows import Names, item_of
from trueup.dataset.sources import Item, Problem, Reading
from trueup.errors import InputError, ManifestError

# Rows that are in memory at once; each may hold a picture.
_ROWS = 32
_DELIMITERS = ",;\t"


def read_jsonl(reading: Reading) -> Iterator[Item]:
    """One JSON object per line."""
    names = chosen(reading, (".jsonl", ".jsonl.gz", ".ndjson"), "JSON Lines")
    return of_files(names, lambda name: jsonl_items(reading, name))


def read_csv(reading: Reading) -> Iterator[Item]:
    """A header with the columns' names, which are separated by commas, semicolons or tabs."""
    names = chosen(reading, (".csv", ".csv.gz", ".tsv"), "CSV")
    return of_files(names, lambda name: csv_items(reading, name))


def read_parquet(reading: Reading) -> Iterator[Item]:
    """Parquet, with the names of classes that Hugging Face `datasets` writes into it."""
    names = chosen(reading, (".parquet",), "Parquet")
    return of_files(names, lambda name: parquet_items(reading, name))


def jsonl_items(reading: Reading, name: str, names: Names | None = None) -> Iterator[Item]:
    rows = ((f"{name}:{number}", raw) for number, raw in numbered(reading.source, name))
    return each_of(rows, lambda where, raw: item_of(reading, name, where, document(raw), names or {}))


def csv_items(reading: Reading, name: str, names: Names | None = None) -> Iterator[Item]:
    def made(where: str, row: dict[Any, Any]) -> Item:
        if None in row or None in row.values():
            raise ManifestError("the row has other columns than the header: is a comma or a quote missing?")
        if any(0xDC80 <= ord(letter) <= 0xDCFF for value in row.values() for letter in value):
            raise ManifestError("the row is not UTF-8")
        return item_of(reading, name, where, row, names or {})

    with opened(reading.source, name) as stream:
        for where, row in _csv_rows(stream, name):
            yield from ([Problem(where=where, what=row)] if isinstance(row, str) else each_of([(where, row)], made))


@contextlib.contextmanager
def _long_cells() -> Iterator[None]:
    """Texts are longer than the 128 KiB that the module lets a cell have; others go on by its own limit."""
    before = csv.field_size_limit(MAX_LINE)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _csv_rows(stream: BinaryIO, name: str) -> Iterator[tuple[str, dict[Any, Any] | str]]:
    """Rows by column, or why there is none."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    head = text.readline(MAX_LINE)
    if not head.strip():
        raise InputError(f"{name} is empty: its first line names the columns", field=name)
    delimiter = max(_DELIMITERS, key=head.count)
    columns = next(csv.reader([head], delimiter=delimiter))
    reader = csv.DictReader(text, fieldnames=columns, delimiter=delimiter)
    while True:
        try:
            with _long_cells():
                row = next(reader, None)
        except csv.Error as error:
            yield f"{name}:{reader.line_num + 1}", f"the row is no CSV: {error}"
            continue
        if row is None:
            return
        yield f"{name}:{reader.line_num + 1}", row


def parquet_items(reading: Reading, name: str, names: Names | None = None) -> Iterator[Item]:
    arrow, parquet = _arrow()
    with opened(reading.source, name) as stream, _arrow_errors(name, arrow):
        file = parquet.ParquetFile(stream)
        told = {**(names or {}), **names_in_schema(file.schema_arrow.metadata)}
        number = 0
        for batch in file.iter_batches(batch_size=_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield from _row(reading, name, f"{name}:row {number}", row, told)


def arrow_items(reading: Reading, name: str, names: Names | None = None) -> Iterator[Item]:
    """What `datasets` writes by save_to_disk: Arrow's streaming format."""
    arrow, _ = _arrow()
    with opened(reading.source, name) as stream, _arrow_errors(name, arrow):
        reader = arrow.ipc.open_stream(stream)
        told = {**(names or {}), **names_in_schema(reader.schema.metadata)}
        number = 0
        for batch in reader:
            for start in range(0, batch.num_rows, _ROWS):
                for row in batch.slice(start, _ROWS).to_pylist():
                    number += 1
                    yield from _row(reading, name, f"{name}:row {number}", row, told)


def _row(reading: Reading, name: str, where: str, row: dict[str, Any], names: Names) -> Iterator[Item]:
    yield from each_of([(where, row)], lambda place, each: item_of(reading, name, place, each, names))


class _arrow_errors:  # noqa: N801 - read as a statement
    """Says of a file that Arrow cannot read which it is."""

    def __init__(self, name: str, arrow: Any) -> None:
        self._name = name
        self._arrow = arrow

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, self._arrow.ArrowException | ValueError) and not isinstance(error, InputError):
            raise InputError(f"{self._name} cannot be read: {error}", field=self._name) from error


def names_in_schema(metadata: Mapping[bytes, bytes] | None) -> Names:
    """Names of classes by column, as `datasets` keeps them in the schema of Arrow and Parquet files."""
    told = (metadata or {}).get(b"huggingface")
    if told is None:
        return {}
    try:
        features = msgspec.json.decode(told)["info"]["features"]
    except (*UNREADABLE, KeyError, TypeError):
        return {}
    return names_of_features(features)


def names_of_features(features: Any) -> Names:
    """Of features in the JSON of `datasets`: {"label": {"names": […], "_type": "ClassLabel"}}, however deep."""
    if not isinstance(features, dict):
        return {}
    found = {name: _class_label(each) for name, each in features.items()}
    return {name: names for name, names in found.items() if names}


def _class_label(feature: Any) -> list[str]:
    if isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
        return [str(each) for each in feature.get("names") or ()]
    below = feature.values() if isinstance(feature, dict) else feature if isinstance(feature, list) else ()
    return next((names for names in map(_class_label, below) if names), [])


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError("Parquet and Arrow are read by pyarrow: pip install 'trueup[parquet]'") from error
    return pyarrow, pyarrow.parquet
