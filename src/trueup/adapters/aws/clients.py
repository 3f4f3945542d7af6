"""Builds clients, each once, from one session. Endpoint, region and credentials come the usual AWS way.

botocore's own session is enough for clients, and importing boto3 on top of it would only cost start-up time.
"""

from __future__ import annotations

import threading
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from trueup.errors import ConfigurationError


class Clients:
    """Clients of one botocore session by service name: retries in standard mode, short connect time-outs.

    Clients may be shared by threads. Raises ConfigurationError where no region is set or a profile is unknown.
    """

    def __init__(self, session: botocore.session.Session | None = None) -> None:
        self._session = session or botocore.session.Session()
        self._config = Config(connect_timeout=3, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def region(self) -> str:
        return str(self._session.get_config_variable("region"))

    def __getitem__(self, service: str) -> Any:
        """Making a client is not safe among threads, so they wait for each other here."""
        with self._lock:
            if service not in self._made:
                self._made[service] = self._make(service)
            return self._made[service]

    def _make(self, service: str) -> Any:
        regional = {"us_east_1_regional_endpoint": "regional"}
        # Presigned URLs are signed for the region's own address: the global one redirects, and a browser's
        # signature does not survive that.
        own = Config(signature_version="s3v4", s3={"addressing_style": "virtual", **regional})
        config = self._config.merge(own) if service == "s3" else self._config
        try:
            return self._session.create_client(service, config=config)
        except BotoCoreError as error:
            raise ConfigurationError(f"no client for {service}: {error}") from error
