"""A lead's figures: how long tasks wait, what people did, how far they agree, how good they are, what it cost.

Drift: an annotator's share of right answers of late against that of before, by the test of two proportions (pooled
z, one-sided at 0.5 %): who gets careless, or was never told that the guidelines changed.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median

import numpy as np
from msgspec.structs import replace

from trueup.model import (
    IMPORTED_ANNOTATOR,
    MODEL_ANNOTATOR,
    Annotation,
    AnnotatorFigures,
    AnnotatorSkill,
    Charge,
    Figure,
    GoldAnswer,
    Project,
    QualityReport,
    ServiceCost,
    Standing,
    Task,
    VersionQuality,
)
from trueup.quality.agreement import Agreement, Metric, agreement, by_class
from trueup.quality.answers import Answers
from trueup.quality.fitting import Votes, likenesses, votes_of
from trueup.quality.intervals import wilson
from trueup.quality.methods import Method

_AGES = {"an hour": 1, "a day": 24, "a week": 24 * 7}
_OLDER = "longer"
_DAYS = 14
_WEEKS = 8
_RESAMPLES = 200
_MOST_CLASSES = 20
_MOST_ANNOTATORS = 300
# Of so many answers and more, the newest third but no more than fifty are held against those before.
_ENOUGH, _RECENT = 30, 50
_CLEARLY = 2.576


def report(
    project: Project,
    open_tasks: Sequence[Task],
    counts: Mapping[str, int],
    annotations: Sequence[Annotation],
    skills: Sequence[AnnotatorSkill],
    method: Method,
    at: datetime,
) -> QualityReport:
    """From the open tasks that were looked at, and live annotations, oldest first."""
    schema = project.label_schema
    votes = votes_of(annotations, schema)
    alike = {} if votes is not None else likenesses(annotations, schema, method)
    people = [each for each in annotations if not each.annotator.startswith((MODEL_ANNOTATOR, IMPORTED_ANNOTATOR))]
    hours = sum(each.seconds_spent for each in people) / 3600
    wage = project.annotation.hourly_cost
    return QualityReport(
        project=project.name,
        at=at,
        tasks=dict(counts),
        ages=_ages(open_tasks, at),
        overdue=sum(each.due_at is not None and each.due_at < at for each in open_tasks),
        oldest_seconds=max(((at - each.opened_at).total_seconds() for each in open_tasks), default=None),
        days=_days(annotations, at),
        agreement=_agreement(votes, alike),
        by_class=_by_class(votes),
        by_week=_by_week(annotations, project, method, at),
        annotators=_annotators(annotations, skills, _right(votes, method), project),
        looked_at=len(annotations),
        hours=round(hours, 4),
        cost=None if wage is None else round(hours * wage, 2),
        currency=project.annotation.currency,
        by_slice=_by_slice(annotations, project, method),
    )


def with_gold(
    annotators: Sequence[AnnotatorFigures], answers: Sequence[GoldAnswer], standings: Sequence[Standing]
) -> tuple[AnnotatorFigures, ...]:
    """With what gold tasks say of them, and how they stand."""
    scores: dict[str, list[float]] = defaultdict(list)
    for each in answers:
        scores[each.annotator].append(each.score)
    stands = {each.annotator: each.status for each in standings}
    told = [_with_scores(each, scores[each.annotator]) for each in annotators]
    return tuple(replace(each, standing=stands.get(each.annotator, each.standing)) for each in told)


def _with_scores(figures: AnnotatorFigures, scores: Sequence[float]) -> AnnotatorFigures:
    if not scores:
        return figures
    low, high = wilson(sum(scores), len(scores))
    right = round(sum(scores) / len(scores), 4)
    return replace(figures, gold=len(scores), gold_right=right, gold_low=round(low, 4), gold_high=round(high, 4))


def service_costs(charges: Sequence[Charge], at: datetime) -> tuple[ServiceCost, ...]:
    """What each labeling service charged, by its name and currency."""
    grouped: dict[tuple[str, str], list[Charge]] = defaultdict(list)
    for each in charges:
        grouped[each.backend, each.currency].append(each)
    return tuple(_service(given, f"{at:%Y-%m}") for _, given in sorted(grouped.items()))


def _service(charges: Sequence[Charge], month: str) -> ServiceCost:
    return ServiceCost(
        backend=charges[0].backend,
        currency=charges[0].currency,
        batches=len(charges),
        objects=sum(each.objects for each in charges),
        answers=sum(each.answers for each in charges),
        amount=round(sum(each.amount for each in charges), 4),
        this_month=round(sum(each.amount for each in charges if each.month == month), 4),
    )


def drifts(recent: Sequence[float], earlier: Sequence[float]) -> bool:
    """Whether the recent shares of right answers lie clearly below the earlier ones."""
    both = (sum(recent) + sum(earlier)) / (len(recent) + len(earlier))
    spread = math.sqrt(max(both * (1 - both), 1e-6) * (1 / len(recent) + 1 / len(earlier)))
    return (sum(earlier) / len(earlier) - sum(recent) / len(recent)) / spread > _CLEARLY


def _ages(tasks: Sequence[Task], at: datetime) -> dict[str, int]:
    found = dict.fromkeys([*_AGES, _OLDER], 0)
    for each in tasks:
        hours = (at - each.opened_at).total_seconds() / 3600
        found[next((name for name, most in _AGES.items() if hours <= most), _OLDER)] += 1
    return found


def _days(annotations: Sequence[Annotation], at: datetime) -> dict[str, int]:
    days = [f"{at - timedelta(days=back):%Y-%m-%d}" for back in range(_DAYS - 1, -1, -1)]
    counted = Counter(f"{each.submitted_at:%Y-%m-%d}" for each in annotations)
    return {day: counted[day] for day in days}


def _agreement(votes: Votes | None, alike: Mapping[str, Sequence[float]], name: str = "all") -> Figure:
    if votes is not None:
        answers = Answers.of(votes.triples, votes.classes)
        return _figure(name, agreement(answers, Metric.KRIPPENDORFF, resamples=_RESAMPLES))
    means = np.array([float(np.mean(each)) for each in alike.values()])
    if not len(means):
        return Figure(name=name, value=None, low=None, high=None, samples=0)
    drawn = means[np.random.default_rng(0).integers(0, len(means), (_RESAMPLES, len(means)))].mean(axis=1)
    low, high = np.quantile(drawn, (0.05, 0.95))
    return _figure(name, Agreement(float(means.mean()), float(low), float(high), len(means)))


def _by_class(votes: Votes | None) -> tuple[Figure, ...]:
    if votes is None or not votes.triples:
        return ()
    found = by_class(Answers.of(votes.triples, votes.classes), Metric.KRIPPENDORFF, resamples=_RESAMPLES)
    return tuple(_figure(str(name), each) for name, each in list(found.items())[:_MOST_CLASSES])


def _by_week(annotations: Sequence[Annotation], project: Project, method: Method, at: datetime) -> tuple[Figure, ...]:
    """The weeks in which a sample's first answer came."""
    first: dict[str, datetime] = {}
    for each in annotations:
        first.setdefault(each.task_id, each.submitted_at)
    weeks: dict[str, list[Annotation]] = defaultdict(list)
    for each in annotations:
        if at - first[each.task_id] < timedelta(weeks=_WEEKS):
            weeks[f"{first[each.task_id]:%G-W%V}"].append(each)
    return tuple(_agreement_of(given, week, project, method) for week, given in sorted(weeks.items()))


