"""Annotators of the end-to-end tests: they sign in with Cognito and answer through the HTTP API."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import Cloud


def eventually(found: Callable[[], Any], seconds: float = 60, told: Callable[[], str] = str) -> Any:
    """What `found` returns once it is true. Raises AssertionError after `seconds`, with what is `told` then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.2)
    raise AssertionError(f"not so after {seconds} s {told()}")


def failures(cloud: Cloud) -> str:
    """What functions noted of what they could not do, since the deployment began."""
    table, paginator = cloud.operator.deployment.table, cloud.operator.clients["dynamodb"].get_paginator("scan")
    noted = {"FilterExpression": "begins_with(pk, :noted)", "ExpressionAttributeValues": {":noted": {"S": "FAILURE#"}}}
    pages = paginator.paginate(TableName=table, **noted)
    return "\n".join(each["data"]["S"] for page in pages for each in page["Items"])


@dataclass
class Person:
    """One annotator; `label` says what they answer to a payload."""

    cloud: Cloud
    name: str
    label: Callable[[bytes], str]
    _token: str = field(default="", init=False)

    def work_off(self, project: str) -> int:
        """Answer everything that this person may answer; returns how much that was."""
        answered = 0
        while (task := self.claim(project)) is not None:
            self.answer(task)
            answered += 1
        return answered

    def claim(self, project: str) -> Any:
        return self.call("POST", f"/api/projects/{project}/claims", {})["task"]

    def answer(self, task: dict[str, Any]) -> Any:
        with urllib.request.urlopen(task["payload_url"], timeout=10) as response:
            label = self.label(response.read())
        body = {"lease_token": task["lease_token"], "label": label, "seconds_spent": 1.0}
        return self.call("POST", f"/api/projects/{task['project']}/tasks/{task['task_id']}/annotations", body)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.cloud.workbench_url}{path}",
            data=json.dumps(body).encode() if body is not None else None,
            method=method,
            headers={"Authorization": f"Bearer {self._signed_in()}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from error

    def _signed_in(self) -> str:
        if not self._token:
            answer = self.cloud.operator.clients["cognito-idp"].initiate_auth(
                ClientId=self.cloud.operator.deployment.user_pool_client_id,
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": self.name, "PASSWORD": self.cloud.password},
            )
            self._token = str(answer["AuthenticationResult"]["IdToken"])
        return self._token
