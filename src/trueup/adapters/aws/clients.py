"""Builds clients, each once, from one session. Endpoint, region and credentials come the usual AWS way.

botocore's own session is enough for clients, and importing boto3 on top of it would only cost start-up time.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import botocore.session
import msgspec
from botocore.config import Config
from botocore.credentials import CredentialResolver, EnvProvider
from botocore.exceptions import BotoCoreError
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.loaders import JSONFileLoader, Loader
from botocore.utils import EVENT_ALIASES

from trueup.errors import ConfigurationError

# The whole name, or the first part of one with dots.
_OLD_NAMES = frozenset(each.partition(".")[0] for each in EVENT_ALIASES)


class Clients:
    """Clients of one botocore session by service name: retries in standard mode, short connect time-outs. A client is
    made when it is first used.

    Clients may be shared by threads. Their first use raises ConfigurationError where no region is set or a profile is
    unknown.
    """

    def __init__(self, session: botocore.session.Session | None = None) -> None:
        self._session = session or _session()
        self._config = Config(connect_timeout=3, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def region(self) -> str:
        return str(self._session.get_config_variable("region"))

    @property
    def domain(self) -> str:
        """The one that the region's services have their addresses in."""
        return "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"

    def __getitem__(self, service: str) -> Any:
        return _Later(self, service)

    def made(self, service: str) -> Any:
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


class _Later:
    """A client that is made when something is asked of it."""

    def __init__(self, clients: Clients, service: str) -> None:
        self._clients, self._service = clients, service

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clients.made(self._service), name)


def _session() -> botocore.session.Session:
    session = _QuickSession(event_hooks=_QuickEmitter())
    session.register_component("data_loader", _QuickLoader(file_loader=_QuickFiles()))
    return session


class _QuickSession(botocore.session.Session):  # type: ignore[misc]
    """botocore's session with the aliaser below, put in place before the first handler is. Where the environment holds
    keys, as a function's does, they are what botocore finds first, and what else it would look through is not made."""

    def _register_builtin_handlers(self, events: Any) -> None:
        self._events = _QuickAliaser(self._original_handler)
        super()._register_builtin_handlers(events)

    def _create_credential_resolver(self) -> CredentialResolver:
        if os.environ.get(EnvProvider.ACCESS_KEY):
            return CredentialResolver([EnvProvider()])
        return super()._create_credential_resolver()


class _QuickEmitter(HierarchicalEmitter):  # type: ignore[misc]
    """Does not inspect the signature of each handler: they are botocore's own, a hundred and fifty."""

    def _verify_accept_kwargs(self, func: Any) -> None:
        pass


class _QuickAliaser(EventAliaser):  # type: ignore[misc]
    """Looks for the old names of services, of which botocore has dozens, only in an event that bears one."""

    def _alias_event_name(self, event_name: str) -> str:
        if _OLD_NAMES.isdisjoint(event_name.split(".")):
            return event_name
        return str(super()._alias_event_name(event_name))


class _QuickFiles(JSONFileLoader):  # type: ignore[misc]
    """botocore's descriptions of services, several times as fast as with the standard library's JSON: half of the time
    that it takes to make a client."""

    def _load_file(self, full_path: str, open_method: Any) -> Any:
        if not os.path.isfile(full_path):  # noqa: PTH113 - called often, by paths that are no Path
            return None
        with open_method(full_path, "rb") as file:
            return msgspec.json.decode(file.read())


class _QuickLoader(Loader):  # type: ignore[misc]
    """Does not look into each of 400 folders to learn which services there are: one that is none fails as soon as its
    description is read."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002
        return sorted(each.name for path in self.search_paths if Path(path).is_dir() for each in Path(path).iterdir())
