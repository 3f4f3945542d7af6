"""What the clients of other people's HTTP servers have in common."""

from __future__ import annotations

import random
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, TypeVar

from trueup.errors import RetryableError

_ATTEMPTS = 4
_LONGEST_WAIT = 10.0
_SHOWN = 500
_TOO_MANY = 429
_SERVERS_FAULT = 500
T = TypeVar("T")


class BusyError(RetryableError):
    """`after` is what the server's Retry-After says."""

    def __init__(self, message: str, after: str = "") -> None:
        super().__init__(message)
        self._after = after

    def wait(self, attempt: int) -> float:
        """Seconds: what the server asks for, or else twice as long each time, and never the same for two of us."""
        if self._after.isdigit():
            return min(float(self._after), _LONGEST_WAIT)
        return float(min(2 ** (attempt - 1), _LONGEST_WAIT) * random.uniform(0.5, 1.0))  # noqa: S311 - no secret


class NoDetours(urllib.request.HTTPRedirectHandler):
    """Whom the server sends us to is not to get our key, and a POST would arrive there as a GET."""

    def redirect_request(self, *_args: Any) -> None:
        return None


def insist(act: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Again, a few times, where the server is busy or fails: only what may be done twice. Raises BusyError in the
    end."""
    for attempt in range(1, _ATTEMPTS):
        try:
            return act()
        except BusyError as error:
            sleep(error.wait(attempt))
    return act()


def is_busy(error: urllib.error.HTTPError) -> bool:
    return error.code == _TOO_MANY or error.code >= _SERVERS_FAULT


def busy(what: str, error: urllib.error.HTTPError) -> BusyError:
    return BusyError(what, error.headers.get("Retry-After", ""))


def said(error: urllib.error.HTTPError) -> str:
    """The beginning of the answer's body, unless it is a page; nothing where it breaks off."""
    if error.headers.get_content_type() == "text/html":
        return "a page of HTML"
    try:
        return error.read().decode(errors="replace")[:_SHOWN]
    except (OSError, HTTPException):
        return ""
