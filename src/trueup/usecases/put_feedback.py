"""What somebody knows of an inference is kept until its capture is found. Every way in ends here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from trueup.errors import InputError
from trueup.labels.reading import checked
from trueup.model import Feedback, Project, Record
from trueup.ports import Clock, FeedbackStore
from trueup.usecases.find_project import project_named

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
_By = Annotated[str, msgspec.Meta(max_length=200)]
_Index = Annotated[int, msgspec.Meta(ge=0, le=100_000)]


class Remark(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A label for the inference that `event_id` or `inference_id` names, one of the two, and for the `index`-th record
    of its request. `kind` is `override` for a user's correction, `truth` for the real outcome. `inferred_at` says when
    the inference was made, which spares a search."""

    label: _Label
    kind: Literal["override", "truth"] = "override"
    event_id: _Id | None = None
    inference_id: _Id | None = None
    index: _Index = 0
    inferred_at: datetime | None = None

    def __post_init__(self) -> None:
        if (self.event_id is None) == (self.inference_id is None):
            raise ValueError("give `inference_id` or `event_id`, one of the two")
        if self.inferred_at is not None and self.inferred_at.tzinfo is None:
            raise ValueError("`inferred_at` has no time zone: end it in Z or +00:00")


class Report(Remark, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A remark on an inference of a project's endpoint; `by` says whose word it is."""

    project: str
    by: _By = ""


class Received(Record, frozen=True, kw_only=True):
    """`repeated` tells that it was there already and nothing was written."""

    feedback: Feedback
    repeated: bool


@dataclass(frozen=True)
class PutFeedback:
    """The same word of the same person on the same inference again changes nothing.

    Raises NotFoundError (no such project), LabelError (not in the schema), InputError (from the future).
    """

    projects: Mapping[str, Project]
    feedback: FeedbackStore
    clock: Clock

    def __call__(self, report: Report) -> Received:
        feedback = self.check(report)
        return Received(feedback=feedback, repeated=not self.feedback.put(feedback))

    def check(self, report: Report) -> Feedback:
        """What would be kept. Raises what the call raises."""
        project, now = project_named(self.projects, report.project), self.clock.now()
        label = checked(report.label, project.label_schema)
        if report.inferred_at is not None and report.inferred_at > now:
            raise InputError(f"inferred_at is {report.inferred_at:%Y-%m-%dT%H:%M:%SZ}: not yet", field="inferred_at")
        return Feedback(
            project=project.name,
            kind=report.kind,
            label=label,
            received_at=now,
            event_id=report.event_id,
            inference_id=report.inference_id,
            index=report.index,
            by=report.by,
            inferred_at=report.inferred_at,
        )


def read_report(data: bytes) -> Report:
    """A report from JSON. Raises InputError that says which field is wrong, and what to do."""
    try:
        return msgspec.json.decode(data, type=Report)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"not a feedback: {error}", field="feedback") from error
