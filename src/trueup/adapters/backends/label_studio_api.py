"""Label Studio's REST API, as much of it as the backend needs: labelstud.io/api. Tried with version 1.23.

The standard library speaks it: Label Studio's own package takes two seconds to import and 366 MB.
"""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from http.client import HTTPException
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

import msgspec

from trueup.adapters.decoding import decoded
from trueup.adapters.http_calls import NoDetours, busy, insist, is_busy, said
from trueup.adapters.parts import parts
from trueup.errors import ConfigurationError, NotFoundError, PermissionDeniedError, RetryableError, ServiceError

_SECONDS = 30
_PAGE = 100
# What nginx lets through as it comes is 1 MiB.
_MOST_BYTES = 1_000_000
_PROJECT = "id,description,label_config,expert_instruction,show_instruction,enable_empty_annotation,task_number"
_JWT_DOTS = 2
T = TypeVar("T")


class Token(Protocol):
    """adapters/aws/secrets.py keeps it."""

    def value(self, *, fresh: bool = False) -> str: ...

    @property
    def name(self) -> str: ...


class Person(msgspec.Struct, frozen=True):
    id: int
    email: str = ""


class StudioAnnotation(msgspec.Struct, frozen=True):
    """One person's answer to a task; a cancelled one is a skip."""

    id: int
    updated_at: datetime
    result: list[dict[str, Any]] = []
    completed_by: Person | int | None = None
    was_cancelled: bool = False
    lead_time: float | None = None

    @property
    def person(self) -> str:
        """By the address that they sign in with; of whom the account is gone, by a number."""
        who = self.completed_by
        if isinstance(who, Person) and who.email:
            return who.email.lower()
        return f"label-studio-{who.id if isinstance(who, Person) else who or f'answer-{self.id}'}"


class StudioTask(msgspec.Struct, frozen=True):
    """`overlap` annotations make it labelled, which Label Studio finds out when one comes or goes, and only then."""

    id: int
    updated_at: datetime
    overlap: int
    is_labeled: bool
    data: dict[str, Any] = {}
    annotations: list[StudioAnnotation] = []

    @property
    def given(self) -> list[StudioAnnotation]:
        """Each person's newest answer."""
        newest: dict[str, StudioAnnotation] = {}
        for each in sorted(self.annotations, key=lambda each: (each.updated_at, each.id)):
            if not each.was_cancelled:
                newest[each.person] = each
        return list(newest.values())


class StudioProject(msgspec.Struct, frozen=True):
    id: int
    description: str | None = ""
    label_config: str | None = ""
    expert_instruction: str | None = ""
    show_instruction: bool = False
    enable_empty_annotation: bool = True
    task_number: int | None = None


class Webhook(msgspec.Struct, frozen=True):
    id: int
    url: str
    headers: dict[str, str] = {}
    actions: frozenset[str] = frozenset()
    is_active: bool = True


class Storage(msgspec.Struct, frozen=True):
    id: int
    bucket: str | None = ""


class _Access(msgspec.Struct):
    access: str


class _Page(msgspec.Struct):
    total: int
    tasks: list[StudioTask]


class _Projects(msgspec.Struct):
    results: list[StudioProject]
    next: str | None = None


class Filter(msgspec.Struct, frozen=True):
    """A condition of the Data Manager, as its page makes them."""

    filter: str
    operator: str
    type: str
    value: Any


