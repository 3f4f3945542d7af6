"""The workbench as a person at the keyboard meets it, and payloads to put before them."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.conftest import Cloud
from tests.e2e.people import eventually
from trueup.model import TaskStatus

IN_HAND = "but => (id => id && id !== but && id)(document.querySelector('.sample')?.dataset.painted)"


def seed(cloud: Cloud, project: str, name: str, payloads: list[tuple[str, bytes]]) -> None:
    """Captures of an endpoint that was unsure of all of them; returns when every task is open."""
    classes = len(cloud.operator.projects[project].label_schema.classes)
    before = cloud.operator.tasks.count(project, TaskStatus.OPEN)
    lines = [_line(f"{name}-{number}", *each, classes) for number, each in enumerate(payloads)]
    key = f"{project}/{project}/AllTraffic/2026/11/24/09/{name}.jsonl"
    bucket = cloud.operator.deployment.captures_bucket
    cloud.operator.clients["s3"].put_object(Bucket=bucket, Key=key, Body=b"\n".join(lines) + b"\n")
    eventually(lambda: cloud.operator.tasks.count(project, TaskStatus.OPEN) >= before + len(payloads))


def digit(number: int) -> bytes:
    """A PNG of eight by eight pixels; another one for every number below 256."""
    image = Image.new("L", (8, 8))
    image.putdata([255 if (pixel * 7 + number) % 11 < 4 else number for pixel in range(64)])
    out = io.BytesIO()
    image.save(out, format="PNG")
    return out.getvalue()


def _line(event: str, content_type: str, data: bytes, classes: int) -> bytes:
    taken = {
        "observedContentType": content_type,
        "mode": "INPUT",
        "data": base64.b64encode(data).decode(),
        "encoding": "BASE64",
    }
    said = {
        "observedContentType": "application/json",
        "mode": "OUTPUT",
        "data": json.dumps({"probabilities": [1 / classes] * classes}),
        "encoding": "JSON",
    }
    record = {
        "captureData": {"endpointInput": taken, "endpointOutput": said},
        "eventMetadata": {"eventId": event, "inferenceTime": "2026-11-24T09:00:00Z"},
        "eventVersion": "0",
    }
    return json.dumps(record).encode()


@dataclass
class Desk:
    """A tab of the workbench. `complaints` are the console's errors, `hosts` whom the page asked for anything."""

    cloud: Cloud
    page: Any
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/")[2].split(":")[0]))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def enter(self, project: str, name: str = "ada") -> None:
        """Sign in with the keyboard alone."""
        self.page.goto(f"{self.cloud.workbench_url}/#/{project}")
        self.sign_in(name, self.cloud.password)
        self.ready()

    def sign_in(self, name: str, password: str) -> None:
        self.page.get_by_label("Name").focus()
        self.press("Control+a", *name, "Tab", "Control+a")
        self.page.keyboard.insert_text(password)
        self.press("Enter")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def ready(self, but: str = "") -> str:
        """The id of the task in hand, once it stands on the screen and is another than `but`."""
        return str(self.page.wait_for_function(IN_HAND, arg=but, timeout=60000).json_value())

    def answer(self, key: str) -> tuple[str, str]:
        """Press a class's key: the task that it answered, and the next one."""
        now = self.ready()
        self.press(key)
        return now, self.ready(but=now)

    def labels(self, project: str, task_id: str) -> list[tuple[str, bool]]:
        """What the API's store holds of a task: each label, and whether it supersedes another."""
        found = self.cloud.operator.tasks.annotations(project, task_id)
        return [(each.label, each.supersedes is not None) for each in found]
