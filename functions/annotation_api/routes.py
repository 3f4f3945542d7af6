"""One function per route of the annotation API: parse, call one use case, answer.

Bodies are checked and refused, never mended: what was wrong stands in the answer, and nothing is cut or rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from functions.annotation_api import lineage, reviews
from functions.annotation_api.shapes import CallerDeniedError, Label, Name, Remarks, Request, Response
from trueup.annotation.queues import open_to
from trueup.model import Prediction, Project, Record
from trueup.usecases.claim_task import ClaimedTask
from trueup.usecases.put_feedback import Remark, Report
from trueup.usecases.submit_annotation import Submission
from trueup.wiring.annotation_desk import AnnotationDesk

REASON_LIMIT = 500
SECONDS_LIMIT = 24 * 60 * 60
Reason = Annotated[str, msgspec.Meta(max_length=REASON_LIMIT)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=SECONDS_LIMIT)]


class Heartbeat(Record, frozen=True, kw_only=True):
    lease_token: Name


class Answer(Record, frozen=True, kw_only=True):
    """An answer under a lease, or a correction that names the annotation which it `supersedes`; `seconds_spent` is at
    most a day. `label` is text as trueup.labels has it."""

    label: Label
    lease_token: Name | None = None
    supersedes: Name | None = None
    seconds_spent: Seconds = 0.0
    comment: Remarks = ""
    flagged: bool = False

    def __post_init__(self) -> None:
        if (self.lease_token is None) == (self.supersedes is None):
            raise ValueError("give `lease_token` for an answer or `supersedes` for a correction, one of the two")


class Skip(Record, frozen=True, kw_only=True):
    """`reason` may be empty and is refused above 500 characters: half a reason could say the opposite."""

    lease_token: Name
    reason: Reason = ""


def list_projects(desk: AnnotationDesk, request: Request) -> Response:
    found = [{**_project(each), "open_tasks": desk.work.open_tasks(each.name)} for each in desk.projects.values()]
    may = {"may_review": bool(request.groups & reviews.MAY_REVIEW), "may_lead": bool(request.groups & reviews.MAY_LEAD)}
    return Response(body={"projects": found, **may})


def show_project(desk: AnnotationDesk, request: Request) -> Response:
    progress = desk.work.progress(request.path["project"], request.annotator)
    project = desk.projects[request.path["project"]]
    state = desk.manage.state(project.name)
    queue = {"status": state.status, "reason": state.reason}
    stands = desk.people.standing(project.name, request.annotator)
    standing = {"status": stands.status, "reason": stands.reason}
    read = desk.guidelines.newest(project.name)
    told: dict[str, Any] = {"guidelines": read.text, "guidelines_version": read.number}
    told["queues"] = [each or project.name for each in open_to(project, request.groups)]
    body = {**_project(project), **told, "progress": progress, "queue": queue, "standing": standing}
    return Response(body=body)


def claim(desk: AnnotationDesk, request: Request) -> Response:
    claimed = desk.claim(request.path["project"], request.annotator, request.groups)
    if claimed is None:
        return Response(body={"task": None})
    return Response(body={"task": _task(desk, claimed)}, metric="Claims")


def heartbeat(desk: AnnotationDesk, request: Request) -> Response:
    token = request.parse(Heartbeat).lease_token
    lease = desk.extend(request.path["project"], request.path["task"], request.annotator, token)
    return Response(body={"lease_expires_at": lease.expires_at})


def submit(desk: AnnotationDesk, request: Request) -> Response:
    answer = request.parse(Answer)
    submission = Submission(
        project=request.path["project"],
        task_id=request.path["task"],
        annotator=request.annotator,
        label=answer.label,
        lease_token=answer.lease_token,
        supersedes=answer.supersedes,
        seconds_spent=answer.seconds_spent,
        comment=answer.comment,
        flagged=answer.flagged,
    )
    submitted = desk.submit(submission)
    annotation = submitted.annotation
    body = {
        "annotation_id": annotation.annotation_id,
        "task_id": annotation.task_id,
        "label": annotation.label,
        "known": desk.work.known(annotation.project, annotation.task_id, annotation.annotator),
    }
    return Response(body=body, status=200 if submitted.repeated else 201, metric="Submissions")


def skip(desk: AnnotationDesk, request: Request) -> Response:
    wish = request.parse(Skip)
    desk.skip(request.path["project"], request.path["task"], request.annotator, wish.lease_token, wish.reason)
    return Response(body={"skipped": True}, metric="Skips")


def payload(desk: AnnotationDesk, request: Request) -> Response:
    link = desk.work.payload(request.path["project"], request.path["task"])
    body = {"payload_url": link.url, "content_type": link.content_type, "text": link.text}
    return Response(body={**body, "expires_at": desk.work.expires_at()})


def my_work(desk: AnnotationDesk, request: Request) -> Response:
    project = request.path["project"]
    progress = desk.work.progress(project, request.annotator)
    items = [
        {
            "annotation_id": each.annotation.annotation_id,
            "task_id": each.annotation.task_id,
            "sample_id": each.annotation.sample_id,
            "label": each.annotation.label,
            "submitted_at": each.annotation.submitted_at,
            "comment": each.annotation.comment,
            "flagged": each.annotation.flagged,
            "status": each.status,
        }
        for each in desk.work.mine(project, request.annotator)
    ]
    return Response(body={"annotations": items, "today": progress.mine_today, "total": progress.mine_total})


def put_feedback(desk: AnnotationDesk, request: Request) -> Response:
    """The path says which project it is, and the token whose word."""
    wish = request.parse(Remark)
    if wish.kind == "truth" and not request.groups & reviews.MAY_REVIEW:
        raise CallerDeniedError(
            "a truth becomes a label without anybody being asked: only reviewers, leads and admins may send one"
        )
    fields = {name: getattr(wish, name) for name in wish.__struct_fields__}
    received = desk.feedback(Report(project=request.path["project"], by=request.annotator, **fields))
    body = {"feedback_id": received.feedback.feedback_id, "repeated": received.repeated}
    return Response(body=body, status=200 if received.repeated else 202, metric="FeedbackReceived")


Route = Callable[[AnnotationDesk, Request], Response]
ROUTES: dict[str, Route] = {
    "GET /api/projects": list_projects,
    "GET /api/projects/{project}": show_project,
    "POST /api/projects/{project}/claims": claim,
    "POST /api/projects/{project}/tasks/{task}/heartbeat": heartbeat,
    "POST /api/projects/{project}/tasks/{task}/annotations": submit,
    "POST /api/projects/{project}/tasks/{task}/skip": skip,
    "GET /api/projects/{project}/tasks/{task}/payload": payload,
    "GET /api/projects/{project}/work": my_work,
    "POST /api/projects/{project}/feedback": put_feedback,
    "GET /api/projects/{project}/reviews": reviews.list_reviews,
    "GET /api/projects/{project}/tasks/{task}": reviews.show_review,
    "POST /api/projects/{project}/tasks/{task}/ruling": reviews.rule,
    "POST /api/projects/{project}/tasks/{task}/return": reviews.give_back,
    "GET /api/projects/{project}/rulings": reviews.list_rulings,
    "POST /api/projects/{project}/guidelines": reviews.write_guidelines,
    "GET /api/projects/{project}/guidelines": reviews.list_guidelines,
    "GET /api/projects/{project}/corrections": reviews.list_corrections,
    "GET /api/projects/{project}/report": reviews.show_report,
    "GET /api/projects/{project}/lineage": lineage.show,
    "POST /api/projects/{project}/queue": reviews.change_queue,
    "POST /api/projects/{project}/tasks/{task}/priority": reviews.prioritise,
}


def _project(project: Project) -> dict[str, Any]:
    return {
        "name": project.name,
        "title": project.title or project.name,
        "guidelines": project.label_schema.guidelines,
        "label_schema": project.label_schema,
        "lease_seconds": project.consensus.lease_seconds,
    }


def _task(desk: AnnotationDesk, claimed: ClaimedTask) -> dict[str, Any]:
    """Blind, unless the project wishes otherwise: the model's prediction is not shown, so that it does not lead the
    annotator."""
    task, lease = claimed.task, claimed.lease
    link = desk.work.link(task)
    return {
        "task_id": task.task_id,
        "sample_id": task.sample_id,
        "project": task.project,
        "content_type": task.content_type,
        "payload_url": link.url,
        "text": link.text,
        "lease_token": lease.token,
        "lease_expires_at": lease.expires_at,
        "prediction": _shown(desk.work.prediction(task)),
        "comments": [each.text for each in task.comments],
    }


def _shown(prediction: Prediction | None) -> dict[str, Any] | None:
    if prediction is None:
        return None
    return {"classes": prediction.classes, "probabilities": prediction.probabilities}
