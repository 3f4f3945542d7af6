"""EventBridge: our events go to our bus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from trueup.adapters.aws.errors import translated
from trueup.adapters.parts import parts
from trueup.events import SOURCE, Envelope
from trueup.ports import EventBus

_BATCH = 10
# All entries of a request together; the service model says 1 MB, much of the documentation still 256 KB.
_BATCH_BYTES = 240_000
# What an entry counts beside its detail: time, source and detail-type.
_ENTRY_BYTES = 200


class EventBridgeBus(EventBus):
    def __init__(self, client: Any, bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def publish(self, envelopes: Sequence[Envelope]) -> tuple[str, ...]:
        refused: list[str] = []
        entries = [(each.event_id, self._entry(each)) for each in envelopes]
        for batch in parts(entries, _BATCH, _BATCH_BYTES, _weight):
            refused += self._put(batch)
        return tuple(refused)

    def _put(self, batch: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
        with translated(f"publishing {len(batch)} events"):
            answer = self._client.put_events(Entries=[entry for _, entry in batch])
        pairs = zip(batch, answer["Entries"], strict=True)
        return [event_id for (event_id, _), entry in pairs if entry.get("ErrorCode")]

    def _entry(self, envelope: Envelope) -> dict[str, Any]:
        detail = {"version": envelope.version, "id": envelope.event_id, "at": envelope.at, "data": envelope.data}
        return {
            "EventBusName": self._bus_name,
            "Source": SOURCE,
            "DetailType": envelope.event_type,
            "Detail": msgspec.json.encode(detail).decode(),
            "Time": envelope.at,
        }


def _weight(entry: tuple[str, dict[str, Any]]) -> int:
    return len(entry[1]["Detail"].encode()) + _ENTRY_BYTES
