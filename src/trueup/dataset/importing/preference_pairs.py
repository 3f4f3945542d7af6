"""Preference pairs in JSON Lines, Parquet or CSV."""

from __future__ import annotations

from collections.abc import Iterator

from trueup.dataset.importing.files import chosen, kinds_only, of_files
from trueup.dataset.importing.tables import csv_items, jsonl_items, parquet_items
from trueup.dataset.sources import Item, Reading
from trueup.model import Kind

_KINDS: tuple[Kind, ...] = ("preference",)


def read(reading: Reading) -> Iterator[Item]:
    """Raises InputError for a project that asks for other labels, NotFoundError."""
    kinds_only(reading, _KINDS, "a preference dataset")
    return of_files(chosen(reading, (".jsonl", ".parquet", ".csv"), "table"), lambda name: _items(reading, name))


def _items(reading: Reading, name: str) -> Iterator[Item]:
    if name.endswith(".parquet"):
        return parquet_items(reading, name)
    return csv_items(reading, name) if name.endswith(".csv") else jsonl_items(reading, name)
