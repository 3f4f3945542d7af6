"""A chosen instance of a capture file becomes a sample with a task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from trueup.annotation.tasks import open_task
from trueup.capture.samples import group_of, media_type, slice_of
from trueup.lineage.edges import asked, captured
from trueup.model import Project, Sample, Selection, Task
from trueup.ports import AnnotationQueue, Opening, PayloadStore
from trueup.selection.choose import Choice
from trueup.similarity.near_duplicates import print_text
from trueup.usecases.read_captures import Instance

T = TypeVar("T")


def opening_of(
    project: Project, payloads: PayloadStore, capture_uri: str, instance: Instance, choice: Choice[T], at: datetime
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
        fingerprint=print_text(payload.data, media_type(payload.content_type)),
    )
    selection = Selection(
        project=project.name,
        sample_id=instance.sample_id,
        event_id=instance.capture.event_id,
        index=instance.index,
        capture_uri=capture_uri,
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
    return Opening(sample=sample, selection=selection, task=task, edges=(*captured(selection), asked(selection, task)))


def invite(project: Project, queue: AnnotationQueue, tasks: Iterable[Task]) -> None:
    """A message for each slot of new tasks, where people answer from the queue."""
    if project.backend != "queue":
        return
    lanes: dict[str, list[str]] = defaultdict(list)
    for each in tasks:
        lanes[each.lane] += [each.task_id] * project.consensus.overlap
    for lane, task_ids in lanes.items():
        queue.send(lane, task_ids)
