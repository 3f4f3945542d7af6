"""How a retraining or a promotion ended: recorded, told, and the project free for the next run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from trueup.dataset.naming import CHAMPION
from trueup.events import Event, ModelPromoted, PromotionFailed, RefMoved, RetrainingConcluded
from trueup.lineage.edges import ACTOR, deployed, registered, trained
from trueup.model import Edge, Record, RetrainingRun, RunStatus, Tag
from trueup.ports import Clock, Journal, RunStore


class Conclusion(Record, frozen=True, kw_only=True):
    """What a state machine reports at its end."""

    project: str
    run_id: str
    outcome: str
    model_package_arn: str | None = None
    training_job: str | None = None
    endpoint_name: str | None = None
    endpoint_config: str | None = None
    reasons: tuple[str, ...] = ()
    metrics: Mapping[str, float] = {}
    reason: str = ""
    step: str = ""
    failure: Mapping[str, object] | str | None = None


_STATUS = {
    "registered": RunStatus.AWAITING_APPROVAL,
    "rejected": RunStatus.REJECTED,
    "failed": RunStatus.FAILED,
    "promoted": RunStatus.PROMOTED,
    "rolled_back": RunStatus.ROLLED_BACK,
    "promotion_failed": RunStatus.FAILED,
}
# A late report of the first workflow must not undo what the second one did.
_FINAL = frozenset({RunStatus.PROMOTED, RunStatus.ROLLED_BACK, RunStatus.REJECTED, RunStatus.FAILED})


@dataclass(frozen=True)
class ConcludeRun:
    """Record an end. The same conclusion again changes nothing. Raises NotFoundError, KeyError (outcome)."""

    runs: RunStore
    clock: Clock

    def __call__(self, conclusion: Conclusion) -> RetrainingRun:
        run = self.runs.get(conclusion.project, conclusion.run_id)
        status = _STATUS[conclusion.outcome]
        if run.status is status or run.status in _FINAL:
            return run
        now = self.clock.now()
        ended = msgspec.structs.replace(
            run,
            status=status,
            ended_at=now,
            training_job=conclusion.training_job or run.training_job,
            model_package_arn=conclusion.model_package_arn or run.model_package_arn,
            endpoint_config=conclusion.endpoint_config or run.endpoint_config,
            outcome=_sentence(conclusion),
            metrics=conclusion.metrics or run.metrics,
        )
        tags = (_champion(ended),) if status is RunStatus.PROMOTED else ()
        events = (*_events(ended, conclusion), *(_moved(each) for each in tags))
        journal = Journal(at=now, edges=self._edges(ended, conclusion), events=events, tags=tags)
        self.runs.save(ended, journal)
        return ended

    def _edges(self, run: RetrainingRun, conclusion: Conclusion) -> tuple[Edge, ...]:
        now = self.clock.now()
        edges: list[Edge] = []
        if conclusion.outcome in ("registered", "rejected") and run.training_job:
            edges.append(trained(run, run.training_job, now))
        if conclusion.outcome == "registered" and run.training_job and run.model_package_arn:
            edges += registered(run, run.training_job, run.model_package_arn, now)
        if conclusion.outcome == "promoted" and run.model_package_arn and run.endpoint_config:
            edges += deployed(run, run.model_package_arn, run.endpoint_config, now)
        return tuple(edges)


def _champion(run: RetrainingRun) -> Tag:
    """Of the version that the serving model was trained on."""
    reason = f"run {run.run_id} was promoted"
    at = run.ended_at or run.started_at
    return Tag(project=run.project, name=CHAMPION, version_id=run.version_id, by=ACTOR, at=at, reason=reason)


def _moved(tag: Tag) -> RefMoved:
    return RefMoved(
        project=tag.project, kind="tag", name=tag.name, version_id=tag.version_id, by=tag.by, reason=tag.reason
    )


def _events(run: RetrainingRun, conclusion: Conclusion) -> tuple[Event, ...]:
    if conclusion.outcome == "promoted":
        return (
            ModelPromoted(
                project=run.project,
                run_id=run.run_id,
                model_package_arn=run.model_package_arn or "",
                endpoint_name=conclusion.endpoint_name or "",
                endpoint_config=run.endpoint_config or "",
            ),
        )
    if conclusion.outcome in ("rolled_back", "promotion_failed"):
        return (
            PromotionFailed(
                project=run.project,
                run_id=run.run_id,
                model_package_arn=run.model_package_arn or "",
                reason=run.outcome,
            ),
        )
    return (
        RetrainingConcluded(
            project=run.project,
            run_id=run.run_id,
            status=run.status.value,
            outcome=run.outcome,
            metrics=dict(run.metrics),
        ),
    )


def _sentence(conclusion: Conclusion) -> str:
    if conclusion.outcome in ("failed", "promotion_failed"):
        return f"{conclusion.step} failed: {_cause(conclusion.failure)}"
    if conclusion.outcome == "rolled_back":
        return f"rolled back: {conclusion.reason}"
    if conclusion.outcome == "promoted":
        return f"serves on {conclusion.endpoint_name} as {conclusion.endpoint_config}"
    return "; ".join(conclusion.reasons) or conclusion.outcome


def _cause(failure: Mapping[str, object] | str | None) -> str:
    if isinstance(failure, Mapping):
        return f"{failure.get('Error', 'error')}: {_reason(str(failure.get('Cause', '')))}"[:1000]
    return str(failure or "no cause was given")[:1000]


def _reason(cause: str) -> str:
    """Step Functions gives as the cause the whole description of a failed SageMaker job, or a function's whole error
    with its stack trace: the reason is in there."""
    try:
        job = msgspec.json.decode(cause)
    except msgspec.DecodeError:
        return cause
    if not isinstance(job, dict):
        return cause
    if "errorMessage" in job or "errorType" in job:
        return str(job.get("errorMessage") or job["errorType"])
    # A job that was stopped, by a person or at its time limit, gives no reason but a secondary status.
    return str(job.get("FailureReason") or job.get("SecondaryStatus") or cause)
