"""The arrows of the lineage graph, one constructor each, in the order of the loop."""

from __future__ import annotations

from datetime import datetime

from trueup.model import (
    Annotation,
    Consensus,
    DatasetVersion,
    Edge,
    Feedback,
    Node,
    NodeKind,
    RetrainingRun,
    Selection,
    SettledLabel,
    Task,
)

ACTOR = "trueup"


def capture_node(selection: Selection) -> Node:
    """A captured instance: the event id, and which of the request's instances it was."""
    return Node(kind=NodeKind.CAPTURE, id=f"{selection.event_id}#{selection.index}")


def captured(selection: Selection, endpoint_config: str | None = None) -> tuple[Edge, ...]:
    """endpoint → capture (when the configuration that served is known) and capture → sample."""
    sample = Node(kind=NodeKind.SAMPLE, id=selection.sample_id)
    capture = capture_node(selection)
    edges = [_edge(selection.project, capture, sample, ACTOR, selection.selected_at)]
    if endpoint_config:
        endpoint = Node(kind=NodeKind.ENDPOINT, id=endpoint_config)
        edges.insert(0, _edge(selection.project, endpoint, capture, ACTOR, selection.selected_at))
    return tuple(edges)


def asked(selection: Selection, task: Task) -> Edge:
    """sample → task; the actor is the strategy that chose it."""
    sample = Node(kind=NodeKind.SAMPLE, id=task.sample_id)
    return _edge(task.project, sample, Node(kind=NodeKind.TASK, id=task.task_id), selection.strategy, task.opened_at)


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
    )


def supported(consensus: Consensus) -> tuple[Edge, ...]:
    """annotation → consensus, one per annotation that it stands on; the actor is the method."""
    target = Node(kind=NodeKind.CONSENSUS, id=consensus.consensus_id)
    return tuple(
        _edge(
            consensus.project,
            Node(kind=NodeKind.ANNOTATION, id=each),
            target,
            consensus.method,
            consensus.reached_at,
        )
        for each in consensus.annotation_ids
    )


def committed(version: DatasetVersion, labels: tuple[SettledLabel, ...]) -> tuple[Edge, ...]:
    """parent (of a merge both) → version, and consensus → version for the labels that are new in it. Labels that a
    version inherits are reached through its parents, so a version costs edges only for what it changed."""
    target = Node(kind=NodeKind.VERSION, id=version.version_id)
    edges = [
        _edge(
            version.project,
            Node(kind=NodeKind.CONSENSUS, id=each.consensus.consensus_id),
            target,
            ACTOR,
            version.created_at,
        )
        for each in labels
    ]
    parents = [Node(kind=NodeKind.VERSION, id=each) for each in (version.parent, version.merged) if each]
    return (*(_edge(version.project, each, target, ACTOR, version.created_at) for each in parents), *edges)


def trained(run: RetrainingRun, training_job: str, at: datetime) -> Edge:
    """version → training job; the actor is the run."""
    return _edge(
        run.project,
        Node(kind=NodeKind.VERSION, id=run.version_id),
        Node(kind=NodeKind.TRAINING, id=training_job),
        run.run_id,
        at,
    )


def registered(run: RetrainingRun, training_job: str, model_package_arn: str, at: datetime) -> Edge:
    """training job → model package."""
    return _edge(
        run.project,
        Node(kind=NodeKind.TRAINING, id=training_job),
        Node(kind=NodeKind.MODEL, id=model_package_arn),
        run.run_id,
        at,
    )


def deployed(run: RetrainingRun, model_package_arn: str, endpoint_config: str, at: datetime) -> Edge:
    """model package → endpoint configuration that serves it."""
    return _edge(
        run.project,
        Node(kind=NodeKind.MODEL, id=model_package_arn),
        Node(kind=NodeKind.ENDPOINT, id=endpoint_config),
        run.run_id,
        at,
    )


def _edge(project: str, source: Node, target: Node, actor: str, at: datetime) -> Edge:
    return Edge(project=project, source=source, target=target, actor=actor, at=at)
