"""Where an input lies among others: a vector for the strategies that look at more than the model's answer.

Inputs of numbers (CSV, JSON) are their numbers. Text is hashed: words and pairs of words, each added or taken away at
one of TEXT_DIMENSIONS places (Weinberger et al., Feature Hashing, ICML 2009), which keeps distances on average. Short
raw bytes, as of small images, are themselves. Everything else is told apart by what the model said of it.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

TEXT_DIMENSIONS = 256
MOST_NUMBERS = 4096
_WORD = re.compile(r"\w+")
_PLAIN = msgspec.json.Decoder(list[float])
_RAW = frozenset({"application/x-image", "application/octet-stream"})
# PNG, JPEG, GIF, RIFF (WebP), gzip and zip: bytes that are packed tell nothing of distances.
_PACKED = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"\x1f\x8b", b"PK\x03\x04")
Vector = NDArray[np.float32]


def features_of(data: bytes, kind: str) -> Vector | None:
    """The vector of an input of a media type: float32[d], or None where its bytes tell nothing."""
    if kind in _RAW or kind.startswith("image/"):
        return _bytes(data)
    found = numbers_of(data, kind)
    return found if found is not None else _hashed(data)


def numbers_of(data: bytes, kind: str) -> Vector | None:
    """The numbers of a row or of a JSON document: float32[d], or None where it is none."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return _listed(text) if "json" in kind else _cells(text)


def together(vectors: Sequence[Vector | None], answers: NDArray[np.float64]) -> Vector:
    """Vectors of a window, made comparable: float32[n, d]. Each dimension is centred and divided by its spread. Where
    not all have one of the same length, what the model answered (float64[n, k]) stands for all."""
    lengths = {len(each) for each in vectors if each is not None}
    whole = len(lengths) == 1 and all(each is not None for each in vectors)
    found = np.array(vectors if whole else answers, dtype=np.float32)
    found = np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0)
    found = found - found.mean(axis=0)
    spread = found.std(axis=0)
    return np.asarray(found / np.where(spread > 0, spread, 1.0), dtype=np.float32)


def _cells(text: str) -> Vector | None:
    if not 2 <= text.count(",") + 1 <= MOST_NUMBERS:
        return None
    try:
        return np.array(_PLAIN.decode(f"[{text}]"), dtype=np.float32)
    except msgspec.MsgspecError:
        pass
    try:
        return np.array([float(each or "nan") for each in text.strip().split(",")], dtype=np.float32)
    except ValueError:
        return None


def _listed(text: str) -> Vector | None:
    """The first list of numbers in a JSON document, however deep."""
    try:
        waiting: list[Any] = [msgspec.json.decode(text)]
    except (msgspec.DecodeError, RecursionError):
        return None
    for node in waiting:
        if isinstance(node, dict):
            waiting.extend(node.values())
        elif isinstance(node, list):
            if 2 <= len(node) <= MOST_NUMBERS and all(type(each) in (int, float) for each in node):
                return np.array([float(each) for each in node], dtype=np.float32)
            if len(waiting) < MOST_NUMBERS:
                waiting.extend(node[:MOST_NUMBERS])
    return None


def _hashed(data: bytes) -> Vector | None:
    try:
        words = [each.lower() for each in _WORD.findall(data.decode())[:MOST_NUMBERS]]
    except UnicodeDecodeError:
        return None
    if not words:
        return None
    found = np.zeros(TEXT_DIMENSIONS, dtype=np.float32)
    for term, times in Counter([*words, *map(" ".join, pairwise(words))]).items():
        code = zlib.crc32(term.encode())
        found[code % TEXT_DIMENSIONS] += np.log1p(times) if code & 0x8000_0000 else -np.log1p(times)
    length = float(np.linalg.norm(found))
    return found / length if length else None


def _bytes(data: bytes) -> Vector | None:
    if not data or len(data) > MOST_NUMBERS or data.startswith(_PACKED):
        return None
    return np.frombuffer(data, dtype=np.uint8).astype(np.float32)
