"""What trueup says on its bus: one frozen record per event type, versioned, with a JSON Schema each.

The detail-type on EventBridge is the class's name, the source is `trueup`, the detail is
{"version": <schema version>, "id": <event id>, "at": <ISO time>, "data": {…the record…}}. Fields are only
ever added within a version; docs/events.md is generated from here and a test fails when it drifts.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import msgspec

from trueup.model import FileReceipt, Record, content_id

SOURCE = "trueup"


class Event(Record, frozen=True, kw_only=True):
    """Parent of all events. `project` says whose loop it belongs to."""

    project: str

    schema_version: int = 1


class CapturesIngested(Event, frozen=True, kw_only=True):
    """A capture file is wholly accounted for. One per file."""

    receipt: FileReceipt


class TasksOpened(Event, frozen=True, kw_only=True):
    """Samples were selected and tasks opened for them."""

    task_ids: tuple[str, ...]
    file_id: str


class FeedbackJoined(Event, frozen=True, kw_only=True):
    """A user's correction, or the real outcome, met the capture that it speaks of. `outcome` is agreed, asked, labelled
    or known."""

    feedback_id: str
    kind: str
    label: str
    predicted: str
    sample_id: str
    outcome: str


class AnnotationSubmitted(Event, frozen=True, kw_only=True):
    """An annotator answered, or corrected an answer."""

    task_id: str
    annotation_id: str
    annotator: str


class AnnotationWithdrawn(Event, frozen=True, kw_only=True):
    """An annotator took an answer back: it counts no more. `annotation_id` is that of the answer."""

    task_id: str
    annotation_id: str
    annotator: str


class BatchEnded(Event, frozen=True, kw_only=True):
    """A batch of tasks came back from a labeling service. `amount` is what that charges for it by its list price, in
    `currency`, for the `objects` that it labelled."""

    batch: str
    backend: str
    status: str
    objects: int
    answers: int
    amount: float
    currency: str


class TaskSkipped(Event, frozen=True, kw_only=True):
    """An annotator passed a task on."""

    task_id: str
    annotator: str
    reason: str


class GuidelinesChanged(Event, frozen=True, kw_only=True):
    """Annotators read something else from now on."""

    number: int
    by: str
    reason: str


class QueueChanged(Event, frozen=True, kw_only=True):
    """A lead paused a project's queue, drains it, or opened it again."""

    status: str
    by: str
    reason: str


class GoldAnswered(Event, frozen=True, kw_only=True):
    """An annotator answered a task whose label is known; `score` is how right, 0 to 1."""

    task_id: str
    gold_id: str
    annotator: str
    score: float


class StandingChanged(Event, frozen=True, kw_only=True):
    """An annotator is warned, suspended, or active again."""

    annotator: str
    status: str
    by: str
    reason: str


class TaskCancelled(Event, frozen=True, kw_only=True):
    """Nobody is asked about a task any more."""

    task_id: str
    by: str
    reason: str


class TaskPrioritised(Event, frozen=True, kw_only=True):
    """A task is to be answered before others."""

    task_id: str
    by: str


class OverlapExtended(Event, frozen=True, kw_only=True):
    """The answers were not sure enough: one more annotator is asked."""

    task_id: str
    overlap: int


class ConsensusReached(Event, frozen=True, kw_only=True):
    """A task's label is trusted. `label` is the class; of other kinds what it says in a few words, the whole label
    being that of the consensus."""

    task_id: str
    sample_id: str
    consensus_id: str
    label: str
    posterior: float


class ReviewRequested(Event, frozen=True, kw_only=True):
    """The answers dispute each other and the overlap is used up: a reviewer must rule."""

    task_id: str
    reason: str


class TaskRuled(Event, frozen=True, kw_only=True):
    """A reviewer gave a task its label, as ConsensusReached tells it, or found that no class fits; `before` is the one
    that it had."""

    task_id: str
    ruling_id: str
    reviewer: str
    label: str
    before: str | None


class TaskReturned(Event, frozen=True, kw_only=True):
    """A reviewer sent a task back: one more annotator is asked."""

    task_id: str
    ruling_id: str
    reviewer: str


class VersionCommitted(Event, frozen=True, kw_only=True):
    """A new dataset version is head."""

    version_id: str
    number: int
    added: int
    relabelled: int
    classes: tuple[str, ...]


