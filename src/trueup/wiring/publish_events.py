"""Builds what functions/event_publish calls."""

from __future__ import annotations

from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.event_bus import EventBridgeBus
from trueup.settings import (
    EventPublishSettings,
)
from trueup.usecases.publish_events import PublishEvents


def publish_events(settings: EventPublishSettings, clients: Clients | None = None) -> PublishEvents:
    clients = clients or Clients()
    return PublishEvents(bus=EventBridgeBus(clients["events"], settings.bus_name))
