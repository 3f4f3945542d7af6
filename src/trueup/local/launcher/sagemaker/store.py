"""What the stand-in remembers, in one JSON file that survives a restart."""

from __future__ import annotations

import copy
import json
import threading
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Store:
    """Records by kind and name. Every change is on disk before the call returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._kinds: dict[str, dict[str, Record]] = json.loads(path.read_text()) if path.is_file() else {}

    def get(self, kind: str, name: str) -> Record | None:
        with self._lock:
            found = self._kinds.get(kind, {}).get(name)
            return copy.deepcopy(found)

    def put(self, kind: str, name: str, record: Record) -> None:
        with self._lock:
            self._kinds.setdefault(kind, {})[name] = record
            self._save()

    def add(self, kind: str, name: str, record: Record) -> bool:
        """Write unless the name is taken."""
        with self._lock:
            if name in self._kinds.get(kind, {}):
                return False
            self.put(kind, name, record)
            return True

    def update(self, kind: str, name: str, **changes: Any) -> Record:
        """The record with its changes; what changes to None is taken out."""
        with self._lock:
            merged = {**self._kinds[kind][name], **changes}
            record = {key: value for key, value in merged.items() if value is not None}
            self._kinds[kind][name] = record
            self._save()
            return copy.deepcopy(record)

    def delete(self, kind: str, name: str) -> None:
        with self._lock:
            self._kinds.get(kind, {}).pop(name, None)
            self._save()

    def all(self, kind: str) -> list[Record]:
        with self._lock:
            return copy.deepcopy(list(self._kinds.get(kind, {}).values()))

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._kinds))
        fresh.replace(self._path)
