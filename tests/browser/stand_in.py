"""The workbench in Chromium over the API's own code on fakes: every kind of label without a deployment.

Requests of the page are answered here: the built page from web/dist under CloudFront's content security policy, and the
API by functions/annotation_api on the adapters in memory.
"""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlparse

import msgspec
from PIL import Image, ImageDraw

from functions.annotation_api.handler import respond
from functions.annotation_api.routes import ROUTES
from tests.conftest import ROOT
from tests.unit.functions.test_annotation_api import desk_of
from tests.worlds import NOW, Loop, opening, project
from trueup.adapters.memory import MemoryPayloadStore
from trueup.model import Annotation, Kind, Payload, TaskStatus
from trueup.ports import Journal
from trueup.usecases.show_work import ShowWork
from trueup.wiring.annotation_desk import AnnotationDesk

HOST = "http://localhost"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; img-src 'self'; "
    "media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
WIDTH, HEIGHT = 320, 200
PAIR = json.dumps({"prompt": "Name a fox.", "first": "Reynard.", "second": "A fox has many names, one of them is Rex."})
TEXT = "Ada 🦊 met Ben in Paris. Ben works at Acme."


def picture() -> bytes:
    """Two animals, as far as a rectangle is one."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (214, 226, 214))
    draw = ImageDraw.Draw(image)
    draw.rectangle((40, 60, 120, 150), fill=(190, 110, 50))
    draw.ellipse((190, 40, 280, 130), fill=(90, 90, 120))
    out = io.BytesIO()
    image.save(out, format="PNG")
    return out.getvalue()


def clip() -> bytes:
    """A second of silence."""
    header = b"RIFF" + (36 + 8000).to_bytes(4, "little") + b"WAVEfmt " + bytes([16, 0, 0, 0, 1, 0, 1, 0])
    rate = (8000).to_bytes(4, "little")
    return header + rate + rate + bytes([1, 0, 8, 0]) + b"data" + (8000).to_bytes(4, "little") + bytes([128]) * 8000


PAYLOADS = {
    "image": Payload(data=picture(), content_type="image/png"),
    "text": Payload(data=TEXT.encode(), content_type="text/plain"),
    "pair": Payload(data=PAIR.encode(), content_type="application/json"),
    "audio": Payload(data=clip(), content_type="audio/wav"),
}


class _Served(MemoryPayloadStore):
    def presign(self, uri: str, seconds: int) -> str:
        return f"{HOST}/payloads/{uri.rpartition('/')[2]}"


@dataclass
class StandIn:
    """A project of one kind with some open tasks, and a tab of the workbench. `posted` holds what the page sent."""

    page: Any
    kind: Kind
    payload: str = "image"
    tasks: int = 3
    schema: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    groups: str = "[annotators]"
    posted: list[dict[str, Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        media = {"pair": "text"}.get(self.payload, self.payload)
        schema = {"kind": self.kind, "media": media, "guidelines": "Look closely.", **self.schema}
        if self.kind not in ("text", "rating", "preference"):
            schema.setdefault("classes", [{"name": "cat"}, {"name": "dog"}, {"name": "fox"}])
        consensus = {"overlap": 2, "max_overlap": 2, "lease_seconds": 600}
        given = {"title": "Stand-in", "triggers": {"action": "notify"}, "consensus": consensus, **self.more}
        self.loop = Loop(project(label_schema=schema, **given))
        self.stored = _Served()
        self.stored.payloads = self.loop.payloads.payloads
        for number in range(1, self.tasks + 1):
            self._open(number)
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.route("**/*", self._answer)
        claims = base64.b64encode(json.dumps({"sub": "ada"}).encode()).decode().rstrip("=")
        tokens = json.dumps({"id": f"x.{claims}.x", "refresh": "r", "name": "ada"})
        self.page.add_init_script(f"sessionStorage.setItem('trueup.tokens', {json.dumps(tokens)})")

    def _open(self, number: int) -> None:
        made = opening(number, config=self.loop.config)
        payload = PAYLOADS[self.payload]
        uri = self.stored.put("pets", made.sample.sample_id, payload)
        task = msgspec.structs.replace(made.task, content_type=payload.content_type, payload_uri=uri)
        sample = msgspec.structs.replace(made.sample, content_type=payload.content_type, payload_uri=uri)
        self.loop.tasks.open([msgspec.structs.replace(made, task=task, sample=sample)], Journal(at=NOW))

    def desk(self) -> AnnotationDesk:
        loop = self.loop
        made = desk_of(loop)
        work = ShowWork(made.projects, loop.tasks, self.stored, loop.clock, 300, loop.gold, loop.people)
        return replace(made, work=work)

    def enter(self, view: str = "") -> None:
        self.page.goto(f"{HOST}/#/pets{view}")
        if not view:
            self.ready()

    def ready(self, but: str = "") -> str:
        held = "but => (id => id && id !== but && id)(document.querySelector('.sample')?.dataset.painted)"
        return str(self.page.wait_for_function(held, arg=but, timeout=20_000).json_value())

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def send(self) -> dict[str, Any]:
        """Enter, and what the page posted for it once the next task stands on the screen."""
        now = self.ready()
        before = len(self.posted)
        self.press("Enter")
        self.ready(but=now)
        self.page.wait_for_timeout(50)
        assert len(self.posted) == before + 1, self.posted[before:]
        return self.posted[-1]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where on the screen a pixel of the picture is."""
        box = self.page.locator(".plane").bounding_box()
        return box["x"] + x * box["width"] / WIDTH, box["y"] + y * box["height"] / HEIGHT

    def drag(self, *places: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*places[0]))
        self.page.mouse.down()
        for each in places[1:]:
            self.page.mouse.move(*self.at(*each), steps=4)
        self.page.mouse.up()

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))

    def dispute(self, *labels: str) -> None:
        """Somebody else's answers to the first task, which then waits for a reviewer."""
        (task, *_) = self.loop.tasks.by_status("pets", TaskStatus.OPEN, 1)
        for number, label in enumerate(labels):
            at = NOW + timedelta(seconds=number)
            annotation = Annotation(
                project="pets",
                annotation_id=f"a{number}",
                task_id=task.task_id,
                sample_id=task.sample_id,
                annotator=f"person-{number}",
                label=label,
                submitted_at=at,
                seconds_spent=4.0,
                comment="hard to see" if number else "",
                flagged=number == 1,
            )
            task = msgspec.structs.replace(
                task, revision=task.revision + 1, answered_by=(*task.answered_by, annotation.annotator)
            )
            self.loop.tasks.save(task, Journal(at=at), annotation=annotation)
        review = msgspec.structs.replace(task, revision=task.revision + 1, status=TaskStatus.REVIEW)
        self.loop.tasks.save(review, Journal(at=NOW))

    def _answer(self, route: Any) -> None:
        path = urlparse(route.request.url).path
        if path.startswith("/api/"):
            return self._api(route, path)
        if path.startswith("/payloads/"):
            found = self.stored.get(f"memory://pets/payloads/{path.rpartition('/')[2]}")
            return route.fulfill(body=found.data, content_type=found.content_type)
        if path == "/config.json":
            return route.fulfill(json={"apiBase": "/api", "cognitoEndpoint": "/cognito/", "userPoolClientId": "c"})
        file = ROOT / "web" / "dist" / (path.lstrip("/") or "index.html")
        headers = {"content-security-policy": POLICY, "content-type": _TYPES[file.suffix[1:]]}
        return route.fulfill(body=file.read_bytes(), headers=headers)

    def _api(self, route: Any, path: str) -> None:
        request = route.request
        for key in sorted(ROUTES, key=len, reverse=True):
            method, _, shape = key.partition(" ")
            names = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", shape)
            match = re.fullmatch(names, path)
            if method == request.method and match:
                claims = {"sub": "ada", "cognito:groups": self.groups}
                context = {"requestId": "r", "authorizer": {"jwt": {"claims": claims}}}
                event = {
                    "routeKey": key,
                    "pathParameters": match.groupdict(),
                    "queryStringParameters": dict(parse_qsl(urlparse(request.url).query)) or None,
                    "requestContext": context,
                    "body": request.post_data or "",
                }
                answer = respond(event, self.desk)
                if method == "POST" and shape.endswith(("annotations", "ruling")):
                    self.posted.append(
                        {**json.loads(request.post_data), "status": answer["statusCode"], "said": answer["body"]}
                    )
                return route.fulfill(status=answer["statusCode"], headers=answer["headers"], body=answer["body"])
        return route.fulfill(status=404, json={"message": "Not Found"})
