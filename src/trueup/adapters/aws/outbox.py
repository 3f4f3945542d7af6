"""The outbox as the table's stream shows it."""

from __future__ import annotations

from typing import Any

import msgspec

from trueup.events import Envelope


def envelope_from(record: dict[str, Any]) -> Envelope | None:
    """The envelope in a DynamoDB stream record; None for anything but a fresh outbox item."""
    change = record.get("dynamodb", {})
    key = change.get("Keys", {}).get("pk", {}).get("S", "")
    if record.get("eventName") != "INSERT" or not key.startswith("EVENT#"):
        return None
    return msgspec.json.decode(change["NewImage"]["data"]["S"], type=Envelope)
