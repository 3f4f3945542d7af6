"""EventBridge: OpenLineage events go to our bus, beside our own, for whoever has a rule for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trueup.adapters.aws.errors import translated
from trueup.adapters.parts import parts
from trueup.errors import RetryableError
from trueup.lineage.openlineage.events import RunEvent, encoded, fitting
from trueup.ports import LineageEvents

# Not that of our own events, whose contract docs/events.md is.
SOURCE = "trueup.openlineage"
DETAIL_TYPE = "OpenLineage.RunEvent"
# As of adapters/aws/event_bus.py: a request takes 1 MB by the service model, 256 KB by much of the documentation.
_BATCH, _BATCH_BYTES, _ENTRY_BYTES = 10, 240_000, 200


class EventBridgeLineage(LineageEvents):
    """What is larger than an entry of a request loses its largest facets, and says so."""

    def __init__(self, client: Any, bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def emit(self, events: Sequence[RunEvent]) -> None:
        entries = [self._entry(each) for each in events]
        for batch in parts(entries, _BATCH, _BATCH_BYTES, _weight):
            self._put(batch)

    def _put(self, batch: Sequence[dict[str, Any]]) -> None:
        with translated(f"publishing {len(batch)} OpenLineage events"):
            answer = self._client.put_events(Entries=list(batch))
        refused = [each for each in answer["Entries"] if each.get("ErrorCode")]
        if refused:
            why = refused[0]
            raise RetryableError(
                f"the bus refused {len(refused)} OpenLineage events: {why['ErrorCode']}: {why.get('ErrorMessage', '')}"
            )

    def _entry(self, event: RunEvent) -> dict[str, Any]:
        return {
            "EventBusName": self._bus_name,
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "Detail": encoded(fitting(event, _BATCH_BYTES - _ENTRY_BYTES)).decode(),
            "Time": event.event_time,
        }


def _weight(entry: dict[str, Any]) -> int:
    return len(entry["Detail"].encode()) + _ENTRY_BYTES
