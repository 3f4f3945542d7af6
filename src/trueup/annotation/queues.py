"""Which queue a task waits in, and from which ones an annotator is given tasks."""

from __future__ import annotations

from collections.abc import Collection

from trueup.model import Project, Sample, Selection, TaskQueue


def route(project: Project, sample: Sample, selection: Selection) -> TaskQueue:
    """The first of the project's queues that wants the task, or the project's own, which has no name."""
    found = (each for each in project.annotation.queues if _wants(each, sample, selection))
    return next(found, TaskQueue(name="", deadline_hours=project.annotation.deadline_hours))


def open_to(project: Project, groups: Collection[str]) -> list[str]:
    """Names of the queues that somebody in these groups works on, the most urgent first; the project's own is for
    everybody."""
    own = TaskQueue(name="")
    theirs = [each for each in project.annotation.queues if not each.groups or set(each.groups) & set(groups)]
    return [each.name for each in sorted([*theirs, own], key=lambda each: -each.priority)]


def _wants(queue: TaskQueue, sample: Sample, selection: Selection) -> bool:
    asked = (
        (queue.slices, sample.slice),
        (queue.classes, selection.prediction.label),
        (queue.reasons, selection.strategy),
    )
    return any(wanted for wanted, _ in asked) and all(not wanted or value in wanted for wanted, value in asked)
