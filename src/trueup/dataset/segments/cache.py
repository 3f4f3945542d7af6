"""Open segments, kept within a budget of bytes: they never change, and their name says what they hold."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from trueup.dataset.segments.layout import Table

# Two million lines, of which a function that commits now and then needs no more.
BUDGET = 128 * 2**20


class SegmentCache:
    """The segments that were used last, `budget` bytes of them; one that is larger is not kept."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._tables: OrderedDict[str, Table] = OrderedDict()
        self.bytes = 0

    def open(self, sha256: str, read: Callable[[str], bytes]) -> Table:
        """Raises ManifestError, and what `read` does."""
        with self._lock:
            if sha256 in self._tables:
                self._tables.move_to_end(sha256)
                return self._tables[sha256]
        table = Table.of(read(sha256))
        self._keep(sha256, table)
        return table

    def _keep(self, sha256: str, table: Table) -> None:
        with self._lock:
            if sha256 in self._tables or table.size > self._budget:
                return
            self._tables[sha256] = table
            self.bytes += table.size
            while self.bytes > self._budget:
                self.bytes -= self._tables.popitem(last=False)[1].size


# That of this process.
SEGMENTS = SegmentCache()
