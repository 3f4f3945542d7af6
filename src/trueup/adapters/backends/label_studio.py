"""A project of a Label Studio server, which trueup makes and keeps in step.

Label Studio's webhooks are neither signed nor repeated, and its imports are not idempotent. So each task carries its
name in its data and is looked for before it is sent, and a webhook is only a hint to look now and not at the next pass:
what is true is read from the server (docs/adr/0013-label-studio.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from trueup.adapters.backends.label_studio_answers import data_of, result_of
from trueup.adapters.backends.label_studio_api import Filter, LabelStudioApi, StudioAnnotation, StudioTask
from trueup.adapters.backends.label_studio_home import Inbox, LabelingFiles, StudioHome
from trueup.errors import InputError, LabelError, NotFoundError
from trueup.labels.label_studio import label_of
from trueup.model import Annotation, Project, Task, content_id
from trueup.ports import AnsweredTask, Changes, LabelingBackend

_TASK, _SAMPLE, _BATCH = "trueup_task", "trueup_sample", "trueup_batch"
# A change of which the transaction ends later than the clock was read may be seen only by the next pass.
_MARGIN = timedelta(minutes=1)
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)
# What fits into the address of a request.
_NAMES = 50


class LabelStudio(LabelingBackend):
    """LabelingBackend over one project of a server, which is found by the `place` (stage/project) in its description.
    Hints of what happens there go to the `inbox`; without one there are none."""

    def __init__(
        self, project: Project, api: LabelStudioApi, files: LabelingFiles, *, place: str, inbox: Inbox | None = None
    ) -> None:
        self._project = project
        self._api = api
        self._files = files
        self._home = StudioHome(project, api, files, place, inbox)

    @property
    def single(self) -> bool:
        return True

    def start(self, name: str, tasks: Sequence[Task]) -> None:
        """A task that went there before is asked about again, in its old place, where its people are known. Tasks
        that cannot be shown are told by `failures`. Raises ConfigurationError for a label schema that the server
        refuses, and RetryableError where it stays busy."""
        self._api.insist(lambda: self._start(name, tasks))

    def _start(self, name: str, tasks: Sequence[Task]) -> None:
        """What was made before the server failed is found when this is done again."""
        number = self._home.prepared()
        there = self._known(number, [each.task_id for each in tasks])
        fresh, refused = self._made(name, [each for each in tasks if each.task_id not in there])
        said = self._api.add_tasks(number, fresh)
        refused |= {fresh[place]["data"][_TASK]: why for place, why in said.items()}
        if refused:
            self._files.put(self._refusals(name), msgspec.json.encode(refused, order="sorted"))
        for each in tasks:
            found = there.get(each.task_id)
            if found is not None and found.data.get(_BATCH) != name:
                self._ask_again(found, each, name)
        self._single_out(number, tasks)

    def status(self, name: str) -> str:
        found = self._batch(name)
        if not found and self._refused(name):
            return "failed"
        if not found:
            raise NotFoundError(f"there is no batch {name}")
        return "in_progress" if _names(found) - self._done(found) else "completed"

    def answers(self, name: str) -> list[Annotation]:
        return [answer for each in self._batch(name) for answer in self._answers(each)]

    def failures(self, name: str) -> dict[str, str]:
        """Tasks that cannot be shown, those that too many people skipped, and those with an answer that is none."""
        found = self._refused(name)
        for each in self._batch(name):
            reason = self._trouble(each)
            if reason is not None:
                found[str(each.data[_TASK])] = reason
        return found

    def returned(self, name: str, task_ids: Collection[str]) -> frozenset[str]:
        """Also tasks that somebody deleted there."""
        found = self._batch(name)
        return frozenset(task_ids) - (_names(found) - self._done(found))

    def withdraw(self, name: str, task_ids: Collection[str]) -> None:
        self._close(each for each in self._batch(name) if each.data[_TASK] in task_ids)

    def recall(self, name: str) -> None:
        self._close(self._batch(name))

    def _close(self, tasks: Iterable[StudioTask]) -> None:
        """With an overlap that is reached: who has one open yet may still answer, and Label Studio counts again."""
        for each in tasks:
            if not each.is_labeled:
                self._api.change_task(each.id, {"overlap": max(1, len(each.given)), "is_labeled": True})

    def changes(self, since: datetime | None) -> Changes:
        """By the server's clock. A task that lies there twice is read in both places."""
        number = self._home.find()
        try:
            return Changes(until=since) if number is None else self._changes(number, since)
        except NotFoundError:
            self._home.forget()
            return Changes(until=since)

    def _changes(self, number: int, since: datetime | None) -> Changes:
        begun = (since or _BEFORE_ALL).astimezone(UTC)
        moved = Filter("filter:tasks:updated_at", "greater", "Datetime", f"{begun - _MARGIN:{_TIME}}")
        changed = [each for each in self._api.tasks(number, moved) if _TASK in each.data]
        places: dict[str, list[StudioTask]] = {}
        for each in self._named(number, {str(each.data[_TASK]) for each in changed}):
            places.setdefault(str(each.data[_TASK]), []).append(each)
        return Changes(
            tasks=tuple(self._standing(name, found) for name, found in places.items()),
            until=max((each.updated_at for each in changed), default=since),
        )

    def _made(self, name: str, tasks: Sequence[Task]) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """What is to be imported, and the reasons of tasks that cannot be shown."""
        made, refused = [], {}
        for each in tasks:
            try:
                made.append(self._imported(each, name))
            except (InputError, NotFoundError) as error:
                refused[each.task_id] = str(error)
        return made, refused

    def _imported(self, task: Task, name: str) -> dict[str, Any]:
        schema = self._project.label_schema
        inline = schema.media not in ("image", "audio")
        data = data_of(task, self._files.payload(task.payload_uri) if inline else b"", schema)
        made: dict[str, Any] = {"data": {**data, _TASK: task.task_id, _SAMPLE: task.sample_id, _BATCH: name}}
        guess = result_of(task.prediction, schema) if task.prediction else []
        if guess:
            made["predictions"] = [{"model_version": self._project.endpoint_name, "result": guess}]
        return made

    def _ask_again(self, found: StudioTask, task: Task, name: str) -> None:
        wanted = self._wanted(found, task)
        fields = {"overlap": wanted, "is_labeled": len(found.given) >= wanted}
        self._api.change_task(found.id, {"data": {**found.data, _BATCH: name}, **fields})

    def _wanted(self, found: StudioTask, task: Task) -> int:
        """As many as count here already, or never will, and those that are missing."""
        spent = [each for each in found.given if each.person in task.answered_by or self._fault(each)]
        return len(spent) + max(1, task.overlap - len(task.answered_by))

    def _single_out(self, number: int, tasks: Sequence[Task]) -> None:
        """Two passes may have sent the same. Of two alike the older stays; what has an answer is never deleted. A new
        one is told how many people it wants."""
        wanted = {each.task_id: each for each in tasks}
        seen: set[str] = set()
        for each in self._named(number, wanted):
            task_id = str(each.data[_TASK])
            people = self._wanted(each, wanted[task_id])
            if not each.annotations and task_id in seen:
                self._api.delete_task(each.id)
            elif not each.annotations and each.overlap != people:
                self._api.change_task(each.id, {"overlap": people})
            seen.add(task_id)

    def _known(self, number: int, task_ids: Collection[str]) -> dict[str, StudioTask]:
        found: dict[str, StudioTask] = {}
        for each in self._named(number, task_ids):
            found.setdefault(str(each.data[_TASK]), each)
        return found

    def _named(self, number: int, task_ids: Collection[str]) -> Iterator[StudioTask]:
        names = sorted(task_ids)
        for start in range(0, len(names), _NAMES):
            part = names[start : start + _NAMES]
            yield from self._api.tasks(number, Filter(f"filter:tasks:data.{_TASK}", "in_list", "List", part))

    def _batch(self, name: str) -> list[StudioTask]:
        number = self._home.find()
        try:
            return [] if number is None else list(self._in_batch(number, name))
        except NotFoundError:
            self._home.forget()
            return []

    def _in_batch(self, number: int, name: str) -> Iterator[StudioTask]:
        found = self._api.tasks(number, Filter(f"filter:tasks:data.{_BATCH}", "equal", "String", name))
        return (each for each in found if _TASK in each.data)

    def _done(self, tasks: Sequence[StudioTask]) -> set[str]:
        """Of a task that lies there twice one place is enough."""
        return {str(each.data[_TASK]) for each in tasks if self._is_done(each)}

    def _is_done(self, task: StudioTask) -> bool:
        """An answer may have come just before we set the flag as of before."""
        return task.is_labeled or len(task.given) >= task.overlap or self._is_skipped(task)

    def _is_skipped(self, task: StudioTask) -> bool:
        people = {each.person for each in task.annotations if each.was_cancelled}
        return len(people) >= self._project.consensus.max_skips

    def _trouble(self, task: StudioTask) -> str | None:
        faults = [fault for fault in (self._fault(each) for each in task.given) if fault]
        if faults:
            return f"an answer cannot be used: {faults[0]}"
        if not task.is_labeled and self._is_skipped(task):
            return f"{self._project.consensus.max_skips} people skipped it"
        return None

    def _fault(self, annotation: StudioAnnotation) -> str | None:
        return self._read(annotation)[1]

    def _read(self, annotation: StudioAnnotation) -> tuple[str, str | None]:
        """The label, or why there is none."""
        try:
            return label_of(annotation.result, self._project.label_schema), None
        except LabelError as error:
            return "", str(error)

    def _answers(self, task: StudioTask) -> list[Annotation]:
        """Those that can be used."""
        found = ((each, *self._read(each)) for each in task.given)
        return [self._annotation(task, each, label) for each, label, fault in found if fault is None]

    def _standing(self, task_id: str, places: Sequence[StudioTask]) -> AnsweredTask:
        found = [answer for each in places for answer in self._answers(each)]
        answers = {each.annotator: each for each in sorted(found, key=lambda each: each.submitted_at)}
        return AnsweredTask(
            task_id=task_id, at=max(each.updated_at for each in places), answers=tuple(answers.values())
        )

    def _annotation(self, task: StudioTask, annotation: StudioAnnotation, label: str) -> Annotation:
        task_id = str(task.data[_TASK])
        told = (str(annotation.id), annotation.updated_at.isoformat(), label)
        return Annotation(
            project=self._project.name,
            annotation_id=content_id("label_studio", task_id, *told)[:32],
            task_id=task_id,
            sample_id=str(task.data.get(_SAMPLE, "")),
            annotator=annotation.person,
            label=label,
            submitted_at=annotation.updated_at.astimezone(UTC),
            seconds_spent=annotation.lead_time or 0.0,
            backend="label_studio",
            schema_version=self._project.label_schema.version,
        )

    def _refusals(self, name: str) -> str:
        return f"{self._project.name}/labeling/{name}/refused.json"

    def _refused(self, name: str) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._files.get(self._refusals(name)), type=dict[str, str])
        except NotFoundError:
            return {}


def _names(tasks: Iterable[StudioTask]) -> set[str]:
    return {str(each.data[_TASK]) for each in tasks}
