"""Segments: JSON Lines sorted by sample id, the same bytes for the same lines."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from trueup.errors import ManifestError
from trueup.model import Change, LabelledSample, Removal

_sample = msgspec.json.Decoder(LabelledSample)
_removal = msgspec.json.Decoder(Removal)
_REMOVED = b'"removed":true'


def encode(changes: Iterable[Change]) -> bytes:
    """Deterministic bytes; a sample given twice is kept once, the last one."""
    last = {each.sample_id: each for each in changes}
    ordered = (last[key] for key in sorted(last))
    return b"".join(msgspec.json.encode(each, order="deterministic") + b"\n" for each in ordered)


def decode(data: bytes) -> list[Change]:
    """Raises ManifestError that names the line."""
    return [_line(raw, number) for number, raw in enumerate(data.splitlines(), start=1)]


def labelled(changes: Iterable[Change]) -> list[LabelledSample]:
    """Those that are no removals."""
    return [each for each in changes if isinstance(each, LabelledSample)]


def _line(raw: bytes, number: int) -> Change:
    try:
        return _removal.decode(raw) if _REMOVED in raw else _sample.decode(raw)
    except msgspec.MsgspecError as error:
        raise ManifestError(f"line {number} of a segment: {error}", field=f"line {number}") from error
