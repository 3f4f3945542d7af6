"""What stays of records when a sample is forgotten: ids, times, who and how, and nothing of what was said or shown.

Whoever reported an outcome may be the person who is forgotten, so that their name goes, too; an annotator's stays.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from trueup.model import (
    Annotation,
    Consensus,
    Edge,
    NodeKind,
    Prediction,
    Ruling,
    Sample,
    Selection,
    Task,
    TaskStatus,
)

# Outcomes are signed with it and, behind a colon, whose word they are.
TRUTH = "truth"


def tombstone(project: str, sample_id: str, at: datetime) -> Sample:
    """What stands for a sample of which nothing else is to be known."""
    return Sample(
        project=project, sample_id=sample_id, content_type="", size=0, payload_uri="", group="", first_seen=at
    )


def closed_task(project: str, task_id: str, sample_id: str, at: datetime) -> Task:
    """The task of a sample that was forgotten before anybody was asked about it: nobody ever will be."""
    return Task(
        project=project,
        task_id=task_id,
        sample_id=sample_id,
        content_type="",
        payload_uri="",
        priority=0.0,
        overlap=0,
        opened_at=at,
        status=TaskStatus.CANCELLED,
    )


def emptied_selection(selection: Selection) -> Selection:
    return replace(selection, prediction=Prediction(classes=(), probabilities=()))


def emptied_task(task: Task) -> Task:
    """Cancelled, whatever it was."""
    return replace(
        task,
        status=TaskStatus.CANCELLED,
        payload_uri="",
        leases=(),
        answered_by=tuple(map(nameless, task.answered_by)),
        skips=tuple(replace(each, reason="") for each in task.skips),
        comments=tuple(replace(each, text="") for each in task.comments),
        prediction=None,
        slice=None,
        revision=task.revision + 1,
    )


def emptied_annotation(annotation: Annotation) -> Annotation:
    return replace(annotation, annotator=nameless(annotation.annotator), label="", comment="", slice=None)


def emptied_consensus(consensus: Consensus) -> Consensus:
    return replace(consensus, label="", annotators=tuple(map(nameless, consensus.annotators)))


def emptied_ruling(ruling: Ruling) -> Ruling:
    return replace(ruling, label=None, comment="", before=None)


def emptied_edge(edge: Edge) -> Edge:
    """Of an arrow that leads from feedback to a task, from there to an answer, from answers and rulings to labels, and
    on from those: without what was said, and without hashes of it, which a short answer could be guessed from."""
    actor = NodeKind.FEEDBACK.value if edge.source.kind is NodeKind.FEEDBACK else nameless(edge.actor)
    return replace(edge, actor=actor, note="", source_hash=None, target_hash=None)


def nameless(annotator: str) -> str:
    return TRUTH if annotator.startswith(f"{TRUTH}:") else annotator
