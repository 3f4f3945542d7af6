"""Builds boto3 clients, each once, from one session. Endpoint, region and credentials come the usual AWS way."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config


class Clients:
    """Clients of one session by service name: retries in standard mode, short connect time-outs."""

    def __init__(self, session: Any | None = None) -> None:
        self._session = session or boto3.session.Session()
        self._config = Config(
            connect_timeout=3, read_timeout=30, retries={"mode": "standard", "max_attempts": 4}, signature_version="v4"
        )
        self._made: dict[str, Any] = {}

    @property
    def region(self) -> str:
        return str(self._session.region_name)

    def __getitem__(self, service: str) -> Any:
        if service not in self._made:
            config = self._config.merge(Config(signature_version="s3v4")) if service == "s3" else self._config
            self._made[service] = self._session.client(service, config=config)
        return self._made[service]
