"""EventBridge: our events go to our bus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from trueup.adapters.aws.errors import translated
from trueup.events import SOURCE, Envelope

_BATCH = 10


class EventBridgeBus:
    def __init__(self, client: Any, bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def publish(self, envelopes: Sequence[Envelope]) -> tuple[str, ...]:
        refused: list[str] = []
        for start in range(0, len(envelopes), _BATCH):
            refused += self._put(envelopes[start : start + _BATCH])
        return tuple(refused)

    def _put(self, envelopes: Sequence[Envelope]) -> list[str]:
        with translated(f"publishing {len(envelopes)} events"):
            answer = self._client.put_events(Entries=[self._entry(each) for each in envelopes])
        pairs = zip(envelopes, answer["Entries"], strict=True)
        return [each.event_id for each, entry in pairs if entry.get("ErrorCode")]

    def _entry(self, envelope: Envelope) -> dict[str, Any]:
        detail = {"version": envelope.version, "id": envelope.event_id, "at": envelope.at, "data": envelope.data}
        return {
            "EventBusName": self._bus_name,
            "Source": SOURCE,
            "DetailType": envelope.event_type,
            "Detail": msgspec.json.encode(detail).decode(),
            "Time": envelope.at,
        }
