"""Transactions of moto's DynamoDB in a fraction of the time.

Before a transaction moto copies its whole table, for a rollback, once for each of up to a hundred items. The copies are
all the same: one is enough.
"""

from __future__ import annotations

import copy
import threading
from types import SimpleNamespace
from typing import Any

from moto.dynamodb import models
from moto.dynamodb.models.table import Table

_whole = models.DynamoDBBackend.transact_write_items
_here = threading.local()


def _transact(self: models.DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    _here.copies = {}
    try:
        _whole(self, transact_items)
    finally:
        del _here.copies


def _copied(thing: Any) -> Any:
    copies = getattr(_here, "copies", None)
    if copies is None or not isinstance(thing, Table):
        return copy.deepcopy(thing)
    if id(thing) not in copies:
        copies[id(thing)] = copy.deepcopy(thing)
    return copies[id(thing)]


def copy_once() -> None:
    """May be called again."""
    models.copy = SimpleNamespace(deepcopy=_copied, copy=copy.copy)
    models.DynamoDBBackend.transact_write_items = _transact
