"""The arrows of the lineage graph, one constructor each, in the order of the loop."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from trueup.labels.brief import brief
from trueup.model import (
    Annotation,
    Consensus,
    DatasetVersion,
    Edge,
    Evaluation,
    Feedback,
    ModelPackage,
    Node,
    NodeKind,
    RetrainingRun,
    Ruling,
    Selection,
    SettledLabel,
    Task,
    content_id,
    record_hash,
)

ACTOR = "trueup"


def capture_node(selection: Selection) -> Node:
    """A captured instance: the event id, and which of the request's instances it was."""
    return Node(kind=NodeKind.CAPTURE, id=f"{selection.event_id}#{selection.index}")


def captured(selection: Selection, endpoint: str | None = None, line: bytes = b"") -> tuple[Edge, ...]:
    """endpoint → capture (when what served is known) and capture → sample. `line` is the capture's own."""
    sample, capture = Node(kind=NodeKind.SAMPLE, id=selection.sample_id), capture_node(selection)
    digest = hashlib.sha256(line).hexdigest() if line else None
    at = selection.selected_at
    edges = [_edge(selection.project, capture, sample, ACTOR, at, source_hash=digest)]
    if endpoint:
        source = Node(kind=NodeKind.ENDPOINT, id=endpoint)
        edges.insert(0, _edge(selection.project, source, capture, ACTOR, at, target_hash=digest))
    return tuple(edges)


def asked(selection: Selection, task: Task) -> tuple[Edge, ...]:
    """sample → selection → task; the actor is the strategy that chose it."""
    sample = Node(kind=NodeKind.SAMPLE, id=task.sample_id)
    choice = Node(kind=NodeKind.SELECTION, id=task.sample_id)
    target = Node(kind=NodeKind.TASK, id=task.task_id)
    digest, actor, at = record_hash(selection), selection.strategy, task.opened_at
    return (
        _edge(task.project, sample, choice, actor, at, target_hash=digest),
        _edge(task.project, choice, target, actor, at, source_hash=digest),
    )


def asked_again(task: Task) -> Edge:
    """sample → task, since classes changed."""
    sample = Node(kind=NodeKind.SAMPLE, id=task.sample_id)
    return _edge(task.project, sample, Node(kind=NodeKind.TASK, id=task.task_id), "label schema", task.opened_at)


def sent(task: Task, batch: str, at: datetime) -> Edge:
    """task → batch, of the labeling service that is the actor."""
    source = Node(kind=NodeKind.TASK, id=task.task_id)
    return _edge(task.project, source, Node(kind=NodeKind.BATCH, id=batch), task.backend, at)


def reported(feedback: Feedback, task_id: str, at: datetime) -> Edge:
    """feedback → task; the actor is whose word it is."""
    source = Node(kind=NodeKind.FEEDBACK, id=feedback.feedback_id)
    return _edge(feedback.project, source, Node(kind=NodeKind.TASK, id=task_id), feedback.by or feedback.kind, at)


def answered(annotation: Annotation) -> Edge:
    """task → annotation; the actor is the annotator."""
    return _edge(
        annotation.project,
        Node(kind=NodeKind.TASK, id=annotation.task_id),
        Node(kind=NodeKind.ANNOTATION, id=annotation.annotation_id),
        annotation.annotator,
        annotation.submitted_at,
        note=brief(annotation.label),
        target_hash=record_hash(annotation),
    )


def supported(consensus: Consensus) -> tuple[Edge, ...]:
    """annotation → consensus, one per annotation that it stands on; the actor is the method."""
    target, digest = consensus_node(consensus), record_hash(consensus)
    return tuple(
        _edge(
            consensus.project,
            Node(kind=NodeKind.ANNOTATION, id=each),
            target,
            consensus.method,
            consensus.reached_at,
            note=brief(consensus.label),
            target_hash=digest,
        )
        for each in consensus.annotation_ids
    )


def consensus_node(consensus: Consensus) -> Node:
    return Node(kind=NodeKind.CONSENSUS, id=consensus.consensus_id)


def given(annotations: Sequence[Annotation], consensus: Consensus, at: datetime) -> tuple[Edge, ...]:
    """source → sample, sample → annotation and annotation → consensus, of what came with an import; the actor of an
    answer is its annotator."""
    project, sample = consensus.project, Node(kind=NodeKind.SAMPLE, id=consensus.sample_id)
    sources = dict.fromkeys(each.source for each in annotations if each.source)
    came = [_edge(project, Node(kind=NodeKind.SOURCE, id=each), sample, consensus.method, at) for each in sources]
    said = [
        _edge(
            project,
            sample,
            Node(kind=NodeKind.ANNOTATION, id=each.annotation_id),
            each.annotator,
            each.submitted_at,
            note=brief(each.label),
            target_hash=record_hash(each),
        )
        for each in annotations
    ]
    return (*came, *said, *supported(consensus))


def import_node(consensuses: Iterable[str]) -> Node:
    """What brings these labels into a version. Named by them, so that it may be drawn before the version is there."""
    return Node(kind=NodeKind.IMPORT, id=content_id(*sorted(consensuses))[:32])


