"""One request may hold several instances; each is a sample of its own."""

from __future__ import annotations

import msgspec

from trueup.capture.samples import media_type
from trueup.errors import DecodeError
from trueup.model import Payload

_LINES = frozenset({"text/csv", "application/jsonlines", "application/x-ndjson"})


def split_input(payload: Payload, count: int) -> list[Payload]:
    """The `count` instances of one request, in order. Raises DecodeError when the request holds another number.

    CSV and JSON Lines hold an instance a line; JSON may hold a list under "instances"; anything else is one.
    """
    parts = _parts(payload)
    if len(parts) == count:
        return parts
    if count == 1:
        return [payload]
    raise DecodeError(f"the model answered {count} predictions to a request of {len(parts)} instances")


def instances_in(payload: Payload) -> list[Payload]:
    """As many as the request seems to hold, however many predictions were made of it."""
    return _parts(payload)


def _parts(payload: Payload) -> list[Payload]:
    kind = media_type(payload.content_type)
    if kind in _LINES:
        lines = [each for each in payload.data.splitlines() if each.strip()]
        return [Payload(data=each, content_type=kind) for each in lines] if len(lines) > 1 else [payload]
    if kind == "application/json":
        return _json_instances(payload) or [payload]
    return [payload]


def _json_instances(payload: Payload) -> list[Payload]:
    try:
        document = msgspec.json.decode(payload.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    instances = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(instances, list) or len(instances) < 2:
        return []
    return [
        Payload(data=msgspec.json.encode({"instances": [each]}), content_type="application/json") for each in instances
    ]
