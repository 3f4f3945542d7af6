"""backend_sync's queue, as a hint's way to it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from trueup.adapters.aws.errors import translated
from trueup.ports import BackendWakeups


class SqsBackendWakeups(BackendWakeups):
    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def wake(self, project: str, at: datetime) -> None:
        body = json.dumps({"reason": "hint", "project": project, "at": at.isoformat()})
        with translated(f"waking the synchronisation of {project}"):
            self._client.send_message(QueueUrl=self._url, MessageBody=body)