def _by_slice(annotations: Sequence[Annotation], project: Project, method: Method) -> tuple[Figure, ...]:
    """Those with the most answers first."""
    slices: dict[str, list[Annotation]] = defaultdict(list)
    for each in annotations:
        if each.slice is not None:
            slices[each.slice].append(each)
    largest = sorted(slices.items(), key=lambda each: (-len(each[1]), each[0]))[:_MOST_CLASSES]
    return tuple(_agreement_of(given, name, project, method) for name, given in largest)


def _agreement_of(given: Sequence[Annotation], name: str, project: Project, method: Method) -> Figure:
    votes = votes_of(given, project.label_schema)
    alike = {} if votes is not None else likenesses(given, project.label_schema, method)
    return _agreement(votes, alike, name)


def _right(votes: Votes | None, method: Method) -> dict[tuple[str, str], float]:
    """How likely each answer is right, by task and annotator, where others answered too; of one class a sample."""
    if votes is None or not votes.triples:
        return {}
    answers = Answers.of(votes.triples, votes.classes)
    chances = method.fit(answers).posterior[answers.sample_of, answers.label_of]
    shared = answers.counts[answers.sample_of] > 1
    return {
        (answers.samples[sample], answers.annotators[who]): float(chance)
        for sample, who, chance, told in zip(answers.sample_of, answers.annotator_of, chances, shared, strict=True)
        if told
    }


def _annotators(
    annotations: Sequence[Annotation],
    skills: Sequence[AnnotatorSkill],
    right: Mapping[tuple[str, str], float],
    project: Project,
) -> tuple[AnnotatorFigures, ...]:
    by_name: dict[str, list[Annotation]] = defaultdict(list)
    for each in annotations:
        by_name[each.annotator].append(each)
    known = {each.annotator: each for each in skills}
    classified = project.label_schema.kind in ("classification", "preference")
    found = [
        _annotator(name, given, known[name], right if classified else {})
        for name, given in by_name.items()
        if name in known
    ]
    return tuple(sorted(found, key=lambda each: (-each.answers, each.annotator))[:_MOST_ANNOTATORS])


def _annotator(
    name: str, given: Sequence[Annotation], skill: AnnotatorSkill, right: Mapping[tuple[str, str], float]
) -> AnnotatorFigures:
    told = [right[each.task_id, name] for each in given if (each.task_id, name) in right]
    late = min(_RECENT, len(told) // 3)
    recent, earlier = (told[-late:], told[:-late]) if len(told) >= _ENOUGH else ([], [])
    return AnnotatorFigures(
        annotator=name,
        answers=len(given),
        seconds=round(median(each.seconds_spent for each in given), 1),
        last_at=given[-1].submitted_at,
        skill=skill.skill,
        low=skill.low,
        high=skill.high,
        recent=round(sum(recent) / len(recent), 4) if recent else None,
        earlier=round(sum(earlier) / len(earlier), 4) if earlier else None,
        drifts=bool(recent) and drifts(recent, earlier),
    )


def _figure(name: str, found: Agreement) -> Figure:
    return Figure(
        name=name, value=_number(found.value), low=_number(found.low), high=_number(found.high), samples=found.samples
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def version_quality(report: QualityReport) -> VersionQuality:
    """What a dataset version keeps of a report."""
    gold = sum(each.gold for each in report.annotators)
    right = sum(each.gold * each.gold_right for each in report.annotators if each.gold_right is not None)
    return VersionQuality(
        at=report.at,
        agreement=report.agreement,
        answers=report.looked_at,
        annotators=len(report.annotators),
        gold=gold,
        gold_right=right / gold if gold else None,
    )
