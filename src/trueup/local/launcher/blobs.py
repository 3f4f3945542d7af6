"""Large bytes of the embedded AWS's state lie beside it, once, under their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

LARGE = 100_000
_MARK = "__trueup_blob__"
# More than a deployment has functions and layers; what an earlier one had is let go in time.
_MOST = 64


class Blobs:
    """Between what a state holds and its JSON. `encode` and `decode` are those of everything else."""

    def __init__(self, folder: Path, encode: Callable[[Any], Any], decode: Callable[[Any], Any]) -> None:
        self._folder = folder
        self._encode = encode
        self._decode = decode

    def encode(self, value: Any) -> Any:
        """What json.dumps asks for where it knows no better."""
        if isinstance(value, bytes) and len(value) >= LARGE:
            return {_MARK: self._kept(value)}
        return self._encode(value)

    def decode(self, found: dict[str, Any]) -> Any:
        """What json.load asks for of each object."""
        if _MARK in found:
            return (self._folder / found[_MARK]).read_bytes()
        return self._decode(found)

    def _kept(self, data: bytes) -> str:
        name = digest(data)
        path = self._folder / name
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(".new")
            fresh.write_bytes(data)
            fresh.replace(path)
        return name


@lru_cache(_MOST)
def digest(data: bytes) -> str:
    """Of bytes that are written again and again: looked at once."""
    return hashlib.sha256(data).hexdigest()
