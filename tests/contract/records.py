"""Records that several files of the suite write."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.worlds import NOW
from trueup.annotation.imported import IMPORT, answers_id_of
from trueup.events import Event, TaskSkipped
from trueup.lineage.edges import given as edges_of_given
from trueup.model import Annotation, Consensus, Edge, Node, NodeKind, Task
from trueup.ports import Given, Journal


def event(number: int = 1) -> Event:
    return TaskSkipped(project="pets", task_id=f"t{number}", annotator="ada", reason="blurred")


def edge(number: int = 1, project: str = "pets", seconds: int = 0) -> Edge:
    source, target = Node(kind=NodeKind.TASK, id="t"), Node(kind=NodeKind.ANNOTATION, id=f"a{number}")
    return Edge(project=project, source=source, target=target, actor="ada", at=NOW + timedelta(seconds=seconds))


def journal(number: int = 1) -> Journal:
    """One event and one edge."""
    return Journal(at=NOW, edges=(edge(number),), events=(event(number),))


QUIET = Journal(at=NOW)


def annotation(task: Task, name: str = "ada", label: str = "cat", seconds: float = 0, **changes: Any) -> Annotation:
    values = {
        "project": task.project,
        "annotation_id": f"{task.task_id[:8]}-{name}-{seconds}",
        "task_id": task.task_id,
        "sample_id": task.sample_id,
        "annotator": name,
        "label": label,
        "submitted_at": NOW + timedelta(seconds=seconds),
    }
    return Annotation(**{**values, **changes})


def consensus(task: Task, name: str, label: str = "cat", seconds: float = 0) -> Consensus:
    return Consensus(
        project=task.project,
        consensus_id=name,
        task_id=task.task_id,
        sample_id=task.sample_id,
        label=label,
        posterior=0.95,
        agreement=1.0,
        method="majority",
        annotation_ids=("a1", "a2"),
        reached_at=NOW + timedelta(seconds=seconds),
    )


SOURCE = "label-studio export.json"


def given(sample: str, *names: str, label: str = "cat") -> Given:
    """What an import brings of a sample: an answer of each, and the label that stands on them."""
    place = answers_id_of("pets", sample)
    said = tuple(
        Annotation(
            project="pets",
            annotation_id=f"{place[:8]}-{name}",
            task_id=place,
            sample_id=sample,
            annotator=name,
            label=label,
            submitted_at=NOW + timedelta(seconds=number),
            backend=IMPORT,
            source=SOURCE,
        )
        for number, name in enumerate(names)
    )
    settled = Consensus(
        project="pets",
        consensus_id=f"{place[:8]}-label",
        task_id=place,
        sample_id=sample,
        label=label,
        posterior=1.0,
        agreement=1.0,
        method=IMPORT,
        annotation_ids=tuple(each.annotation_id for each in said),
        reached_at=NOW,
        annotators=names,
    )
    return Given(annotations=said, consensus=settled, edges=edges_of_given(said, settled, NOW))
