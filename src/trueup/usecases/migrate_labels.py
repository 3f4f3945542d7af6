"""Classes changed: the newest version's labels become a version under today's, and people are asked about those that no
machine can decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np
from msgspec.structs import replace

from trueup.annotation.answers import live_of_all, of_tasks, without_gold
from trueup.dataset.guards import ASKED_AGAIN
from trueup.dataset.view import View
from trueup.errors import NotFoundError
from trueup.labels.renaming import old_names, renamed, unknown_names
from trueup.labels.schemas import difference, missed_classes, undecided_names, why_asked
from trueup.model import (
    Annotation,
    Change,
    DatasetVersion,
    LabelledSample,
    LabelSchema,
    Project,
    Record,
    Removal,
    Sample,
    TaskStatus,
)
from trueup.ports import Clock, DatasetStore
from trueup.similarity.near_duplicates import Neighbours
from trueup.usecases.asking_again import AskAgain, Wish
from trueup.usecases.find_project import project_named
from trueup.usecases.knowing_splits import note_schema
from trueup.usecases.making_versions import MakeVersion, Proposal

# The newest answers in which is looked for classes that somebody missed, and those that tell how long one takes.
MOST_ANSWERS = 50_000
_TIMED = 500


class Migration(Record, frozen=True, kw_only=True):
    """Of `looked_at` labels `relabelled` change by machine: `names` counts those with each old name, and `renamed` says
    what it is today. `asked` counts the labels whose class was split or removed, by its name: they leave the version
    until people have answered. `missed` counts samples by the new class that somebody missed when they answered; they
    keep their labels, if they have any, until then. `in_review` are such samples that a reviewer rules on anyway.

    `unknown` counts labels with a name that the schema knows nothing of; while there are any, nothing is written and
    nobody is asked. `answers` are how many are wanted of people, which `cost` about so much by the hour that is
    configured and the time that recent answers took. `opened` tasks are new; `version` is the one that was made."""

    looked_at: int
    relabelled: int
    names: Mapping[str, int]
    renamed: Mapping[str, str]
    unknown: Mapping[str, int]
    asked: Mapping[str, int] = {}
    missed: Mapping[str, int] = {}
    in_review: int = 0
    answers: int = 0
    cost: float | None = None
    currency: str = "USD"
    opened: int = 0
    version: DatasetVersion | None = None


@dataclass
class _Plan:
    """What is to be done; `undecided` are lines with the names that people decide on."""

    looked_at: int = 0
    changes: list[LabelledSample] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    undecided: list[tuple[LabelledSample, tuple[str, ...]]] = field(default_factory=list)
    missed: dict[str, tuple[Wish, tuple[str, ...]]] = field(default_factory=dict)
    in_review: int = 0


@dataclass(frozen=True)
class MigrateLabels:
    """Bring head under today's label schema. People are asked first and the version follows, so that what was
    interrupted is finished by the next call; a call more changes nothing.

    Raises NotFoundError (no such project, or no version yet), RetryableError after losing several races.
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore
    clock: Clock
    ask: AskAgain

    def __call__(self, project_name: str, *, by: str = "trueup", dry_run: bool = False) -> Migration:
        project = project_named(self.projects, project_name)
        make = MakeVersion(datasets=self.datasets, clock=self.clock)
        view = make.view(project)
        if view.version is None:
            raise NotFoundError(f"project {project.name} has no dataset version yet")
        plan = _look(view, project.label_schema)
        self._look_for_missed(project, view, plan)
        found = self._told(project, plan)
        if dry_run or found.unknown:
            return found
        note_schema(self.datasets, project, view.version, self.clock.now())
        wishes = [*self._wishes(project, plan), *(wish for wish, _ in plan.missed.values())]
        opened = self.ask(project, wishes)
        if not plan.changes and not plan.undecided:
            return replace(found, opened=opened)
        asked = {line.sample_id for line, _ in plan.undecided}

        def propose(view: View) -> Proposal:
            return Proposal(changes=_changes(_look(view, project.label_schema), asked), placing=True)

        reason = f"labels under schema {project.label_schema.version}"
        return replace(found, opened=opened, version=make(project, propose, reason, by=by))

    def _wishes(self, project: Project, plan: _Plan) -> list[Wish]:
        now, schema = self.clock.now(), project.label_schema
        return [
            Wish(
                sample=self.ask.sample_of(project, line, now),
                why=" ".join(why_asked(each, schema) for each in names),
            )
            for line, names in plan.undecided
        ]

    def _look_for_missed(self, project: Project, view: View, plan: _Plan) -> None:
        """Samples that somebody found no class for, when there was not yet the one that they may have missed; and what
        hardly differs from these, where its annotators did not agree."""
        added = self._added(project)
        if not added:
            return
        answers = live_of_all(without_gold(self.ask.tasks.answers(project.name, MOST_ANSWERS)))
        for each in of_tasks(answers):
            missed = missed_classes(each.label, added)
            if missed and each.schema_version != project.label_schema.version:
                self._note_missed(project, each, missed, plan)
        prints = [int(wish.sample.fingerprint, 16) for wish, _ in plan.missed.values() if wish.sample.fingerprint]
        classes = tuple(dict.fromkeys(name for _, names in plan.missed.values() for name in names))
        for line in _doubtful_near(view, prints) if prints else ():
            sample = self.ask.sample_of(project, line, self.clock.now())
            plan.missed.setdefault(line.sample_id, (_wish_for(sample, classes), classes))

    def _note_missed(self, project: Project, answer: Annotation, missed: tuple[str, ...], plan: _Plan) -> None:
        status = self.ask.tasks.get(project.name, answer.task_id).status
        if status is TaskStatus.REVIEW:
            plan.in_review += 1
        if status in (TaskStatus.SETTLED, TaskStatus.CANCELLED):
            _, before = plan.missed.get(answer.sample_id, (None, ()))
            names = tuple(dict.fromkeys((*before, *missed)))
            sample = self.ask.tasks.sample(project.name, answer.sample_id)
            plan.missed[answer.sample_id] = (_wish_for(sample, names), names)

    def _added(self, project: Project) -> tuple[str, ...]:
        """The classes that the schema before today's did not have."""
        schema = project.label_schema
        before = [each.schema for each in self.datasets.schemas(project.name) if each.version != schema.version]
        return difference(before[-1], schema).added if before else ()

    def _told(self, project: Project, plan: _Plan) -> Migration:
        schema = project.label_schema
        answers = project.consensus.overlap * len({line.sample_id for line, _ in plan.undecided} | set(plan.missed))
        return Migration(
            looked_at=plan.looked_at,
            relabelled=len(plan.changes),
            names=dict(sorted(plan.names.items())),
            renamed={name: schema.renamed[name] for name in sorted(plan.names)},
            unknown=dict(sorted(plan.unknown.items())),
            asked=_counted(names for _, names in plan.undecided),
            missed=_counted(names for _, names in plan.missed.values()),
            in_review=plan.in_review,
            answers=answers,
            cost=self._cost(project, answers),
            currency=project.annotation.currency,
        )

    def _cost(self, project: Project, answers: int) -> float | None:
        """By the mean time of recent answers; None where the hour has no price, or nobody answered yet."""
        hourly = project.annotation.hourly_cost
        if hourly is None or not answers:
            return None if hourly is None else 0.0
        recent = [each.seconds_spent for each in self.ask.tasks.answers(project.name, _TIMED) if each.seconds_spent > 0]
        return round(answers * fmean(recent) / 3600 * hourly, 2) if recent else None


