"""The outbox leaves the house: envelopes written with state changes go to the bus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trueup.events import Envelope
from trueup.ports import EventBus


@dataclass(frozen=True)
class PublishEvents:
    """Publish envelopes. Returns the ids that the bus refused, for the caller to retry."""

    bus: EventBus

    def __call__(self, envelopes: Sequence[Envelope]) -> tuple[str, ...]:
        return self.bus.publish(envelopes) if envelopes else ()
