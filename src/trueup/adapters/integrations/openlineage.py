"""OpenLineage's transports: to a server by HTTP, as its clients speak to one, and to a file of JSON Lines.

HTTP: POST of one event to <url>/<endpoint>, `Authorization: Bearer <key>`, any 2xx is an acceptance. What the server
is too busy for, or fails at, is tried again here; what it refuses never is.
"""

from __future__ import annotations

import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import IO, Any, Protocol

from trueup.errors import ConfigurationError, NotFoundError, PermissionDeniedError, RetryableError, ServiceError
from trueup.lineage.openlineage.events import RunEvent, encoded
from trueup.ports import LineageEvents

ENDPOINT = "api/v1/lineage"
# Of Marquez, and of most servers in front of one.
_SECONDS = 10
_ATTEMPTS = 4
_LONGEST_WAIT = 10.0
_SHOWN = 500
_TOO_MANY = 429
_SERVERS_FAULT = 500
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
        self._opener = urllib.request.build_opener(_NoDetours)

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
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._post(event, body, self._authorization(fresh=fresh and attempt == 1))
            except _BusyError as error:
                if attempt == _ATTEMPTS:
                    raise RetryableError(str(error)) from error
                self._sleep(error.wait(attempt))
            else:
                return

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
            raise _BusyError(f"the OpenLineage server at {self._url} does not answer: {error}") from error

    def _refusal(self, event: RunEvent, error: urllib.error.HTTPError) -> Exception:
        said = _said(error)
        what = f"the OpenLineage server at {self._url} answered {error.code} to the {event.label}: {said}"
        if error.code == _TOO_MANY or error.code >= _SERVERS_FAULT:
            return _BusyError(what, error.headers.get("Retry-After", ""))
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


class _BusyError(Exception):
    """`after` is what the server's Retry-After says."""

    def __init__(self, message: str, after: str = "") -> None:
        super().__init__(message)
        self._after = after

    def wait(self, attempt: int) -> float:
        """Seconds: what the server asks for, or else twice as long each time, and never the same for two of us."""
        if self._after.isdigit():
            return min(float(self._after), _LONGEST_WAIT)
        return float(min(2 ** (attempt - 1), _LONGEST_WAIT) * random.uniform(0.5, 1.0))  # noqa: S311 - no secret


class _NoDetours(urllib.request.HTTPRedirectHandler):
    """Whom the server sends us to is not to get our key, and a POST would arrive there as a GET."""

    def redirect_request(self, *_args: Any) -> None:
        return None


def _said(error: urllib.error.HTTPError) -> str:
    try:
        return error.read().decode(errors="replace")[:_SHOWN]
    except (OSError, HTTPException):
        return ""