def brought(consensus: Consensus, by: Node, source: str, at: datetime) -> Edge:
    """consensus → import."""
    return _edge(consensus.project, consensus_node(consensus), by, ACTOR, at, note=source)


def imported(by: Node, version: DatasetVersion) -> Edge:
    """import → version."""
    target = Node(kind=NodeKind.VERSION, id=version.version_id)
    return _edge(version.project, by, target, ACTOR, version.created_at, note=f"v{version.number}")


def ruled(ruling: Ruling, before: Consensus | None = None, after: Consensus | None = None) -> tuple[Edge, ...]:
    """task → review, the label that it overruled → review, and review → the label that it made; the actor is the
    reviewer."""
    review, digest = Node(kind=NodeKind.REVIEW, id=ruling.ruling_id), record_hash(ruling)
    task = Node(kind=NodeKind.TASK, id=ruling.task_id)
    sources = [(task, None), *([(consensus_node(before), record_hash(before))] if before else [])]
    edges = [
        _edge(ruling.project, source, review, ruling.reviewer, ruling.at, source_hash=name, target_hash=digest)
        for source, name in sources
    ]
    if after is not None:
        made = record_hash(after)
        edges.append(
            _edge(
                ruling.project,
                review,
                consensus_node(after),
                ruling.reviewer,
                ruling.at,
                note=brief(after.label),
                source_hash=digest,
                target_hash=made,
            )
        )
    return tuple(edges)


def committed(version: DatasetVersion, labels: tuple[SettledLabel, ...]) -> tuple[Edge, ...]:
    """parent (of a merge both) → version, and consensus → version for the labels that are new in it. Labels that a
    version inherits are reached through its parents, so a version costs edges only for what it changed."""
    target = Node(kind=NodeKind.VERSION, id=version.version_id)
    edges = [
        _edge(
            version.project,
            consensus_node(each.consensus),
            target,
            ACTOR,
            version.created_at,
            note=f"v{version.number}",
            source_hash=record_hash(each.consensus),
        )
        for each in labels
    ]
    parents = [Node(kind=NodeKind.VERSION, id=each) for each in (version.parent, version.merged) if each]
    note = f"v{version.number}"
    come = [_edge(version.project, each, target, ACTOR, version.created_at, note=note) for each in parents]
    return (*come, *edges)


def trained(run: RetrainingRun, training_job: str, at: datetime) -> Edge:
    """version → training job; the actor is the run."""
    return _edge(
        run.project,
        Node(kind=NodeKind.VERSION, id=run.version_id),
        Node(kind=NodeKind.TRAINING, id=training_job),
        run.run_id,
        at,
    )


def evaluated(evaluation: Evaluation, training_job: str | None) -> tuple[Edge, ...]:
    """training job → evaluation, and version → evaluation, whose test split it was; the actor is the run."""
    target = Node(kind=NodeKind.EVALUATION, id=evaluation.run_id)
    sources = [Node(kind=NodeKind.VERSION, id=evaluation.version_id)]
    if training_job:
        sources.append(Node(kind=NodeKind.TRAINING, id=training_job))
    return tuple(
        _edge(
            evaluation.project,
            source,
            target,
            evaluation.run_id,
            evaluation.at,
            note="passed" if evaluation.passed else "refused",
            target_hash=evaluation.sha256,
        )
        for source in sources
    )


def registered(run: RetrainingRun, training_job: str, model_package_arn: str, at: datetime) -> tuple[Edge, ...]:
    """training job → model package, and evaluation → model package, which it let pass."""
    target = Node(kind=NodeKind.MODEL, id=model_package_arn)
    sources = (Node(kind=NodeKind.TRAINING, id=training_job), Node(kind=NodeKind.EVALUATION, id=run.run_id))
    return tuple(_edge(run.project, source, target, run.run_id, at) for source in sources)


def promoted(run: RetrainingRun, package: ModelPackage, at: datetime) -> Edge:
    """model package → deployment, whatever becomes of that; the actor is the run."""
    source = Node(kind=NodeKind.MODEL, id=package.arn)
    target = Node(kind=NodeKind.DEPLOYMENT, id=run.run_id)
    return _edge(run.project, source, target, run.run_id, at, source_hash=package.digest)


def deployed(run: RetrainingRun, model_package_arn: str, endpoint_config: str, at: datetime) -> tuple[Edge, ...]:
    """model package → deployment → endpoint configuration that serves it."""
    model = Node(kind=NodeKind.MODEL, id=model_package_arn)
    deployment = Node(kind=NodeKind.DEPLOYMENT, id=run.run_id)
    endpoint = Node(kind=NodeKind.ENDPOINT, id=endpoint_config)
    pairs = ((model, deployment), (deployment, endpoint))
    return tuple(_edge(run.project, source, target, run.run_id, at) for source, target in pairs)


def _edge(
    project: str,
    source: Node,
    target: Node,
    actor: str,
    at: datetime,
    *,
    note: str = "",
    source_hash: str | None = None,
    target_hash: str | None = None,
) -> Edge:
    return Edge(
        project=project,
        source=source,
        target=target,
        actor=actor,
        at=at,
        note=note,
        source_hash=source_hash,
        target_hash=target_hash,
    )
