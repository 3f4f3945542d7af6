"""Is the label sure enough? Yes: accept. No: one more annotator, then a reviewer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from trueup.model import (
    Annotation,
    AnnotatorSkill,
    Consensus,
    ConsensusPolicy,
    Prediction,
    Record,
    Task,
    content_id,
)
from trueup.quality.answers import Floats
from trueup.quality.methods import Method, method_named
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


def judge(
    task: Task,
    annotations: Sequence[Annotation],
    policy: ConsensusPolicy,
    classes: Sequence[str],
    skills: Mapping[str, AnnotatorSkill],
    at: datetime,
) -> Verdict:
    """Judge a task on its live annotations. Raises ConfigurationError for an unknown method."""
    method = method_named(policy.method)
    if len(annotations) < task.overlap:
        return Waiting(reason=f"{len(annotations)} of {task.overlap} answers are in")
    posterior = _posterior(method, task, annotations, classes, skills)
    consensus = _consensus(posterior, task, annotations, policy, classes, at)
    if consensus.posterior >= policy.target:
        return Accepted(consensus=consensus)
    doubt = f"{consensus.label!r} has posterior {consensus.posterior:.2f}, below the target {policy.target:.2f}"
    if task.overlap < policy.max_overlap:
        rise = gain(posterior, usual_skill(skills.values()), policy.max_overlap - task.overlap)
        if rise >= policy.min_gain:
            return MoreAnswers(reason=doubt)
        hardly = f"{doubt}, and another answer would raise it by no more than {rise:.3f}"
        return NeedsReview(reason=hardly, consensus=consensus)
    return NeedsReview(reason=f"{doubt}, after {len(annotations)} answers", consensus=consensus)


def _posterior(
    method: Method,
    task: Task,
    annotations: Sequence[Annotation],
    classes: Sequence[str],
    skills: Mapping[str, AnnotatorSkill],
) -> Floats:
    labels = [(each.annotator, each.label) for each in annotations]
    return method.posterior(labels, classes, skills, _chances(task.prediction, classes))


def _consensus(
    posterior: Floats,
    task: Task,
    annotations: Sequence[Annotation],
    policy: ConsensusPolicy,
    classes: Sequence[str],
    at: datetime,
) -> Consensus:
    best = winner(posterior, classes, task.sample_id)
    ids = tuple(sorted(each.annotation_id for each in annotations))
    return Consensus(
        project=task.project,
        consensus_id=content_id(task.task_id, policy.method, classes[best], *ids)[:32],
        task_id=task.task_id,
        sample_id=task.sample_id,
        label=classes[best],
        posterior=round(float(posterior[best]), 6),
        agreement=round(sum(each.label == classes[best] for each in annotations) / len(annotations), 6),
        method=policy.method,
        annotation_ids=ids,
        reached_at=at,
    )


def _chances(prediction: Prediction | None, classes: Sequence[str]) -> Floats | None:
    """What the model said of the classes, float64[k], or None where it named none of them. What it left to others is
    spread over the classes that it did not name."""
    if prediction is None or not prediction.probabilities:
        return None
    named = dict(zip(prediction.classes, prediction.probabilities, strict=True))
    found = np.array([named.get(each, -1.0) for each in classes])
    unnamed = found < 0
    left = max(0.0, 1.0 - float(found[~unnamed].sum()))
    found[unnamed] = left / max(1, int(unnamed.sum()))
    return found / found.sum() if found.sum() > 0 and not unnamed.all() else None
