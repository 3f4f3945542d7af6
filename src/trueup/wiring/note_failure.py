"""Builds what every consumer of messages calls when it fails."""

from __future__ import annotations

from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.failure_notes import DynamoFailureNotes
from trueup.adapters.aws.table import Table
from trueup.usecases.note_failure import NoteFailure


def note_failure(function: str, table_name: str, clients: Clients | None = None) -> NoteFailure:
    clients = clients or Clients()
    notes = DynamoFailureNotes(Table(clients["dynamodb"], table_name))
    return NoteFailure(notes=notes, clock=SystemClock(), function=function)
