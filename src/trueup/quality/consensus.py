"""Is the label sure enough? Yes: accept. No: one more annotator, then a reviewer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from trueup.labels.brief import brief
from trueup.labels.naming import is_none, value_of
from trueup.labels.reading import checked, read, written
from trueup.labels.renaming import with_todays_names
from trueup.labels.values import NoneOfThese
from trueup.model import (
    Annotation,
    AnnotatorSkill,
    Consensus,
    ConsensusPolicy,
    LabelSchema,
    Prediction,
    Record,
    Task,
    content_id,
)
from trueup.quality.answers import Floats
from trueup.quality.merging import Said, likeness, merger_of
from trueup.quality.methods import method_named
from trueup.quality.overlap import gain, usual_skill
from trueup.quality.ties import winner


class Accepted(Record, frozen=True, kw_only=True):
    """The posterior reached the target."""

    consensus: Consensus


class MoreAnswers(Record, frozen=True, kw_only=True):
    """Not sure, and another annotator may still be asked."""

    reason: str


class NeedsReview(Record, frozen=True, kw_only=True):
    """Not sure, and everybody who may be asked has answered. `consensus` is the best guess."""

    reason: str
    consensus: Consensus


class Waiting(Record, frozen=True, kw_only=True):
    """Invited annotators have not answered yet."""

    reason: str


Verdict = Accepted | MoreAnswers | NeedsReview | Waiting


@dataclass(frozen=True)
class _Guess:
    """The best label, and the posterior of it and of what it might be instead, float64[k]."""

    label: str
    chances: Floats

    @property
    def posterior(self) -> float:
        return round(float(self.chances.max()), 6)


def judge(
    task: Task,
    annotations: Sequence[Annotation],
    policy: ConsensusPolicy,
    schema: LabelSchema,
    skills: Mapping[str, AnnotatorSkill],
    at: datetime,
) -> Verdict:
    """Judge a task on its live annotations, whatever their kind. Answers by which no class fits are none of the
    classes: half of them, or anybody's flag, are a reviewer's matter. Names of before count as today's. Raises
    ConfigurationError for an unknown method.
    """
    if len(annotations) < task.overlap:
        return Waiting(reason=f"{len(annotations)} of {task.overlap} answers are in")
    annotations = with_todays_names(annotations, schema)
    told = [each for each in annotations if not is_none(each.label)]
    if 2 * len(told) <= len(annotations):
        return _nothing_fits(task, annotations, policy, schema, at)
    guess = _guess(task, told, policy, schema, skills)
    consensus = _consensus(guess, task, annotations, policy, schema, at)
    flagged = next((each for each in annotations if each.flagged), None)
    if flagged is not None:
        said = f": {flagged.comment}" if flagged.comment else ""
        return NeedsReview(reason=f"{flagged.annotator} flagged it{said}", consensus=consensus)
    return _sure_enough(guess, consensus, task, policy, skills)


def _sure_enough(
    guess: _Guess, consensus: Consensus, task: Task, policy: ConsensusPolicy, skills: Mapping[str, AnnotatorSkill]
) -> Verdict:
    if guess.posterior >= policy.target:
        return Accepted(consensus=consensus)
    doubt = f"{brief(guess.label)!r} has posterior {guess.posterior:.2f}, below the target {policy.target:.2f}"
    if task.overlap < policy.max_overlap:
        rise = gain(guess.chances, usual_skill(skills.values()), policy.max_overlap - task.overlap)
        if rise >= policy.min_gain:
            return MoreAnswers(reason=doubt)
        hardly = f"{doubt}, and another answer would raise it by no more than {rise:.3f}"
        return NeedsReview(reason=hardly, consensus=consensus)
    return NeedsReview(reason=f"{doubt}, after {task.overlap} answers", consensus=consensus)


def _nothing_fits(
    task: Task, annotations: Sequence[Annotation], policy: ConsensusPolicy, schema: LabelSchema, at: datetime
) -> NeedsReview:
    none = Counter(each.label for each in annotations if is_none(each.label))
    best, _ = max(none.items(), key=lambda each: (each[1], len(each[0]), each[0]))
    share = none.total() / len(annotations)
    proposed = sorted({value.proposed for each in none if isinstance(value := value_of(each), NoneOfThese)} - {""})
    names = f", and propose {', '.join(proposed)}" if proposed else ""
    return NeedsReview(
        reason=f"{none.total()} of {len(annotations)} say that no class fits{names}",
        consensus=_consensus(_Guess(best, np.array([share])), task, annotations, policy, schema, at),
    )


def _guess(
    task: Task,
    annotations: Sequence[Annotation],
    policy: ConsensusPolicy,
    schema: LabelSchema,
    skills: Mapping[str, AnnotatorSkill],
) -> _Guess:
    method = method_named(policy.method)
    if schema.kind == "classification":
        labels = [(each.annotator, each.label) for each in annotations]
        chances = method.posterior(labels, schema.names, skills, _chances(task.prediction, schema))
        return _Guess(schema.names[winner(chances, schema.names, task.sample_id)], chances)
    said = [Said(each.annotator, read(each.label, schema)) for each in annotations]
    merged = merger_of(schema.kind).merge(said, schema, skills, method)
    label = checked(written(merged.value), schema)
    return _Guess(label, np.array([merged.posterior, max(0.0, 1 - merged.posterior)]))


def _consensus(
    guess: _Guess,
    task: Task,
    annotations: Sequence[Annotation],
    policy: ConsensusPolicy,
    schema: LabelSchema,
    at: datetime,
) -> Consensus:
    ids = tuple(sorted(each.annotation_id for each in annotations))
    return Consensus(
        project=task.project,
        consensus_id=content_id(task.task_id, policy.method, guess.label, *ids)[:32],
        task_id=task.task_id,
        sample_id=task.sample_id,
        label=guess.label,
        posterior=guess.posterior,
        agreement=agreement_with(guess.label, annotations, schema),
        method=policy.method,
        annotation_ids=ids,
        reached_at=at,
        annotators=tuple(sorted({each.annotator for each in annotations})),
    )


def agreement_with(label: str, annotations: Sequence[Annotation], schema: LabelSchema) -> float:
    """How far annotators agree with a label: the share who gave it, or how like it theirs are in the mean, 0 to 1;
    1 without any."""
    shares = [likeness(each.label, label, schema) for each in annotations]
    return round(sum(shares) / len(shares), 6) if shares else 1.0


def _chances(prediction: Prediction | None, schema: LabelSchema) -> Floats | None:
    """What the model said of the classes, float64[k], or None where it named none of them. What it left to others is
    spread over the classes that it did not name."""
    if prediction is None or not prediction.probabilities:
        return None
    named: dict[str, float] = defaultdict(float)
    for name, chance in zip(prediction.classes, prediction.probabilities, strict=True):
        named[schema.renamed.get(name, name)] += chance
    found = np.array([named.get(each, -1.0) for each in schema.names])
    unnamed = found < 0
    left = max(0.0, 1.0 - float(found[~unnamed].sum()))
    found[unnamed] = left / max(1, int(unnamed.sum()))
    return found / found.sum() if found.sum() > 0 and not unnamed.all() else None
