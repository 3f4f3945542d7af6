"""Records from JSON, in whatever thread.

msgspec looks into a type of records when it meets it first. Of two threads that make it do so at once, one meets what
the other has half done, and the process ends with a segmentation fault (0.22).
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_looking = threading.Lock()


def decoded(raw: bytes | str, kind: type[T]) -> T:
    """Raises msgspec.MsgspecError."""
    found: T = (_decoders.get(kind) or _decoder(kind)).decode(raw)
    return found


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    with _looking:
        return _decoders.setdefault(kind, msgspec.json.Decoder(kind))
