"""Builds what functions/hint_receive calls."""

from __future__ import annotations

from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.secrets import DerivedToken, Secret
from trueup.adapters.aws.wakeups import SqsBackendWakeups
from trueup.settings import HintReceiveSettings
from trueup.usecases.receive_hint import ReceiveHint
from trueup.wiring.projects import packaged_projects


def receive_hint(settings: HintReceiveSettings, clients: Clients | None = None) -> ReceiveHint:
    clients = clients or Clients()
    tokens = {
        name: DerivedToken(Secret(clients["secretsmanager"], project.label_studio.secret), f"{settings.stage}/{name}")
        for name, project in packaged_projects(settings.projects_file).items()
        if project.label_studio is not None
    }
    return ReceiveHint(tokens, SqsBackendWakeups(clients["sqs"], settings.sync_queue_url), SystemClock())
