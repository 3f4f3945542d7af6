"""Foreign labeling backends with their people: the fake, Ground Truth over files and jobs in memory, and a Label Studio
server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.contract.records import annotation
from tests.integration.stand_ins import MemoryJobs
from tests.integration.test_ground_truth import NAME, ROLES, ROOT, TEAM, pets, respond, said, tasks
from tests.integration.test_ground_truth_stream import Flow
from tests.studio.people import Studio
from tests.worlds import NOW
from trueup.adapters.backends.ground_truth import GroundTruth
from trueup.adapters.backends.label_studio import LabelStudio
from trueup.adapters.backends.label_studio_api import LabelStudioApi
from trueup.adapters.backends.label_studio_home import Inbox, LabelingFiles
from trueup.adapters.memory import MemoryLabelingBackend
from trueup.errors import NotFoundError
from trueup.model import Annotation, Project
from trueup.ports import AnsweredTask, LabelingBackend


@dataclass(frozen=True)
class Shop:
    """A backend, and how its workers answer (position, label, worker), end, and fail an object; `known` is a worker's
    name in answers. Where answers can be edited, `edit` does (position, label or None to delete, worker)."""

    backend: LabelingBackend
    answer: Callable[[int, str, str], None]
    end: Callable[[], None]
    fail: Callable[[int], None]
    known: Callable[[str], str] = str
    edit: Callable[[int, str | None, str], None] | None = None


@dataclass
class _FakePeople:
    backend: MemoryLabelingBackend = field(default_factory=MemoryLabelingBackend)
    seconds: int = 0

    def answer(self, position: int, label: str, worker: str) -> None:
        self.edit(position, label, worker)
        task_id = tasks()[position].task_id
        if len([each for each in self.backend.given[NAME] if each.task_id == task_id]) >= tasks()[position].overlap:
            self.backend.done.setdefault(NAME, set()).add(task_id)

    def edit(self, position: int, label: str | None, worker: str) -> None:
        task = tasks()[position]
        self.seconds += 1
        given = [
            each
            for each in self.backend.given.get(NAME, [])
            if (each.task_id, each.annotator) != (task.task_id, worker)
        ]
        if label is not None:
            given.append(annotation(task, worker, label, self.seconds))
        self.backend.given[NAME] = given
        of_task = tuple(each for each in given if each.task_id == task.task_id)
        at = NOW + timedelta(seconds=self.seconds)
        self.backend.changed[task.task_id] = AnsweredTask(task_id=task.task_id, at=at, answers=of_task)


def fake() -> Shop:
    people = _FakePeople()
    backend = people.backend
    return Shop(
        backend=backend,
        answer=people.answer,
        end=lambda: backend.statuses.update({NAME: "completed"}),
        fail=lambda position: backend.failed.setdefault(NAME, {}).update({tasks()[position].task_id: "blurred"}),
        edit=people.edit,
    )


def ground_truth() -> Shop:
    jobs = MemoryJobs(missing=NotFoundError("not there"))
    jobs.objects_by_key |= {f"pets/payloads/{number}": b"text" for number in range(2)}

    def fail(position: int) -> None:
        line: dict[str, Any] = json.loads(jobs.objects_by_key[f"{ROOT}/input.manifest"].splitlines()[position])
        line["trueup-label-metadata"] = {"failure-reason": "blurred"}
        jobs.objects_by_key[f"{ROOT}/manifests/output/output.manifest"] = json.dumps(line).encode()

    return Shop(
        backend=GroundTruth(pets(), TEAM, jobs, ROLES),
        answer=lambda position, label, worker: respond(jobs, position, said(label, worker), file=f"{worker}.json"),
        end=lambda: setattr(jobs, "state", "Completed"),
        fail=fail,
    )


def stream() -> Shop:
    """Answered under the id that we gave, as a folder."""
    flow = Flow()
    flow.warm()

    def answer(position: int, label: str, worker: str) -> None:
        flow.answer(flow.lines(NAME)[position]["trueup-object"], label, worker)

    def fail(position: int) -> None:
        flow.tell({**flow.lines(NAME)[position], "trueup-label-metadata": {"failure-reason": "blurred"}})

    def end() -> None:
        for position in (0, 1):
            for worker in ("w1", "w2"):
                answer(position, "cat" if worker == "w1" else "dog", worker)

    return Shop(backend=flow.backend, answer=answer, end=end, fail=fail)


class MemoryFiles:
    """The dataset bucket, with the same text in every payload."""

    bucket, region = "trueup-dataset", "eu-central-1"

    def __init__(self, payload: bytes = b"it purrs") -> None:
        self.objects: dict[str, bytes] = {}
        self._payload = payload

    def payload(self, uri: str) -> bytes:
        return self._payload

    def put(self, key: str, data: bytes) -> None:
        self.objects[key] = data

    def get(self, key: str) -> bytes:
        if key not in self.objects:
            raise NotFoundError(key)
        return self.objects[key]


class StudioToken:
    name = "trueup/label-studio"

    def __init__(self, token: str) -> None:
        self._token = token

    def value(self, *, fresh: bool = False) -> str:
        return self._token


class StudioPeople:
    """Workers of one place of a server, by the positions of its tasks."""

    def __init__(self, studio: Studio, place: str) -> None:
        self.studio = studio
        self.place = place
        self._given: dict[tuple[int, str], int] = {}

    def number(self, position: int) -> int:
        wanted = tasks(position + 1)[position].task_id
        found = self.studio.tasks(self.studio.project(self.place))
        return next(int(each["id"]) for each in found if each["data"]["trueup_task"] == wanted)

    def answer(self, position: int, label: str, worker: str) -> None:
        person = self.studio.person(worker)
        self._given[position, worker] = person.answer(self.number(position), label)

    def edit(self, position: int, label: str | None, worker: str) -> None:
        given = self._given[position, worker]
        if label is None:
            self.studio.person(worker).delete(given)
        else:
            self.studio.person(worker).change(given, label)

    def end(self) -> None:
        for each in self.studio.tasks(self.studio.project(self.place)):
            self.studio.call("PATCH", f"/api/tasks/{each['id']}/", {"is_labeled": True})

    def fail(self, position: int) -> None:
        for worker in ("w1", "w2", "w3"):
            self.studio.person(worker).skip(self.number(position))


def studio_backend(
    studio: Studio,
    place: str,
    config: Project | None = None,
    files: LabelingFiles | None = None,
    inbox: Inbox | None = None,
) -> LabelStudio:
    api = LabelStudioApi(studio.url, StudioToken(studio.token))
    return LabelStudio(config or pets(), api, files or MemoryFiles(), place=place, inbox=inbox)


def label_studio(studio: Studio) -> Shop:
    place = f"contract/{uuid.uuid4()}"
    people = StudioPeople(studio, place)
    return Shop(
        backend=studio_backend(studio, place),
        answer=people.answer,
        end=people.end,
        fail=people.fail,
        known=lambda worker: f"{worker}@example.com",
        edit=people.edit,
    )


def by_annotator(answers: list[Annotation]) -> dict[str, Annotation]:
    return {each.annotator: each for each in answers}