class LabelStudioApi:
    """Raises RetryableError where the server does not answer or is busy, PermissionDeniedError for the token,
    ConfigurationError without one, NotFoundError, and ServiceError with the server's words for what it refuses.

    One on SQLite, as it is installed without more, answers 500 to whoever writes beside others: what does not make
    anything is asked again. `sleep` waits between attempts."""

    def __init__(self, url: str, token: Token, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._sleep = sleep
        self._authorization = ""
        self._opener = urllib.request.build_opener(NoDetours)
        self._lock = threading.Lock()

    def projects(self) -> Iterator[StudioProject]:
        number, more = 1, True
        while more:
            asked = {"page": number, "page_size": _PAGE, "include": _PROJECT}
            try:
                page = self._ask("GET", "/api/projects/", _Projects, query=asked)
            except NotFoundError as error:
                raise ServiceError(f"{error}: configure the address of a Label Studio") from error
            yield from page.results
            number, more = number + 1, page.next is not None

    def make_project(self, fields: Mapping[str, Any]) -> StudioProject:
        return self._ask("POST", "/api/projects/", StudioProject, fields)

    def change_project(self, project: int, fields: Mapping[str, Any]) -> None:
        self._do("PATCH", f"/api/projects/{project}/", fields)

    def webhooks(self, project: int) -> list[Webhook]:
        return self._ask("GET", "/api/webhooks/", list[Webhook], query={"project": project})

    def make_webhook(self, fields: Mapping[str, Any]) -> None:
        self._do("POST", "/api/webhooks/", fields)

    def change_webhook(self, webhook: int, fields: Mapping[str, Any]) -> None:
        self._do("PATCH", f"/api/webhooks/{webhook}/", fields)

    def delete_webhook(self, webhook: int) -> None:
        """One that is gone is left alone."""
        self._remove(f"/api/webhooks/{webhook}/")

    def storages(self, project: int) -> list[Storage]:
        return self._ask("GET", "/api/storages/s3", list[Storage], query={"project": project})

    def make_storage(self, fields: Mapping[str, Any]) -> None:
        self._do("POST", "/api/storages/s3", fields)

    def delete_storage(self, storage: int) -> None:
        """One that is gone is left alone."""
        self._remove(f"/api/storages/s3/{storage}")

    def tasks(self, project: int, wanted: Filter) -> Iterator[StudioTask]:
        """Those that a filter holds, by their numbers, with all annotations. What is deleted meanwhile hides none."""
        asked = {
            "project": project,
            "fields": "all",
            "expand": "annotations.completed_by",
            "page_size": _PAGE,
        }
        last, more = 0, True
        while more:
            items = [wanted, Filter("filter:tasks:id", "greater", "Number", last)]
            query = {"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]}
            page = self._ask("GET", "/api/tasks", _Page, query={**asked, "query": msgspec.json.encode(query).decode()})
            yield from page.tasks
            more = 0 < len(page.tasks) < page.total
            last = page.tasks[-1].id if more else last

    def add_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> dict[int, str]:
        """What the server says of those that it does not take, by position. The same task twice makes two. Raises
        ServiceError where it takes none of several: then it is not the tasks' fault."""
        raw = [msgspec.Raw(msgspec.json.encode(each)) for each in tasks]
        refused: dict[int, str] = {}
        for part in parts(range(len(raw)), _PAGE, _MOST_BYTES, lambda place: len(bytes(raw[place]))):
            refused |= self._add(project, part, raw)
        if len(refused) == len(tasks) > 1:
            raise ServiceError(refused[0])
        return refused

    def _add(self, project: int, part: Sequence[int], raw: Sequence[msgspec.Raw]) -> dict[int, str]:
        """One that is refused keeps out all of its request."""
        try:
            self._do("POST", f"/api/projects/{project}/import", [raw[place] for place in part])
        except ServiceError as error:
            if len(part) == 1:
                return {part[0]: str(error)}
            return {place: why for each in part for place, why in self._add(project, [each], raw).items()}
        return {}

    def change_task(self, task: int, fields: Mapping[str, Any]) -> None:
        """One that is gone is left alone."""
        with suppress(NotFoundError):
            self._do("PATCH", f"/api/tasks/{task}/", fields)

    def delete_task(self, task: int) -> None:
        """One that is gone is left alone."""
        self._remove(f"/api/tasks/{task}/")

    def _remove(self, path: str) -> None:
        with suppress(NotFoundError):
            self._do("DELETE", path)

    def _ask(
        self, method: str, path: str, kind: type[T], body: Any = None, query: Mapping[str, Any] | None = None
    ) -> T:
        raw = self._do(method, f"{path}?{urlencode(query)}" if query else path, body)
        return _decoded(raw, kind, f"{method} {path}")

    def _do(self, method: str, path: str, body: Any = None) -> bytes:
        if method == "POST":
            return self._once(method, path, body)
        return self.insist(lambda: self._once(method, path, body))

    def insist(self, act: Callable[[], T]) -> T:
        """Again where the server was busy, for what may be done twice. Raises BusyError in the end."""
        return insist(act, self._sleep)

    def _once(self, method: str, path: str, body: Any) -> bytes:
        try:
            return self._send(method, path, body, self._authorized())
        except PermissionDeniedError:
            # An access token of a refresh token lives for five minutes; a secret may have been rotated.
            return self._send(method, path, body, self._authorized(fresh=True))

    def _authorized(self, *, fresh: bool = False) -> str:
        """A legacy token goes as it is; a personal access token is one that access tokens are got with."""
        with self._lock:
            if fresh or not self._authorization:
                token = self._secret(fresh=fresh)
                self._authorization = self._access(token) if token.count(".") == _JWT_DOTS else f"Token {token}"
            return self._authorization

    def _secret(self, *, fresh: bool) -> str:
        """That there is none says nothing of what lies on the server."""
        try:
            return self._token.value(fresh=fresh)
        except NotFoundError as error:
            raise ConfigurationError(f"{error}: store a Label Studio token there", field="label_studio") from error

    def _access(self, token: str) -> str:
        raw = self._send("POST", "/api/token/refresh", {"refresh": token}, "")
        return f"Bearer {_decoded(raw, _Access, 'POST /api/token/refresh').access}"

    def _send(self, method: str, path: str, body: Any, authorization: str) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the configuration holds http and https alone
            self._url + path,
            method=method,
            data=None if body is None else msgspec.json.encode(body),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        if authorization:
            request.add_header("Authorization", authorization)
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise self._refusal(method, path, error) from error
        except (OSError, ValueError, HTTPException) as error:
            raise RetryableError(f"Label Studio at {self._url} does not answer: {error}") from error

    def _refusal(self, method: str, path: str, error: urllib.error.HTTPError) -> Exception:
        words = said(error)
        what = f"Label Studio at {self._url} answered {error.code} to {method} {path.partition('?')[0]}"
        if error.code in (401, 403):
            return PermissionDeniedError(f"{what}: put a valid token into the secret {self._token.name}: {words}")
        if error.code == 404:
            return NotFoundError(what)
        if is_busy(error):
            return busy(f"{what}: {words}", error)
        if "Location" in error.headers:
            return ServiceError(f"{what}, and sends elsewhere: configure the address {error.headers['Location']}")
        return ServiceError(f"{what}: {words}")


def _decoded(raw: bytes, kind: type[T], what: str) -> T:
    try:
        return decoded(raw, kind)
    except msgspec.MsgspecError as error:
        raise ServiceError(f"Label Studio's answer to {what} is not as documented: {error}") from error
