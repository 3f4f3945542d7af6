"""State on disk while the embedded AWS runs: a crash costs the last seconds and not everything."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_SHARE = 10
States = Callable[[], Mapping[str, Callable[[], Any]]]


class Checkpoints:
    """Writes what changed of each service's state: every `seconds`, or less often where that would take more than a
    tenth of the time, and when asked.

    `encode` turns a service's name and state into the text of its file; `settled` says whether nothing is halfway
    (a deployment that a crash cut in two could never be resumed).
    """

    def __init__(
        self, folder: Path, states: States, encode: Callable[[str, Any], str], settled: Callable[[], bool]
    ) -> None:
        self._folder = folder
        self._states = states
        self._encode = encode
        self._settled = settled
        self._written: dict[str, str] = {}
        self._lock = threading.Lock()

    def start(self, seconds: float) -> None:
        def work() -> None:
            took = 0.0
            while True:
                time.sleep(max(seconds, _SHARE * took))
                began = time.monotonic()
                self.save()
                took = time.monotonic() - began

        threading.Thread(target=work, daemon=True, name="checkpoints").start()

    def save(self) -> list[str]:
        """Names of the services whose state was written."""
        with self._lock:
            return [each for each, state in dict(self._states()).items() if self._settled() and self._save(each, state)]

    def _save(self, name: str, state_of: Callable[[], Any]) -> bool:
        try:
            state = state_of()
            text = self._encode(name, state) if state is not None else ""
        except (RuntimeError, TypeError, ValueError) as error:
            # The service is at work on what we read; the next round finds it at rest.
            print(f"checkpoints: {name} waits for the next round: {error}", flush=True)  # noqa: T201
            return False
        digest = hashlib.sha256(text.encode()).hexdigest()
        if not text or self._written.get(name) == digest:
            return False
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._folder / f"{name}.json.new"
        fresh.write_text(text)
        fresh.replace(self._folder / f"{name}.json")
        self._written[name] = digest
        return True


def encoder(version_of: Callable[[str], int], fallback: Callable[[Any], Any]) -> Callable[[str, Any], str]:
    """Text as ministack itself writes it when it ends."""

    def encode(name: str, state: Any) -> str:
        return json.dumps({"__ministack_format__": version_of(name), "payload": state}, default=fallback)

    return encode
