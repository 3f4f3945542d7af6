"""Routes of reviewers, leads and admins: what waits for a ruling, and to rule."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from functions.annotation_api.shapes import CallerDeniedError, Label, Name, Remarks, Request, Response
from trueup.model import QueueStatus, Record, Ruling, Task
from trueup.usecases.edit_guidelines import MAX_CHARACTERS
from trueup.usecases.show_reviews import ReviewedTask
from trueup.wiring.annotation_desk import AnnotationDesk

MAY_REVIEW = frozenset({"reviewers", "leads", "admins"})
MAY_LEAD = frozenset({"leads", "admins"})
# As many as fit into the function's time.
MOST_CANCELLED = 500


class Verdict(Record, frozen=True, kw_only=True):
    """A label, and why."""

    label: Label
    comment: Remarks = ""


class QueueWish(Record, frozen=True, kw_only=True):
    """How a queue is to go on; `cancel` empties it, so many tasks at a time."""

    status: Literal["active", "paused", "draining", "cancel"]
    reason: Remarks = ""


class GuidelinesWish(Record, frozen=True, kw_only=True):
    """The whole text, why it changes, and the number of the version that the writer has read."""

    text: Annotated[str, msgspec.Meta(max_length=MAX_CHARACTERS)]
    reason: Remarks
    after: int
    task_id: Name | None = None


class Return(Record, frozen=True, kw_only=True):
    """What the next annotator is to look at."""

    comment: Remarks


def list_reviews(desk: AnnotationDesk, request: Request) -> Response:
    _check(request)
    return Response(body={"tasks": [_listed(each) for each in desk.reviews.waiting(request.path["project"])]})


def show_review(desk: AnnotationDesk, request: Request) -> Response:
    _check(request)
    found = desk.reviews.task(request.path["project"], request.path["task"])
    link = desk.work.link(found.task)
    payload = {"payload_url": link.url, "content_type": link.content_type, "text": link.text}
    return Response(body={**_told(found), **payload})


def rule(desk: AnnotationDesk, request: Request) -> Response:
    _check(request)
    verdict = request.parse(Verdict)
    project, task = request.path["project"], request.path["task"]
    ruled = desk.rule.label(project, task, request.annotator, verdict.label, verdict.comment)
    return Response(body=_ruling(ruled.ruling), status=200 if ruled.repeated else 201, metric="Rulings")


def give_back(desk: AnnotationDesk, request: Request) -> Response:
    _check(request)
    comment = request.parse(Return).comment
    ruled = desk.rule.give_back(request.path["project"], request.path["task"], request.annotator, comment)
    return Response(body=_ruling(ruled.ruling), status=200 if ruled.repeated else 201, metric="Returns")


def list_rulings(desk: AnnotationDesk, request: Request) -> Response:
    _check(request)
    return Response(body={"rulings": [_ruling(each) for each in desk.reviews.rulings(request.path["project"])]})


def write_guidelines(desk: AnnotationDesk, request: Request) -> Response:
    _check(request)
    wish = request.parse(GuidelinesWish)
    made = desk.guidelines.write(
        request.path["project"], wish.text, request.annotator, wish.reason, wish.after, wish.task_id
    )
    return Response(body={"guidelines": made.text, "guidelines_version": made.number})


def list_guidelines(desk: AnnotationDesk, request: Request) -> Response:
    _check(request)
    return Response(body={"versions": desk.guidelines.versions(request.path["project"])})


def list_corrections(desk: AnnotationDesk, request: Request) -> Response:
    _check(request)
    return Response(body={"corrections": desk.corrections(request.path["project"])})


def change_queue(desk: AnnotationDesk, request: Request) -> Response:
    _check_lead(request, "queues are")
    wish = request.parse(QueueWish)
    project = request.path["project"]
    if wish.status == "cancel":
        cancelled = desk.manage.cancel_open(project, request.annotator, wish.reason, MOST_CANCELLED)
        return Response(body={"cancelled": cancelled})
    state = desk.manage.set_status(project, QueueStatus(wish.status), request.annotator, wish.reason)
    return Response(body={"status": state.status, "reason": state.reason})


def show_report(desk: AnnotationDesk, request: Request) -> Response:
    """What quality_report wrote last; null before that."""
    _check_lead(request, "the report is")
    name = desk.manage.state(request.path["project"]).project
    return Response(body={"report": desk.reports.report(name)})


def prioritise(desk: AnnotationDesk, request: Request) -> Response:
    _check_lead(request, "queues are")
    task = desk.manage.prioritise(request.path["project"], request.path["task"], request.annotator)
    return Response(body={"task_id": task.task_id, "priority": task.priority})


def _check_lead(request: Request, what: str) -> None:
    if not request.groups & MAY_LEAD:
        raise CallerDeniedError(f"{what} for leads and admins")


def _check(request: Request) -> None:
    check_reviewer(request, "rulings are")


def check_reviewer(request: Request, what: str) -> None:
    if not request.groups & MAY_REVIEW:
        raise CallerDeniedError(f"{what} for reviewers, leads and admins")


def _listed(task: Task) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "sample_id": task.sample_id,
        "content_type": task.content_type,
        "priority": task.priority,
        "opened_at": task.opened_at,
        "answers": len(task.answered_by),
        "predicted": task.prediction.label if task.prediction else None,
    }


def _told(found: ReviewedTask) -> dict[str, Any]:
    selection, consensus, task = found.selection, found.consensus, found.task
    return {
        **_listed(task),
        "project": task.project,
        "status": task.status,
        "reason": selection.reason if selection else None,
        "prediction": _chances(task),
        "comments": task.comments,
        "skips": task.skips,
        "annotations": [
            {
                "annotator": each.annotator,
                "label": each.label,
                "submitted_at": each.submitted_at,
                "seconds_spent": each.seconds_spent,
                "comment": each.comment,
                "flagged": each.flagged,
            }
            for each in found.annotations
        ],
        "consensus": {"label": consensus.label, "posterior": consensus.posterior, "method": consensus.method}
        if consensus
        else None,
        "rulings": [_ruling(each) for each in found.rulings],
    }


def _chances(task: Task) -> list[dict[str, Any]]:
    if task.prediction is None:
        return []
    pairs = zip(task.prediction.classes, task.prediction.probabilities, strict=False)
    return [{"label": label, "probability": chance} for label, chance in sorted(pairs, key=lambda each: -each[1])]


def _ruling(ruling: Ruling) -> dict[str, Any]:
    return {
        "ruling_id": ruling.ruling_id,
        "task_id": ruling.task_id,
        "reviewer": ruling.reviewer,
        "label": ruling.label,
        "before": ruling.before,
        "version_id": ruling.version_id,
        "comment": ruling.comment,
        "at": ruling.at,
    }
