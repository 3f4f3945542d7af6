"""One Ground Truth labeling job that goes on: tasks reach it as messages of an SNS topic.

docs.aws.amazon.com/sagemaker/latest/dg/sms-streaming-labeling-job.html. A job takes messages once it is InProgress,
stops by itself after ten days without any, and lets go of an object after fourteen. Everybody who listens to the topic
gets every message, so that a job is stopped before another takes its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

import msgspec

from trueup.adapters.backends.ground_truth import (
    OBJECT_ID,
    GroundTruth,
    LabelingJobs,
    Object,
    Result,
    Roles,
    input_manifest,
    label_categories,
    labeling_job_request,
    worker_template,
)
from trueup.annotation.prices import GROUND_TRUTH, graduated
from trueup.errors import NotFoundError
from trueup.labels.ground_truth_answers import Response, response_of
from trueup.model import GroundTruthBackend, Project, Record, Task, content_id
from trueup.ports import Bill, Clock

# An input dataset of a job may have 100,000 objects, 20,000 of them for masks; a pass lists the answers to all.
MOST_OBJECTS = 20_000
# Ground Truth's limits are 10 and 14 days.
_OBJECT_DAYS = 14
_RUNNING = frozenset({"Initializing", "InProgress", "Stopping"})
_RESPONSE = re.compile(r".*/annotations/worker-response/iteration-[0-9]+/(?P<object>.+)/[^/]+\.json")
_REQUEST = re.compile(r".*/consolidation-request/iteration-[0-9]+/[^/]+\.json")
_TASK = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


class Stream(Record, frozen=True, kw_only=True):
    """Which job takes the project's tasks, and how many objects it got so far. `digest` says how it was asked for."""

    job: str
    digest: str
    generation: int
    objects: int = 0


class Published(Record, frozen=True, kw_only=True):
    """A batch is with a job since `at`."""

    job: str
    at: datetime


class _Place(msgspec.Struct, rename="camel"):
    s3_uri: str | None = None
    content: str | None = None


class _Request(msgspec.Struct, rename="camel"):
    """An object of a consolidation request."""

    dataset_object_id: str
    data_object: _Place


@dataclass
class _Seen:
    """What one pass found of a job: its status, its answer files by the object in their names, how many answers are in
    those that were read, its output, and Ground Truth's ids of objects by what they are."""

    status: str
    responses: dict[str, list[str]]
    results: dict[str, Result]
    counts: dict[str, int] = field(default_factory=dict)
    sources: dict[str, set[str]] | None = None


