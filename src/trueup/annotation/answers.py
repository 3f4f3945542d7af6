"""Which of a task's annotations count."""

from __future__ import annotations

from collections.abc import Iterable

from trueup.annotation.imported import IMPORT
from trueup.annotation.tasks import GOLD
from trueup.model import Annotation, Kind

_SHORT: tuple[Kind, ...] = ("classification", "multilabel", "rating", "preference")


def window(kind: Kind, most: int) -> int:
    """How many answers are looked at together: of kinds whose labels may be as long as 100 KB, a twentieth."""
    return most if kind in _SHORT else most // 20


def without_gold(annotations: Iterable[Annotation]) -> list[Annotation]:
    """Answers to gold tasks say something of their annotators, and nothing of samples."""
    return [each for each in annotations if each.backend != GOLD]


def of_tasks(annotations: Iterable[Annotation]) -> list[Annotation]:
    """Without those that were imported: nobody here was asked for these, or can be asked again."""
    return [each for each in annotations if each.backend != IMPORT]


def live_of_all(newest_first: Iterable[Annotation]) -> list[Annotation]:
    """The live ones of many tasks, oldest first."""
    by_task: dict[str, list[Annotation]] = {}
    for each in newest_first:
        by_task.setdefault(each.task_id, []).append(each)
    found = [each for of_task in by_task.values() for each in live(of_task)]
    return sorted(found, key=lambda each: (each.submitted_at, each.annotation_id))


def live(annotations: Iterable[Annotation]) -> list[Annotation]:
    """The newest annotation of each annotator that none of their later ones supersedes, oldest first; none of whoever
    took theirs back."""
    ordered = sorted(annotations, key=lambda each: (each.submitted_at, each.annotation_id))
    superseded = {each.supersedes for each in ordered if each.supersedes}
    newest = {each.annotator: each for each in ordered if each.annotation_id not in superseded}
    standing = (each for each in newest.values() if not each.withdrawn)
    return sorted(standing, key=lambda each: (each.submitted_at, each.annotation_id))
