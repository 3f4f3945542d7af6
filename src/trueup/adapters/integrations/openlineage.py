"""OpenLineage's transports: to a server by HTTP, as its clients speak to one, and to a file of JSON Lines.

HTTP: POST of one event to <url>/<endpoint>, `Authorization: Bearer <key>`, any 2xx is an acceptance. What the server
is too busy for, or fails at, is tried again here; what it refuses never is.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import IO, Protocol

from trueup.adapters.http_calls import BusyError, NoDetours, busy, insist, is_busy, said
from trueup.errors import ConfigurationError, NotFoundError, PermissionDeniedError, ServiceError
from trueup.lineage.openlineage.events import RunEvent, encoded
from trueup.ports import LineageEvents

ENDPOINT = "api/v1/lineage"
# Of Marquez, and of most servers in front of one.
_SECONDS = 10
_UNKNOWN = (401, 403)


class Key(Protocol):
    """adapters/aws/secrets.py keeps it; on the command line it stands in OPENLINEAGE_API_KEY."""

    @property
    def name(self) -> str: ...

    def value(self, *, fresh: bool = False) -> str: ...


@dataclass(frozen=True)
class GivenKey:
    """One that somebody typed, or set in the environment under this name."""

    text: str
    name: str = "OPENLINEAGE_API_KEY"

    def value(self, *, fresh: bool = False) -> str:  # noqa: ARG002
        return self.text


class HttpLineage(LineageEvents):
    """`sleep` waits between attempts."""

    def __init__(
        self, url: str, key: Key | None = None, endpoint: str = ENDPOINT, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._url = f"{url.rstrip('/')}/{endpoint.strip('/')}"
        self._key = key
        self._sleep = sleep
        self._opener = urllib.request.build_opener(NoDetours)

    def emit(self, events: Sequence[RunEvent]) -> None:
        for each in events:
            self._tell(each)

    def _tell(self, event: RunEvent) -> None:
        """A key that the server does not take may have been rotated since it was read."""
        body = encoded(event)
        try:
            self._insist(event, body, fresh=False)
        except PermissionDeniedError:
            if self._key is None:
                raise
            self._insist(event, body, fresh=True)

    def _insist(self, event: RunEvent, body: bytes, *, fresh: bool) -> None:
        authorization = self._authorization(fresh=fresh)
        insist(lambda: self._post(event, body, authorization), self._sleep)

    def _authorization(self, *, fresh: bool) -> str:
        if self._key is None:
            return ""
        try:
            return f"Bearer {self._key.value(fresh=fresh)}"
        except NotFoundError as error:
            raise ConfigurationError(f"{error}: store the OpenLineage server's key there", field="lineage") from error

    def _post(self, event: RunEvent, body: bytes, authorization: str) -> None:
        request = urllib.request.Request(  # noqa: S310 - the configuration holds http and https alone
            self._url, method="POST", data=body, headers={"Content-Type": "application/json"}
        )
        if authorization:
            request.add_header("Authorization", authorization)
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            raise self._refusal(event, error) from error
        except (OSError, ValueError, HTTPException) as error:
            raise BusyError(f"the OpenLineage server at {self._url} does not answer: {error}") from error

    def _refusal(self, event: RunEvent, error: urllib.error.HTTPError) -> Exception:
        what = f"the OpenLineage server at {self._url} answered {error.code} to the {event.label}: {said(error)}"
        if is_busy(error):
            return busy(what, error)
        if error.code in _UNKNOWN:
            where = f"put a valid key into {self._key.name}" if self._key else "it wants a key"
            return PermissionDeniedError(f"{what}: {where}")
        if "Location" in error.headers:
            return ServiceError(f"{what}, and sends elsewhere: configure the address {error.headers['Location']}")
        return ServiceError(what)


class FileLineage(LineageEvents):
    """JSON Lines, as OpenLineage's own file transport writes them."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def emit(self, events: Sequence[RunEvent]) -> None:
        for each in events:
            self._stream.write(encoded(each) + b"\n")
        self._stream.flush()
