"""What a project's answers say of its annotators, whatever the kind of their labels.

Of answers that are classes, or come down to such, the project's consensus method tells how often each annotator is
right and what they confuse. Of others a right answer is one that is like what all say together: an annotator's skill is
how like it theirs are in the mean.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from trueup.errors import LabelError
from trueup.labels.naming import is_none
from trueup.labels.reading import read
from trueup.labels.renaming import with_todays_names
from trueup.model import Annotation, AnnotatorSkill, LabelSchema
from trueup.quality.answers import Answers
from trueup.quality.merging import Merger, Said, merger_of, multilabel, preference
from trueup.quality.methods import Method
from trueup.quality.skills import records_of, skill_from

# A mask takes some milliseconds to compare, a box less: a fit of the newest ones stays within seconds.
_MOST_COMPARED = 500


@dataclass(frozen=True)
class Votes:
    """Answers that are classes, or come down to such, as (question, annotator, class)."""

    triples: Sequence[tuple[str, str, str]]
    classes: Sequence[str]


def votes_of(annotations: Iterable[Annotation], schema: LabelSchema) -> Votes | None:
    """None for kinds whose answers are no classes. Answers that today's schema does not know, and those by which no
    class fits, are left out; names of before count as today's."""
    if schema.kind == "classification":
        today = with_todays_names(annotations, schema)
        said = [(each.task_id, each.annotator, each.label) for each in today if each.label in schema.names]
        return Votes(said, schema.names)
    if schema.kind == "preference":
        said = [(task, each.annotator, each.value.preferred) for task, each in _answers(annotations, schema)]
        return Votes(said, preference.PREFERRED)
    if schema.kind == "multilabel":
        answers = _answers(annotations, schema)
        return Votes(
            [vote for task, each in answers for vote in multilabel.votes(task, each, schema)], multilabel.THERE
        )
    return None


def fitted_skills(
    annotations: Iterable[Annotation], schema: LabelSchema, method: Method, project: str, at: datetime
) -> list[AnnotatorSkill]:
    """From live annotations, oldest first, of which `votes_of` tells which count."""
    annotations = list(annotations)
    votes = votes_of(annotations, schema)
    if schema.kind == "classification" and votes is not None:
        return _by_method(votes, method, project, at)
    answers = _answers(annotations, schema)
    given = Counter(each.annotator for _, each in answers)
    found = (
        _by_likeness(answers, schema, method, project, at) if votes is None else _by_method(votes, method, project, at)
    )
    return [replace(each, answers=given[each.annotator]) for each in found]


def likenesses(annotations: Iterable[Annotation], schema: LabelSchema, method: Method) -> dict[str, list[float]]:
    """Of the newest samples with several answers, by task, how like each answer is to what all say together; of kinds
    that are no classes."""
    merger = merger_of(schema.kind)
    several = _several(_answers(annotations, schema))
    return {task: _likenesses(said, merger, schema, method) for task, said in several.items()}


def _several(answers: Iterable[tuple[str, Said]]) -> dict[str, list[Said]]:
    """By task, of the newest tasks with more than one answer."""
    by_task: dict[str, list[Said]] = defaultdict(list)
    for task, each in answers:
        by_task[task].append(each)
    return dict([each for each in by_task.items() if len(each[1]) > 1][-_MOST_COMPARED:])


def _answers(annotations: Iterable[Annotation], schema: LabelSchema) -> list[tuple[str, Said]]:
    read_ones = [(each.task_id, _read(each.annotator, each.label, schema)) for each in annotations]
    return [(task, each) for task, each in read_ones if each is not None]


def _by_method(votes: Votes, method: Method, project: str, at: datetime) -> list[AnnotatorSkill]:
    answers = Answers.of(votes.triples, votes.classes)
    return records_of(answers, method.fit(answers), project, at)


def _by_likeness(
    answers: Sequence[tuple[str, Said]], schema: LabelSchema, method: Method, project: str, at: datetime
) -> list[AnnotatorSkill]:
    """An annotator whom nobody answered beside has the prior's skill."""
    right: dict[str, float] = defaultdict(float)
    total = dict.fromkeys(sorted(each.annotator for _, each in answers), 0)
    merger = merger_of(schema.kind)
    for said in _several(answers).values():
        for each, share in zip(said, _likenesses(said, merger, schema, method), strict=True):
            right[each.annotator] += share
            total[each.annotator] += 1
    return [_record(name, right[name], total[name], project, at) for name in total]


def _likenesses(said: Sequence[Said], merger: Merger, schema: LabelSchema, method: Method) -> list[float]:
    """How like each answer is to what they all say together; of two to the other one."""
    if len(said) == 2:
        return [merger.likeness(said[0].value, said[1].value, schema)] * 2
    merged = merger.merge(said, schema, {}, method)
    return [merger.likeness(each.value, merged.value, schema) for each in said]


def _record(name: str, right: float, total: int, project: str, at: datetime) -> AnnotatorSkill:
    found = skill_from(name, right, total)
    return AnnotatorSkill(
        project=project,
        annotator=name,
        skill=round(found.skill, 6),
        low=round(found.low, 6),
        high=round(found.high, 6),
        answers=total,
        classes=(),
        confusion=(),
        fitted_at=at,
    )


def _read(annotator: str, label: str, schema: LabelSchema) -> Said | None:
    if is_none(label):
        return None
    try:
        return Said(annotator, read(label, schema))
    except LabelError:
        return None
