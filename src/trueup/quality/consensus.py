"""Is the label sure enough? Yes: accept. No: one more annotator, then a reviewer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from trueup.errors import ConfigurationError
from trueup.model import Annotation, AnnotatorSkill, Consensus, ConsensusPolicy, Record, Task, content_id
from trueup.quality.methods import METHODS


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
    if policy.method not in METHODS:
        known = ", ".join(sorted(METHODS))
        raise ConfigurationError(f"consensus.method is {policy.method!r}; methods: {known}", field="consensus.method")
    if len(annotations) < task.overlap:
        return Waiting(reason=f"{len(annotations)} of {task.overlap} answers are in")
    consensus = _consensus(task, annotations, policy, classes, skills, at)
    if consensus.posterior >= policy.target:
        return Accepted(consensus=consensus)
    doubt = f"{consensus.label!r} has posterior {consensus.posterior:.2f}, below the target {policy.target:.2f}"
    if task.overlap < policy.max_overlap:
        return MoreAnswers(reason=doubt)
    return NeedsReview(reason=f"{doubt}, after {len(annotations)} answers", consensus=consensus)


def _consensus(
    task: Task,
    annotations: Sequence[Annotation],
    policy: ConsensusPolicy,
    classes: Sequence[str],
    skills: Mapping[str, AnnotatorSkill],
    at: datetime,
) -> Consensus:
    labels = [(each.annotator, each.label) for each in annotations]
    posterior = METHODS[policy.method].posterior(labels, classes, skills)
    winner = int(np.argmax(posterior))
    ids = tuple(sorted(each.annotation_id for each in annotations))
    return Consensus(
        project=task.project,
        consensus_id=content_id(task.task_id, policy.method, classes[winner], *ids)[:32],
        task_id=task.task_id,
        sample_id=task.sample_id,
        label=classes[winner],
        posterior=round(float(posterior[winner]), 6),
        agreement=round(sum(label == classes[winner] for _, label in labels) / len(labels), 6),
        method=policy.method,
        annotation_ids=ids,
        reached_at=at,
    )
