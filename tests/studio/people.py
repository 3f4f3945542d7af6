"""What people do at a Label Studio server, through the same REST API as its pages."""

from __future__ import annotations

import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from functools import cached_property
from typing import Any

ADDRESS, PASSWORD, TOKEN = "lead@example.com", "Trueup-test-1", "0123456789abcdef0123456789abcdef01234567"
_LOADS = 4


class Studio:
    """The server, as its administrator sees it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token = TOKEN
        self._people: dict[str, Person] = {}

    def call(self, method: str, path: str, body: Any = None, token: str = TOKEN) -> Any:
        """Raises urllib.error.HTTPError. A list of tasks of which one is deleted meanwhile is a failure of the server;
        people load such a page once more."""
        for _ in range(_LOADS if method == "GET" else 0):
            try:
                return self._call(method, path, body, token)
            except urllib.error.HTTPError as error:
                if error.code != 500:
                    raise
                time.sleep(0.5)
        return self._call(method, path, body, token)

    def _call(self, method: str, path: str, body: Any, token: str) -> Any:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Token {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def person(self, name: str) -> Person:
        """Signs up by an invitation, when first asked for."""
        if name not in self._people:
            self._people[name] = Person(self, name)
        return self._people[name]

    def project(self, place: str) -> int:
        """The number of the project that trueup keeps for a place."""
        found = self.call("GET", "/api/projects/?page_size=100")["results"]
        (number,) = [each["id"] for each in found if f"[trueup:{place}]" in each["description"]]
        return int(number)

    def tasks(self, project: int) -> list[dict[str, Any]]:
        """In the order in which they came."""
        found: list[dict[str, Any]] = self.call("GET", f"/api/tasks?project={project}&fields=all&page_size=200")[
            "tasks"
        ]
        return sorted(found, key=lambda each: each["id"])


class Person:
    def __init__(self, studio: Studio, name: str) -> None:
        self._studio = studio
        self.address = f"{name}@example.com"

    @cached_property
    def token(self) -> str:
        invitation = self._studio.url + self._studio.call("GET", "/api/invite")["invite_url"]
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        page = browser.open(invitation, timeout=30).read().decode()
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found is not None
        form = {"csrfmiddlewaretoken": found[1], "email": self.address, "password": PASSWORD}
        data = urllib.parse.urlencode({**form, "allow_newsletters": "false"}).encode()
        browser.open(urllib.request.Request(invitation, data=data, headers={"Referer": invitation}), timeout=30)
        with browser.open(f"{self._studio.url}/api/current-user/token", timeout=30) as answer:
            return str(json.load(answer)["token"])

    def next(self, project: int) -> dict[str, Any] | None:
        """The task that their label stream shows."""
        try:
            found: dict[str, Any] = self._studio.call("GET", f"/api/projects/{project}/next/", token=self.token)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        return found

    def answer(self, task: int, label: str, **more: Any) -> int:
        body = {"result": chosen(label), "lead_time": 2.5, **more}
        return int(self._studio.call("POST", f"/api/tasks/{task}/annotations/", body, self.token)["id"])

    def fetch(self, address: str) -> bytes:
        """What a page of the server loads by an address in a task's data."""
        request = urllib.request.Request(urllib.parse.urljoin(self._studio.url, address))
        request.add_unredirected_header("Authorization", f"Token {self.token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def skip(self, task: int) -> None:
        self.answer(task, "", result=[], was_cancelled=True)

    def change(self, annotation: int, label: str) -> None:
        self._studio.call("PATCH", f"/api/annotations/{annotation}/", {"result": chosen(label)}, self.token)

    def delete(self, annotation: int) -> None:
        self._studio.call("DELETE", f"/api/annotations/{annotation}/", token=self.token)


def chosen(label: str) -> list[dict[str, Any]]:
    return [{"from_name": "label", "to_name": "sample", "type": "choices", "value": {"choices": [label]}}]