def _look(view: View, schema: LabelSchema) -> _Plan:
    plan = _Plan()
    for line in view:
        plan.looked_at += 1
        plan.unknown.update(unknown_names(line.label, schema))
        undecided = undecided_names(line.label, schema)
        label = renamed(line.label, schema)
        if undecided:
            plan.undecided.append((line, undecided))
        elif label != line.label:
            plan.names.update(old_names(line.label, schema))
            plan.changes.append(replace(line, label=label))
    return plan


def _changes(plan: _Plan, asked: set[str]) -> Sequence[Change]:
    """What came into the version since people were asked stays for the next call."""
    gone = [line.sample_id for line, _ in plan.undecided if line.sample_id in asked]
    return [*plan.changes, *(Removal(sample_id=each, why=ASKED_AGAIN) for each in gone)]


def _wish_for(sample: Sample, names: tuple[str, ...]) -> Wish:
    return Wish(sample=sample, why=f"New since this was answered: {', '.join(names)}. Does it fit now?")


def _doubtful_near(view: View, prints: Sequence[int]) -> list[LabelledSample]:
    """Lines whose annotators did not agree, near one of these fingerprints."""
    doubtful = [each for each in view if each.agreement < 1 and each.fingerprint is not None]
    found = np.array([int(each.fingerprint or "0", 16) for each in doubtful], dtype=np.uint64)
    near: set[int] = set()
    for ones, _ in Neighbours(np.unique(np.array(prints, dtype=np.uint64))).pairs(found):
        near.update(np.unique(ones).tolist())
    return [doubtful[place] for place in sorted(near)]


def _counted(names: Iterable[tuple[str, ...]]) -> dict[str, int]:
    return dict(sorted(Counter(name for each in names for name in each).items()))