class GroundTruthStream(GroundTruth):
    """Tasks that nobody answered go to the streaming job; those that are asked again, of fewer people, go out as a job
    of their batch (GroundTruth), because a job asks the same number about each object.

    Beside what GroundTruth writes, a batch has published.json below its own prefix, and the project has stream.json.
    """

    def __init__(
        self,
        project: Project,
        settings: GroundTruthBackend,
        jobs: LabelingJobs,
        roles: Roles,
        *,
        topic: str,
        clock: Clock,
    ) -> None:
        super().__init__(project, settings, jobs, roles)
        self._topic = topic
        self._clock = clock
        self.begin_pass()

    def begin_pass(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._manifests: dict[str, list[Object]] = {}
        self._batches: dict[str, Published | None] = {}

    def start(self, name: str, tasks: Sequence[Task]) -> None:
        """Publish a batch. While no job takes messages yet it stays unknown, so that it is started again by the next
        pass; objects carry ids, by which Ground Truth ignores those that it has."""
        if any(each.answered_by for each in tasks):
            super().start(name, tasks)
            return
        if self._published(name) is not None:
            return
        prefix = self._prefix(name)
        objects, refused = self._objects(tasks)
        self._jobs.put(f"{prefix}/refused.json", msgspec.json.encode(refused, order="sorted"))
        if not objects:
            return
        named = [
            {**each, "dataset-objectid-attribute-name": OBJECT_ID, OBJECT_ID: self._object_id(name, each)}
            for each in objects
        ]
        self._jobs.put(f"{prefix}/input.manifest", input_manifest(named))
        self._manifests.pop(name, None)
        stream = self._ready()
        if stream is None:
            return
        self._jobs.publish(self._topic, [msgspec.json.encode(each).decode() for each in named])
        published = Published(job=stream.job, at=self._clock.now())
        self._jobs.put(f"{prefix}/published.json", msgspec.json.encode(published))
        self._batches[name] = published
        self._put_stream(msgspec.structs.replace(stream, objects=stream.objects + len(named)))

    def status(self, name: str) -> str:
        """A batch is over when each of its objects has its answers or was given up on, when its job is over, and when
        Ground Truth lets go of its objects."""
        published = self._published(name)
        if published is None:
            return super().status(name)
        if not self._open(name):
            return "completed"
        status = self._job(published.job).status
        if status == "Failed":
            return "failed"
        expired = self._clock.now() > published.at + timedelta(days=_OBJECT_DAYS)
        return "in_progress" if status in _RUNNING and not expired else "stopped"

    def bill(self, name: str, answers: int, before: int) -> Bill:
        """The output may be minutes late, so that objects with all their answers count."""
        if self._published(name) is None:
            return super().bill(name, answers, before)
        labelled = sum(given >= self._workers for given in self._given(name).values())
        amount = graduated(GROUND_TRUTH, before, labelled) + answers * self._settings.answer_price
        return Bill(objects=labelled, amount=round(amount, 6))

    def recall(self, name: str) -> None:
        """With the batch all others that the job has: a project is called back as a whole."""
        published = self._published(name)
        self._jobs.stop(name if published is None else published.job)

    @property
    def _workers(self) -> int:
        return self._project.consensus.overlap

    def _open(self, name: str) -> bool:
        """Whether Ground Truth still has objects of a batch."""
        over = {each.task_id for each in self._results(name) if each.label is None and each.metadata}
        return any(given < self._workers and task not in over for task, given in self._given(name).items())

    def _given(self, name: str) -> dict[str, int]:
        """How many answered each object of a batch."""
        given = {each.task_id: 0 for each in self._manifest(name)}
        for job, key, task in self._files(name):
            counts = self._job(job).counts
            if key not in counts:
                response = response_of(key, self._read(key) or b"")
                counts[key] = 1 if isinstance(response, str) else len(response.answers)
            given[task.task_id] += counts[key]
        return given

    def _responses(self, name: str) -> Iterator[tuple[Response | str, Object]]:
        if self._published(name) is None:
            yield from super()._responses(name)
        for _, key, task in self._files(name):
            yield response_of(key, self._read(key) or b""), task

    def _files(self, name: str) -> Iterator[tuple[str, str, Object]]:
        """The job, key and object of each answer file of a batch that was published."""
        published = self._published(name)
        if published is None:
            return
        objects = {each.task_id: each for each in self._manifest(name)}
        for folder, keys in self._job(published.job).responses.items():
            task = self._object_of(folder, objects, published.job)
            if task is not None:
                yield from ((published.job, key, task) for key in keys)

    def _results(self, name: str) -> Iterator[Result]:
        published = self._published(name)
        if published is None:
            yield from super()._results(name)
            return
        found = self._job(published.job).results
        yield from (found[each.object_id] for each in self._manifest(name) if each.object_id in found)

    def _object_of(self, folder: str, objects: Mapping[str, Object], job: str) -> Object | None:
        """Whose answers a folder holds: by the id that we gave the object, or else by Ground Truth's own, which its
        consolidation request brings together with what the object is."""
        told = unquote(folder)
        named = [objects[each] for each in _TASK.findall(told) if each in objects]
        if named or f"/{self._project.name}/labeling/" in told:
            return named[-1] if named else None
        ids = self._sources(job)
        return next((each for each in objects.values() if folder in ids.get(each.source_ref or each.text, ())), None)

    def _sources(self, job: str) -> dict[str, set[str]]:
        seen = self._job(job)
        if seen.sources is None:
            seen.sources = {}
            for key in self._jobs.keys(f"{self._prefix(job)}/annotations/consolidated-annotation/"):
                if _REQUEST.fullmatch(key) is None:
                    continue
                for each in msgspec.json.decode(self._read(key) or b"[]", type=list[_Request]):
                    what = each.data_object.s3_uri or each.data_object.content or ""
                    seen.sources.setdefault(what, set()).add(each.dataset_object_id)
        return seen.sources

    def _job(self, job: str) -> _Seen:
        """Read once in a pass."""
        if job not in self._seen:
            responses: dict[str, list[str]] = {}
            for key in self._jobs.keys(f"{self._prefix(job)}/annotations/worker-response/"):
                place = _RESPONSE.fullmatch(key)
                if place is not None:
                    responses.setdefault(place["object"], []).append(key)
            results = {each.object_id: each for each in super()._results(job)}
            self._seen[job] = _Seen(status=self._jobs.status(job), responses=responses, results=results)
        return self._seen[job]

    def _ready(self) -> Stream | None:
        """The job that takes messages now. Where there is none it is asked for, and here the next time."""
        stream = self._stream()
        digest = self._digest()
        status = None if stream is None else self._status(stream.job)
        if stream is not None and status is not None:
            worn = stream.digest != digest or stream.objects >= MOST_OBJECTS
            if not worn and status == "InProgress":
                return stream
            if worn and status in ("Initializing", "InProgress"):
                self._jobs.stop(stream.job)
            if status in _RUNNING:
                return None
        if stream is None or status is not None:
            generation = 1 if stream is None else stream.generation + 1
            name = f"trueup-{self._project.name}-{content_id(digest, str(generation))[:12]}"
            stream = Stream(job=name, digest=digest, generation=generation)
            self._put_stream(stream)
        self._create(stream.job)
        return None

    def _create(self, job: str) -> None:
        self._put_page(self._prefix(job))
        self._jobs.create(self._request(job))

    def _request(self, job: str) -> dict[str, Any]:
        return labeling_job_request(
            job,
            self._project,
            self._settings,
            self._roles,
            region=self._jobs.region,
            root=f"s3://{self._jobs.bucket}/{self._prefix(job)}",
            workers=self._workers,
            topic=self._topic,
        )

    def _digest(self) -> str:
        """Of all that a job is asked for with: when it changes, another job has to take its place."""
        schema = self._project.label_schema
        page = b"" if schema.kind == "spans" else worker_template(schema)
        request = msgspec.json.encode(self._request("job"), order="deterministic")
        return content_id(request, label_categories(schema), page)[:16]

    def _status(self, job: str) -> str | None:
        try:
            return self._jobs.status(job)
        except NotFoundError:
            return None

    def _object_id(self, name: str, line: Mapping[str, str]) -> str:
        """Ids are documented to look like URIs of S3."""
        return f"s3://{self._jobs.bucket}/{self._prefix(name)}/{line['trueup-task']}"

    def _manifest(self, name: str) -> list[Object]:
        if name not in self._manifests:
            self._manifests[name] = super()._manifest(name)
        return self._manifests[name]

    def _stream(self) -> Stream | None:
        found = self._read(f"{self._project.name}/labeling/stream.json")
        return msgspec.json.decode(found, type=Stream) if found else None

    def _put_stream(self, stream: Stream) -> None:
        self._jobs.put(f"{self._project.name}/labeling/stream.json", msgspec.json.encode(stream))

    def _published(self, name: str) -> Published | None:
        if name not in self._batches:
            found = self._read(f"{self._prefix(name)}/published.json")
            self._batches[name] = msgspec.json.decode(found, type=Published) if found else None
        return self._batches[name]