class RefMoved(Event, frozen=True, kw_only=True):
    """A tag or a branch was made, moved or taken away by hand, or the champion's tag by a promotion. `kind` is tag or
    branch; `version_id` is null where the name is gone. Commits tell of themselves with VersionCommitted."""

    kind: str
    name: str
    version_id: str | None
    by: str
    reason: str


class RetrainingStarted(Event, frozen=True, kw_only=True):
    """A retraining run began."""

    run_id: str
    version_id: str
    rule: str
    reason: str


class RetrainingAdvised(Event, frozen=True, kw_only=True):
    """A trigger fired whose action is to notify: a person decides."""

    rule: str
    reason: str


class RetrainingConcluded(Event, frozen=True, kw_only=True):
    """A retraining run ended, whatever its end."""

    run_id: str
    status: str
    outcome: str
    metrics: dict[str, float]


class ModelPromoted(Event, frozen=True, kw_only=True):
    """A candidate became the champion."""

    run_id: str
    model_package_arn: str
    endpoint_name: str
    endpoint_config: str


class SamplesForgotten(Event, frozen=True, kw_only=True):
    """People's data was deleted for good. Whoever has copies of versions that held it reads in the receipt, at `uri`,
    which samples those are, and forgets them too."""

    receipt: int
    by: str
    samples: int
    versions: int
    uri: str


class PromotionFailed(Event, frozen=True, kw_only=True):
    """A promotion did not happen or was rolled back; the champion still serves."""

    run_id: str
    model_package_arn: str
    reason: str


EVENT_TYPES: dict[str, type[Event]] = {
    each.__name__: each
    for each in (
        CapturesIngested,
        TasksOpened,
        FeedbackJoined,
        AnnotationSubmitted,
        AnnotationWithdrawn,
        BatchEnded,
        TaskSkipped,
        TaskCancelled,
        TaskPrioritised,
        QueueChanged,
        GuidelinesChanged,
        GoldAnswered,
        StandingChanged,
        OverlapExtended,
        ConsensusReached,
        ReviewRequested,
        TaskRuled,
        TaskReturned,
        VersionCommitted,
        SamplesForgotten,
        RefMoved,
        RetrainingStarted,
        RetrainingAdvised,
        RetrainingConcluded,
        ModelPromoted,
        PromotionFailed,
    )
}


class Envelope(Record, frozen=True, kw_only=True):
    """An event as it travels: `event_id` is derived from the content, so a repeat has the same id."""

    event_id: str
    event_type: str
    at: datetime
    data: dict[str, Any]
    version: int = 1

    @property
    def project(self) -> str:
        return str(self.data["project"])


def seal(event: Event, at: datetime) -> Envelope:
    """Put an event into its envelope. The id depends on the type and content alone, not on the time."""
    name = type(event).__name__
    data = msgspec.to_builtins(event)
    raw = msgspec.json.encode(data, order="deterministic")
    event_id = content_id(name, raw)[:32]
    return Envelope(event_id=event_id, event_type=name, at=at, data=data, version=event.schema_version)


def unseal(event_type: str, detail: dict[str, Any]) -> Event:
    """The event inside a bus detail. Raises KeyError (unknown type), msgspec.ValidationError (bad data)."""
    return msgspec.convert(detail["data"], EVENT_TYPES[event_type])


def json_schemas() -> dict[str, dict[str, Any]]:
    """One JSON Schema (2020-12) per event type, of the whole bus detail."""
    return {name: _detail_schema(kind) for name, kind in EVENT_TYPES.items()}


def _detail_schema(kind: type[Event]) -> dict[str, Any]:
    (data,), definitions = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.__name__,
        "description": (kind.__doc__ or "").strip(),
        "type": "object",
        "required": ["version", "id", "at", "data"],
        "properties": {
            "version": {"const": 1},
            "id": {"type": "string", "minLength": 32, "maxLength": 32},
            "at": {"type": "string", "format": "date-time"},
            "data": data,
        },
        "$defs": definitions,
    }


def documentation() -> str:
    """docs/events.md: every event with what it means and its schema."""
    intro = (
        "# Events\n\nWhat trueup says on its bus: the source is `trueup`, the detail-type the event's name. "
        "Generated by `python -m trueup.events > docs/events.md`.\n"
    )
    schemas = json_schemas()
    parts = [intro]
    for name, kind in EVENT_TYPES.items():
        schema = msgspec.json.format(msgspec.json.encode(schemas[name], order="deterministic"), indent=1).decode()
        parts.append(f"\n## {name}\n\n{(kind.__doc__ or '').strip()}\n\n```json\n{schema}\n```\n")
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(documentation())
