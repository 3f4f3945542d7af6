"""Failure notes in the table, for a day longer than any queue keeps a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from trueup.adapters.aws.table import Key, Table, put, record_of
from trueup.ports import FailureNote, FailureNotes

_KEPT = timedelta(days=15)


class DynamoFailureNotes(FailureNotes):
    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, note: FailureNote) -> None:
        self._table.write([put(_key(note.name), note, expires_at=int((note.at + _KEPT).timestamp()))])

    def find(self, names: Sequence[str]) -> Mapping[str, FailureNote]:
        found = self._table.get_many([_key(each) for each in names])
        notes = [record_of(each, FailureNote) for each in found.values()]
        return {each.name: each for each in notes}


def _key(name: str) -> Key:
    return f"FAILURE#{name}", "FAILURE"
