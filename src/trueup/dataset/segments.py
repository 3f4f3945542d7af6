"""Segments: JSON Lines of labelled samples sorted by sample id, the same bytes for the same samples."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from trueup.errors import ManifestError
from trueup.model import LabelledSample

_decoder = msgspec.json.Decoder(LabelledSample)


def encode(samples: Iterable[LabelledSample]) -> bytes:
    """Deterministic bytes; a sample given twice is kept once, the last one."""
    last = {each.sample_id: each for each in samples}
    ordered = (last[key] for key in sorted(last))
    return b"".join(msgspec.json.encode(each, order="deterministic") + b"\n" for each in ordered)


def decode(data: bytes) -> list[LabelledSample]:
    """Raises ManifestError that names the line."""
    return [_line(raw, number) for number, raw in enumerate(data.splitlines(), start=1)]


def _line(raw: bytes, number: int) -> LabelledSample:
    try:
        return _decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise ManifestError(f"line {number} of a segment: {error}", field=f"line {number}") from error
