"""What a project's answers say of its annotators, whatever the kind of their labels.

Of answers that are classes, or come down to such, the project's consensus method tells how often each annotator is
right and what they confuse. Of others a right answer is one that is like what all say together: an annotator's skill is
how like it theirs are in the mean.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from trueup.errors import LabelError
from trueup.labels.naming import is_none
from trueup.labels.reading import read
from trueup.model import Annotation, AnnotatorSkill, LabelSchema
from trueup.quality.answers import Answers
from trueup.quality.merging import Merger, Said, merger_of, multilabel, preference
from trueup.quality.methods import Method
from trueup.quality.skills import records_of, skill_from

# A mask takes some milliseconds to compare, a box less: a fit of the newest ones stays within seconds.
_MOST_COMPARED = 500


def fitted_skills(
    annotations: Iterable[Annotation], schema: LabelSchema, method: Method, project: str, at: datetime
) -> list[AnnotatorSkill]:
    """From live annotations, oldest first. Those that today's schema does not know, and those by which no class fits,
    are left out."""
    said = [(each.task_id, each.annotator, each.label) for each in annotations if not is_none(each.label)]
    if schema.kind == "classification":
        return _by_method([each for each in said if each[2] in schema.names], schema.names, method, project, at)
    read_ones = [(task, _read(who, label, schema)) for task, who, label in said]
    answers = [(task, each) for task, each in read_ones if each is not None]
    given = Counter(each.annotator for _, each in answers)
    if schema.kind == "preference":
        votes = [(task, each.annotator, each.value.preferred) for task, each in answers]
        found = _by_method(votes, preference.PREFERRED, method, project, at)
    elif schema.kind == "multilabel":
        votes = [vote for task, each in answers for vote in multilabel.votes(task, each, schema)]
        found = _by_method(votes, multilabel.THERE, method, project, at)
    else:
        found = _by_likeness(answers, schema, method, project, at)
    return [replace(each, answers=given[each.annotator]) for each in found]


def _by_method(
    votes: Sequence[tuple[str, str, str]], classes: Sequence[str], method: Method, project: str, at: datetime
) -> list[AnnotatorSkill]:
    answers = Answers.of(votes, classes)
    return records_of(answers, method.fit(answers), project, at)


def _by_likeness(
    answers: Sequence[tuple[str, Said]], schema: LabelSchema, method: Method, project: str, at: datetime
) -> list[AnnotatorSkill]:
    """An annotator whom nobody answered beside has the prior's skill."""
    by_task: dict[str, list[Said]] = defaultdict(list)
    for task, each in answers:
        by_task[task].append(each)
    several = [each for each in by_task.values() if len(each) > 1][-_MOST_COMPARED:]
    right: dict[str, float] = defaultdict(float)
    total = dict.fromkeys(sorted(each.annotator for _, each in answers), 0)
    merger = merger_of(schema.kind)
    for said in several:
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
    try:
        return Said(annotator, read(label, schema))
    except LabelError:
        return None
