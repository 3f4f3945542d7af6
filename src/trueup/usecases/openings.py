"""A chosen instance of a capture file becomes a sample with a task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeVar

from trueup.annotation.tasks import open_task
from trueup.capture.samples import group_of, slice_of
from trueup.lineage.edges import asked, captured
from trueup.model import CaptureFile, Project, RetrainingRun, Sample, Selection, Task
from trueup.ports import AnnotationQueue, Opening, PayloadStore, RunStore
from trueup.selection.choose import Choice
from trueup.similarity.near_duplicates import as_text
from trueup.usecases.read_captures import Instance

T = TypeVar("T")
_EVER = datetime.min.replace(tzinfo=UTC)


class ServedBy:
    """What an endpoint served with: the configuration that trueup promoted last before a moment, or the endpoint itself
    while that was none of ours. Of a canary this is the configuration before it, until it has taken over. Asks once
    for each promotion that captures came after."""

    def __init__(self, runs: RunStore, now: datetime) -> None:
        self._runs = runs
        self._next = now
        self._known: list[tuple[datetime, datetime, RetrainingRun | None]] = []

    def __call__(self, file: CaptureFile, at: datetime) -> str:
        """Of the files of one project."""
        run = self._run(file.project, at)
        return (run.endpoint_config if run else None) or file.endpoint

    def _run(self, project: str, at: datetime) -> RetrainingRun | None:
        for since, until, run in self._known:
            if since <= at <= until:
                return run
        asked = max(at, self._next)
        run = self._runs.serving(project, asked)
        since = run.ended_at if run and run.ended_at else _EVER
        self._known.append((since, asked, run))
        self._next = at
        return run if since <= at else self._run(project, at)


def opening_of(
    project: Project,
    payloads: PayloadStore,
    file: CaptureFile,
    instance: Instance,
    choice: Choice[T],
    at: datetime,
    served_by: ServedBy,
) -> Opening:
    """Stores the input, and nothing else: the opening is still to be written."""
    payload = instance.input
    sample = Sample(
        project=project.name,
        sample_id=instance.sample_id,
        content_type=payload.content_type,
        size=len(payload.data),
        payload_uri=payloads.put(project.name, instance.sample_id, payload),
        group=group_of(instance.capture, payload, project.selection.group_by),
        first_seen=instance.capture.inference_time,
        slice=slice_of(instance.capture.custom_attributes, project.selection.slice_by),
        fingerprint=as_text(instance.fingerprint),
    )
    selection = Selection(
        project=project.name,
        sample_id=instance.sample_id,
        event_id=instance.capture.event_id,
        index=instance.index,
        capture_uri=file.uri,
        capture_line=instance.capture.line,
        strategy=choice.strategy,
        score=choice.score,
        threshold=choice.threshold,
        propensity=choice.propensity,
        reason=choice.reason,
        policy_version=project.selection.version,
        prediction=instance.prediction,
        selected_at=at,
    )
    task = open_task(project.name, sample, selection, at, project)
    endpoint = served_by(file, instance.capture.inference_time)
    edges = (*captured(selection, endpoint, instance.capture.raw), *asked(selection, task))
    return Opening(sample=sample, selection=selection, task=task, edges=edges)


def invite(project: Project, queue: AnnotationQueue, tasks: Iterable[Task]) -> None:
    """A message for each slot of new tasks, where people answer from the queue."""
    if project.backend != "queue":
        return
    lanes: dict[str, list[str]] = defaultdict(list)
    for each in tasks:
        lanes[each.lane] += [each.task_id] * project.consensus.overlap
    for lane, task_ids in lanes.items():
        queue.send(lane, task_ids)
