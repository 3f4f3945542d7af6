"""Builds what functions/retraining_conclude calls."""

from __future__ import annotations

from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.ledgers import DynamoRunStore
from trueup.adapters.aws.table import Table
from trueup.settings import (
    RetrainingConcludeSettings,
)
from trueup.usecases.conclude_run import ConcludeRun


def conclude_run(settings: RetrainingConcludeSettings, clients: Clients | None = None) -> ConcludeRun:
    clients = clients or Clients()
    return ConcludeRun(runs=DynamoRunStore(Table(clients["dynamodb"], settings.table_name)), clock=SystemClock())
