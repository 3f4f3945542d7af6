"""The annotation API over its real routes and the shipped fakes: every wrong request is told what is wrong."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from functions.annotation_api import refusals
from functions.annotation_api.handler import respond
from functions.annotation_api.routes import REASON_LIMIT, ROUTES, SECONDS_LIMIT
from tests.worlds import NOW, Loop, opening, project
from trueup.adapters.memory import MemoryTaskStore, World
from trueup.errors import (
    ConfigurationError,
    ConflictError,
    IntegrityError,
    PermissionDeniedError,
    RetryableError,
    ServiceError,
)
from trueup.model import Annotation, Payload, StandingStatus, Task, TaskStatus
from trueup.ports import Journal
from trueup.usecases.extend_lease import ExtendLease
from trueup.usecases.rule_on_task import RuleOnTask
from trueup.usecases.show_reviews import ShowReviews
from trueup.usecases.show_work import ShowWork
from trueup.usecases.skip_task import SkipTask
from trueup.wiring.annotation_desk import AnnotationDesk

WORKING = "[annotators]"
TASK = "/api/projects/pets/tasks/"


@dataclass
class Api:
    """The API as the gateway calls it, for one person."""

    desk: Callable[[], AnnotationDesk]
    person: str = "ada"
    groups: str = WORKING

    def call(self, route: str, body: Any = None, *, query: Any = None, **names: str) -> tuple[int, Any]:
        """`route` as in ROUTES; a body of bytes goes out as it is, anything else as JSON."""
        claims = {"sub": self.person, **({"cognito:groups": self.groups} if self.groups else {})}
        event: dict[str, Any] = {
            "routeKey": route,
            "pathParameters": names or None,
            "queryStringParameters": query,
            "requestContext": {"requestId": "request-7", "authorizer": {"jwt": {"claims": claims}}},
        }
        if isinstance(body, bytes):
            event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        elif body is not None:
            event |= {"body": json.dumps(body)}
        answer = respond(event, self.desk)
        assert answer["headers"] == {"content-type": "application/json", "cache-control": "no-store"}
        return answer["statusCode"], json.loads(answer["body"])

    def refused(self, route: str, body: Any = None, *, query: Any = None, **names: str) -> tuple[int, str, str]:
        """Status, code and message of a refusal, whose shape is checked."""
        status, answer = self.call(route, body, query=query, **names)
        assert answer.keys() == {"error"}
        error = answer["error"]
        assert error.keys() == {"code", "message", "field", "request_id"}
        assert error["request_id"] == "request-7"
        return status, error["code"], error["message"]

    def claimed(self) -> dict[str, str]:
        status, answer = self.call(CLAIM, {}, project="pets")
        assert status == 200
        return dict(answer["task"])


CLAIM = "POST /api/projects/{project}/claims"
BEAT = "POST /api/projects/{project}/tasks/{task}/heartbeat"
SUBMIT = "POST /api/projects/{project}/tasks/{task}/annotations"
SKIP = "POST /api/projects/{project}/tasks/{task}/skip"
FEEDBACK = "POST /api/projects/{project}/feedback"
WORK = "GET /api/projects/{project}/work"


def desk_of(loop: Loop, tasks: MemoryTaskStore | None = None) -> AnnotationDesk:
    projects = {loop.config.name: loop.config}
    tasks = tasks or loop.tasks
    return AnnotationDesk(
        projects=projects,
        claim=loop.claim,
        extend=ExtendLease(projects, tasks, loop.queue, loop.clock),
        submit=loop.submit,
        skip=SkipTask(projects, tasks, loop.queue, loop.clock),
        work=ShowWork(projects, tasks, loop.payloads, loop.clock, 300, loop.gold, loop.people),
        feedback=loop.put_feedback,
        reviews=ShowReviews(projects, tasks),
        rule=RuleOnTask(projects, tasks, loop.lineage, loop.queue, loop.clock),
        manage=loop.manage,
        reports=loop.reports,
        people=loop.people,
        guidelines=loop.guidelines,
        corrections=loop.corrections,
        lineage=loop.show_lineage,
    )


@pytest.fixture
def loop() -> Loop:
    it = Loop(config=project(consensus={"overlap": 1, "max_overlap": 2, "lease_seconds": 60}))
    it.ingest(it.capture(3))
    return it


@pytest.fixture
def api(loop: Loop) -> Api:
    return Api(lambda: desk_of(loop))


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    """What the API logs."""
    kept = _Kept()
    refusals.logger.addHandler(kept)
    yield kept.records
    refusals.logger.removeHandler(kept)


def test_a_person_claims_answers_corrects_and_reads_the_own_work(api: Api) -> None:
    task = api.claimed()
    answer = {"label": "cat", "lease_token": task["lease_token"], "seconds_spent": 2.5}
    status, given = api.call(SUBMIT, answer, project="pets", task=task["task_id"])
    assert (status, given["label"]) == (201, "cat")
    assert api.call(SUBMIT, answer, project="pets", task=task["task_id"]) == (200, given)
    correction = {"label": "dog", "supersedes": given["annotation_id"]}
    assert api.call(SUBMIT, correction, project="pets", task=task["task_id"])[0] == 201
    _, work = api.call(WORK, project="pets")
    assert sorted((each["label"], each["status"]) for each in work["annotations"]) == [
        ("cat", "corrected"),
        ("dog", "open"),
    ]


def test_feedback_is_taken_in_and_the_same_again_is_told(api: Api, loop: Loop) -> None:
    remark = {"inference_id": "call 1", "label": "dog", "inferred_at": "2026-11-24T09:00:00Z"}
    status, answer = api.call(FEEDBACK, remark, project="pets")
    assert (status, answer["repeated"]) == (202, False)
    assert api.call(FEEDBACK, remark, project="pets") == (200, {**answer, "repeated": True})
    kept = loop.feedback.get("pets", answer["feedback_id"])
    assert kept is not None
    assert (kept.feedback.by, kept.feedback.kind, kept.feedback.inference_id) == ("ada", "override", "call 1")


ANY_BODY = {
    "status": "active",
    "text": "t",
    "reason": "why",
    "after": 0,
    "lease_token": "t",
    "label": "cat",
    "comment": "why",
}
REVIEWS = "GET /api/projects/{project}/reviews"
REVIEW = "GET /api/projects/{project}/tasks/{task}"
RULE = "POST /api/projects/{project}/tasks/{task}/ruling"
RETURN = "POST /api/projects/{project}/tasks/{task}/return"
RULINGS = "GET /api/projects/{project}/rulings"


@pytest.fixture
def disputed() -> Loop:
    """A task of which two people say different things."""
    it = Loop(config=project(consensus={"method": "majority", "overlap": 2, "max_overlap": 2, "target": 0.9}))
    it.ingest(it.capture(1))
    for name, label in (("ada", "cat"), ("ben", "dog")):
        api = Api(lambda: desk_of(it), person=name)
        task = api.claimed()
        answer = {"label": label, "lease_token": task["lease_token"]}
        assert api.call(SUBMIT, answer, project="pets", task=task["task_id"])[0] == 201
    it.settle("pets", task["task_id"])
    return it


def test_a_reviewer_sees_all_answers_side_by_side_and_rules(disputed: Loop) -> None:
    api = Api(lambda: desk_of(disputed), person="rita", groups="[reviewers]")
    assert api.call("GET /api/projects")[1]["may_review"] is True
    _, listed = api.call(REVIEWS, project="pets")
    (waiting,) = listed["tasks"]
    _, shown = api.call(REVIEW, project="pets", task=waiting["task_id"])
    answers = {each["annotator"]: each["label"] for each in shown["annotations"]}
    assert answers == {"ada": "cat", "ben": "dog"}
    assert (shown["status"], shown["text"], shown["reason"]) == ("review", "text 1", "high margin score")
    assert [each["label"] for each in shown["prediction"]] == ["cat", "dog", "fox"]
    status, ruling = api.call(RULE, {"label": "fox", "comment": "ears"}, project="pets", task=waiting["task_id"])
    assert (status, ruling["label"], ruling["before"], ruling["reviewer"]) == (201, "fox", None, "rita")
    again = api.call(RULE, {"label": "fox", "comment": "ears"}, project="pets", task=waiting["task_id"])
    assert again == (200, ruling)
    assert api.call(REVIEWS, project="pets")[1] == {"tasks": []}
    assert api.call(RULINGS, project="pets")[1] == {"rulings": [ruling]}


def test_a_task_sent_back_comes_with_the_reviewer_s_words(disputed: Loop) -> None:
    api = Api(lambda: desk_of(disputed), person="rita", groups="[leads]")
    (waiting,) = api.call(REVIEWS, project="pets")[1]["tasks"]
    names = {"project": "pets", "task": waiting["task_id"]}
    assert api.refused(RETURN, {"comment": " "}, **names)[:2] == (400, "Input")
    assert api.call(RETURN, {"comment": "mind the ears"}, **names)[0] == 201
    assert Api(lambda: desk_of(disputed), person="cleo").claimed()["comments"] == ["mind the ears"]
    assert api.refused(RETURN, {"comment": "again"}, **names)[:2] == (409, "TaskClosed")


LINEAGE = "GET /api/projects/{project}/lineage"


def test_the_graph_around_a_task_is_told_with_what_is_left_out(disputed: Loop) -> None:
    api = Api(lambda: desk_of(disputed), person="rita", groups="[reviewers]")
    (task,) = disputed.tasks.by_status("pets", TaskStatus.REVIEW, 9)
    status, piece = api.call(LINEAGE, project="pets", query={"id": task.task_id})
    assert (status, piece["middle"]) == (200, f"task:{task.task_id}")
    steps = {each["kind"]: each["step"] for each in piece["nodes"]}
    assert steps == {"task": 0, "selection": -1, "sample": -2, "capture": -3, "endpoint": -4, "annotation": 1}
    (drawn,) = [each for each in piece["edges"] if each["actor"] == "ada"]
    assert drawn["source"] == f"task:{task.task_id}"
    assert len(drawn["target_hash"]) == 64
    near = api.call(LINEAGE, project="pets", query={"id": f"task:{task.task_id}", "steps": "1"})[1]
    assert {each["step"] for each in near["nodes"]} == {-1, 0, 1}
    assert {each["up"] for each in near["nodes"] if each["step"]} == {None}


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        (None, 400, "say of what"),
        ({"id": "unicorn:1"}, 400, "no kind of node"),
        ({"id": "nothing"}, 404, "lineage knows no 'nothing'"),
        ({"id": "x", "steps": "0"}, 400, "from 1 to 12"),
        ({"id": "x", "steps": "99"}, 400, "from 1 to 12"),
        ({"id": "x", "steps": "²"}, 400, "from 1 to 12"),
    ],
)
def test_a_graph_around_nothing_is_refused(disputed: Loop, query: Any, status: int, says: str) -> None:
    api = Api(lambda: desk_of(disputed), person="rita", groups="[leads]")
    found, _, message = api.refused(LINEAGE, project="pets", query=query)
    assert (found, says in message) == (status, True), message


def test_lineage_names_people_and_is_for_those_who_review_them(disputed: Loop) -> None:
    api = Api(lambda: desk_of(disputed), person="ada")
    assert api.refused(LINEAGE, project="pets", query={"id": "x"}) == (
        403,
        "PermissionDenied",
        "lineage is for reviewers, leads and admins",
    )


@pytest.mark.parametrize("route", [REVIEWS, REVIEW, RULE, RETURN, RULINGS])
def test_annotators_do_not_rule(disputed: Loop, route: str) -> None:
    api = Api(lambda: desk_of(disputed), person="ada")
    body = {"label": "cat", "comment": "mine"}
    (task,) = disputed.tasks.by_status("pets", TaskStatus.REVIEW, 9)
    status, code, message = api.refused(route, body, project="pets", task=task.task_id)
    assert (status, code, message) == (403, "PermissionDenied", "rulings are for reviewers, leads and admins")
    assert api.call("GET /api/projects")[1]["may_review"] is False


def test_only_who_may_rule_says_what_is_true(api: Api) -> None:
    truth = {"event_id": "event-1", "label": "dog", "kind": "truth"}
    assert api.refused(FEEDBACK, truth, project="pets")[:2] == (403, "PermissionDenied")
    api.groups = "[reviewers]"
    assert api.call(FEEDBACK, truth, project="pets")[0] == 202


@pytest.mark.parametrize(
    ("remark", "says"),
    [
        ({"label": "dog"}, "one of the two"),
        ({"label": "cow", "event_id": "e"}, "not a class"),
        ({"label": "dog", "event_id": "e", "by": "somebody else"}, "unknown field `by`"),
        ({"label": "dog", "event_id": "e", "project": "others"}, "unknown field `project`"),
        ({"label": "dog", "event_id": "e", "inferred_at": "2999-01-01T00:00:00Z"}, "not yet"),
    ],
)
def test_feedback_that_is_wrong_is_refused(api: Api, remark: dict[str, str], says: str) -> None:
    status, _, message = api.refused(FEEDBACK, remark, project="pets")
    assert status == 400
    assert says in message


def test_a_task_is_claimed_blind_and_comes_with_its_text(api: Api) -> None:
    task = api.claimed()
    assert task["prediction"] is None
    assert task["text"].startswith("text ")


@pytest.mark.parametrize("route", [each for each in ROUTES if "{project}" in each])
def test_an_unknown_project_is_not_found(api: Api, route: str) -> None:
    api.groups = "[admins]"
    body = {"event_id": "e", "label": "cat"} if route == FEEDBACK else ANY_BODY
    status, code, message = api.refused(route, body, project="birds", task="x")
    assert (status, code) == (404, "NotFound")
    assert message == "there is no project 'birds'; projects: pets"


@pytest.mark.parametrize("route", [each for each in ROUTES if "{task}" in each])
def test_an_unknown_task_is_not_found(api: Api, route: str) -> None:
    api.groups = "[admins]"
    status, code, message = api.refused(route, ANY_BODY, project="pets", task="nowhere")
    assert (status, code) == (404, "NotFound")
    assert "nowhere" in message


def test_an_unknown_route_is_not_found(api: Api) -> None:
    assert api.refused("DELETE /api/projects") == (404, "NotFound", "there is no route DELETE /api/projects")


@pytest.mark.parametrize("route", list(ROUTES))
@pytest.mark.parametrize("groups", ["", "[]", "[guests]", "[not-annotators]"])
def test_who_is_in_no_working_group_is_refused_everywhere(loop: Loop, route: str, groups: str) -> None:
    api = Api(lambda: desk_of(loop), groups=groups)
    status, code, message = api.refused(route, {}, project="pets", task="x")
    assert (status, code) == (403, "PermissionDenied")
    assert "none of the groups annotators, reviewers, leads, admins" in message


@pytest.mark.parametrize("groups", ["[annotators]", "[guests reviewers]", "leads", "[guests, admins]"])
def test_every_working_group_is_let_in(loop: Loop, groups: str) -> None:
    assert Api(lambda: desk_of(loop), groups=groups).call("GET /api/projects")[0] == 200


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        (None, "label", "missing required field `label`"),
        (b"", "label", "missing required field `label`"),
        ({}, "label", "missing required field `label`"),
        ([], "body", "got `array`"),
        (b"null", "body", "got `null`"),
        (b'{"label": "cat"', "body", "truncated"),
        (b"label=cat", "body", "malformed"),
        (b'{"label": "\xff", "lease_token": "t"}', "body", "can't decode"),
        (b'{"label": "cat", "more": ' + b"[" * 200_000, "body", "recursion"),
        ({"label": 3, "lease_token": "t"}, "label", "Expected `str`, got `int`"),
        ({"label": None, "lease_token": "t"}, "label", "got `null`"),
        ({"label": "", "lease_token": "t"}, "label", "length >= 1"),
        ({"label": "cat"}, "body", "give `lease_token` for an answer or `supersedes` for a correction"),
        ({"label": "cat", "lease_token": "t", "supersedes": "a"}, "body", "one of the two"),
        ({"label": "cat", "lease_token": ""}, "lease_token", "length >= 1"),
        ({"label": "cat", "lease_token": "t", "seconds_spent": -0.5}, "seconds_spent", ">= 0.0"),
        ({"label": "cat", "lease_token": "t", "seconds_spent": SECONDS_LIMIT + 1}, "seconds_spent", "<= 86400.0"),
        ({"label": "cat", "lease_token": "t", "seconds_spent": 1e300}, "seconds_spent", "<= 86400.0"),
        (b'{"label": "cat", "lease_token": "t", "seconds_spent": 1e999}', "seconds_spent", "out of range"),
        (b'{"label": "cat", "lease_token": "t", "seconds_spent": NaN}', "body", "malformed"),
        (b'{"label": "cat", "lease_token": "t", "seconds_spent": Infinity}', "body", "malformed"),
        ({"label": "cat", "lease_token": "t", "seconds_spent": "2"}, "seconds_spent", "Expected `float`, got `str`"),
    ],
)
def test_a_wrong_body_is_refused_with_the_field(api: Api, body: Any, field: str, said: str) -> None:
    task = api.claimed()
    status, answer = api.call(SUBMIT, body, project="pets", task=task["task_id"])
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "Input", field)
    assert answer["error"]["message"].startswith("the request body is wrong: ")
    assert said in answer["error"]["message"]


@pytest.mark.parametrize("route", [BEAT, SKIP])
@pytest.mark.parametrize("body", [None, {}, {"lease_token": 1}, {"lease_token": ""}, [], b"\x00"])
def test_a_body_without_a_lease_token_is_refused(api: Api, route: str, body: Any) -> None:
    assert api.refused(route, body, project="pets", task=api.claimed()["task_id"])[:2] == (400, "Input")


def test_a_body_that_is_no_base64_is_refused(loop: Loop) -> None:
    claims = {"sub": "ada", "cognito:groups": WORKING}
    context = {"requestId": "r", "authorizer": {"jwt": {"claims": claims}}}
    event = {"routeKey": CLAIM, "pathParameters": {"project": "pets"}, "requestContext": context}
    answer = respond({**event, "body": "%%%", "isBase64Encoded": True}, lambda: desk_of(loop))
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["field"]) == (400, "body")


def test_a_label_outside_the_schema_is_refused_with_the_classes(api: Api) -> None:
    task = api.claimed()
    status, answer = api.call(
        SUBMIT, {"label": "newt", "lease_token": task["lease_token"]}, project="pets", task=task["task_id"]
    )
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (400, "Label", "label")
    assert answer["error"]["message"] == "'newt' is not a class; classes: cat, dog, fox"


def test_anothers_lease_is_no_lease(loop: Loop, api: Api) -> None:
    task = api.claimed()
    ben = Api(lambda: desk_of(loop), person="ben")
    body = {"lease_token": task["lease_token"], "label": "cat"}
    for route in (BEAT, SUBMIT, SKIP):
        assert ben.refused(route, body, project="pets", task=task["task_id"])[:2] == (409, "Lease")
    assert api.call(SUBMIT, body, project="pets", task=task["task_id"])[0] == 201


def test_a_lease_that_ended_is_told(loop: Loop, api: Api) -> None:
    task = api.claimed()
    loop.clock.advance(61)
    for route in (BEAT, SUBMIT, SKIP):
        body = {"lease_token": task["lease_token"], "label": "cat"}
        status, code, message = api.refused(route, body, project="pets", task=task["task_id"])
        assert (status, code) == (409, "Lease")
        assert "ran out at 10:01:00: claim again" in message


def test_another_persons_answer_cannot_be_corrected(loop: Loop, api: Api) -> None:
    task = api.claimed()
    body = {"lease_token": task["lease_token"], "label": "cat"}
    _, given = api.call(SUBMIT, body, project="pets", task=task["task_id"])
    ben = Api(lambda: desk_of(loop), person="ben")
    correction = {"label": "dog", "supersedes": given["annotation_id"]}
    assert ben.refused(SUBMIT, correction, project="pets", task=task["task_id"])[:2] == (404, "NotFound")


@pytest.mark.parametrize(("length", "status"), [(REASON_LIMIT, 200), (REASON_LIMIT + 1, 400)])
def test_a_reason_is_taken_whole_or_refused(loop: Loop, api: Api, length: int, status: int) -> None:
    task = api.claimed()
    body = {"lease_token": task["lease_token"], "reason": "é" * length}
    found, answer = api.call(SKIP, body, project="pets", task=task["task_id"])
    assert found == status
    reasons = [each.data["reason"] for each in loop.world.outbox if each.event_type == "TaskSkipped"]
    assert reasons == (["é" * length] if status == 200 else [])
    if status == 400:
        assert answer["error"]["field"] == "reason"


class BusyTasks(MemoryTaskStore):
    """Refuses the first writes, as when somebody else wrote in between."""

    def __init__(self, world: World, inner: MemoryTaskStore, refusals: int) -> None:
        super().__init__(world)
        self.__dict__.update({**inner.__dict__, "left": refusals})

    left: int

    def save(self, task: Task, journal: Journal, *, annotation: Annotation | None = None, **more: Any) -> None:
        if self.left:
            self.left -= 1
            raise ConflictError("somebody wrote in between")
        super().save(task, journal, annotation=annotation, **more)


def test_a_skip_that_meets_a_heartbeat_is_tried_again(loop: Loop, api: Api) -> None:
    task = api.claimed()
    tasks = BusyTasks(loop.world, loop.tasks, refusals=2)
    busy = Api(lambda: desk_of(loop, tasks))
    body = {"lease_token": task["lease_token"], "reason": "Not sure"}
    assert busy.call(SKIP, body, project="pets", task=task["task_id"]) == (200, {"skipped": True})
    other = api.claimed()
    tasks.left = 99
    body = {"lease_token": other["lease_token"]}
    assert busy.refused(SKIP, body, project="pets", task=other["task_id"])[:2] == (409, "Conflict")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("the secret of table X"),
        KeyError("sub"),
        ServiceError("saving: TransactWriteItems: ValidationException: arn:aws:secret"),
        IntegrityError("the secret bytes"),
        ConfigurationError("the secret key is missing"),
        PermissionDeniedError("saving: PutItem: AccessDenied: the secret role"),
    ],
)
def test_trouble_of_our_own_is_logged_and_not_told(error: Exception, logged: list[logging.LogRecord]) -> None:
    def desk() -> AnnotationDesk:
        raise error

    status, code, message = Api(desk).refused(WORK, project="pets")
    assert (status, code) == (500, "Internal")
    assert "request-7" in message
    assert "secret" not in message
    (record,) = logged
    assert record.levelno == logging.ERROR
    assert record.exc_info
    assert record.exc_info[1] is error


def test_a_busy_service_is_told_to_be_tried_again(logged: list[logging.LogRecord]) -> None:
    def desk() -> AnnotationDesk:
        raise RetryableError("reading: GetItem: ThrottlingException: the secret table")

    status, code, message = Api(desk).refused(WORK, project="pets")
    assert (status, code, message) == (503, "Retryable", "The server is busy: try again in a moment.")
    assert [each.levelno for each in logged] == [logging.WARNING]


def test_an_event_without_claims_is_our_own_trouble() -> None:
    """The gateway's authorizer stands before every route; without it nobody gets in."""
    answer = respond({"routeKey": "GET /api/projects", "requestContext": {}}, lambda: pytest.fail("let in"))
    assert answer["statusCode"] == 500


def test_a_prediction_is_shown_where_the_project_wishes_but_never_that_of_an_audit() -> None:
    for strategy, shown in (("margin", ["cat", "dog", "fox"]), ("audit", None)):
        loop = Loop(project(annotation={"show_prediction": True}))
        made = opening(config=loop.config)
        selection = msgspec.structs.replace(made.selection, strategy=strategy)
        loop.payloads.put("pets", made.sample.sample_id, Payload(data=b"a cat", content_type="text/plain"))
        loop.tasks.open([msgspec.structs.replace(made, selection=selection)], Journal(at=NOW))
        (task,) = loop.tasks.by_status("pets", TaskStatus.OPEN, 1)
        found = Api(lambda loop=loop: desk_of(loop)).claimed()
        assert found["task_id"] == task.task_id
        assert (found["prediction"] and found["prediction"]["classes"]) == shown


def test_an_answer_may_be_long_and_bear_a_comment_and_a_flag() -> None:
    loop = Loop(project(label_schema={"kind": "text", "media": "text"}, triggers={"action": "notify"}))
    made = opening(config=loop.config)
    loop.payloads.put("pets", made.sample.sample_id, Payload(data=b"a cat", content_type="text/plain"))
    loop.tasks.open([made], Journal(at=NOW))
    api = Api(lambda: desk_of(loop))
    task = api.claimed()
    label = json.dumps({"text": "word " * 5000})
    body = {"label": label, "lease_token": task["lease_token"], "comment": "too dark", "flagged": True}
    status, answer = api.call(SUBMIT, body, project="pets", task=task["task_id"])
    assert (status, json.loads(answer["label"])["text"]) == (201, ("word " * 5000).strip())
    (mine,) = api.call("GET /api/projects/{project}/work", None, project="pets")[1]["annotations"]
    assert (mine["comment"], mine["flagged"], len(mine["label"]) > 20_000) == ("too dark", True, True)
    for wrong, field in (
        ({"comment": "x" * 1001}, "comment"),
        ({"flagged": "yes"}, "flagged"),
        ({"label": "x" * 100_001}, "label"),
    ):
        code, error, *_ = api.call(SUBMIT, {**body, **wrong}, project="pets", task=task["task_id"])
        assert (code, error["error"]["field"]) == (400, field)


SHOW = "GET /api/projects/{project}"
QUEUE = "POST /api/projects/{project}/queue"
FIRST = "POST /api/projects/{project}/tasks/{task}/priority"


def test_leads_say_how_a_queue_goes_on(loop: Loop, api: Api) -> None:
    body = {"status": "paused", "reason": "new guidelines"}
    for groups in ("[annotators]", "[reviewers annotators]"):
        other = Api(lambda: desk_of(loop), groups=groups)
        assert other.refused(QUEUE, body, project="pets")[:2] == (403, "PermissionDenied")
        assert other.refused(FIRST, {}, project="pets", task="t")[:2] == (403, "PermissionDenied")
    lead = Api(lambda: desk_of(loop), groups="[leads]")
    assert lead.call(QUEUE, body, project="pets") == (200, {"status": "paused", "reason": "new guidelines"})
    assert api.call(SHOW, project="pets")[1]["queue"] == {"status": "paused", "reason": "new guidelines"}
    assert api.call(CLAIM, project="pets") == (200, {"task": None})
    assert lead.refused(QUEUE, {"status": "draining"}, project="pets")[:2] == (400, "Input")
    assert lead.refused(QUEUE, {"status": "gone"}, project="pets")[:2] == (400, "Input")
    lead.call(QUEUE, {"status": "active"}, project="pets")
    (*_, last) = loop.tasks.by_status("pets", TaskStatus.OPEN, 9)
    assert lead.call(FIRST, {}, project="pets", task=last.task_id)[0] == 200
    assert api.claimed()["task_id"] == last.task_id
    assert lead.call(QUEUE, {"status": "cancel", "reason": "enough"}, project="pets") == (200, {"cancelled": 3})


def test_the_report_is_for_leads(loop: Loop, api: Api) -> None:
    route = "GET /api/projects/{project}/report"
    assert api.refused(route, project="pets")[:2] == (403, "PermissionDenied")
    lead = Api(lambda: desk_of(loop), groups="[admins]")
    assert lead.call(route, project="pets") == (200, {"report": None})
    made = loop.report("pets")
    status, answer = lead.call(route, project="pets")
    assert (status, answer["report"]["looked_at"], answer["report"]["tasks"]["open"]) == (200, made.looked_at, 3)
    assert lead.call("GET /api/projects")[1]["may_lead"] is True


def test_a_suspended_annotator_is_told_why(loop: Loop, api: Api) -> None:
    loop.keep_gold.set_standing("pets", "ada", StandingStatus.SUSPENDED, "lea", "too quick")
    status, code, message = api.refused(CLAIM, project="pets")
    assert (status, code) == (403, "Suspended")
    assert message == "you get no tasks of this project for now: too quick. Ask whoever leads it"
    assert api.call(SHOW, project="pets")[1]["standing"] == {"status": "suspended", "reason": "too quick"}


GUIDE = "/api/projects/{project}/guidelines"


def test_reviewers_change_what_annotators_read(loop: Loop, api: Api) -> None:
    body = {"text": "Look twice.", "reason": "ears", "after": 0, "task_id": "t"}
    assert api.refused(f"POST {GUIDE}", body, project="pets")[:2] == (403, "PermissionDenied")
    assert api.refused(f"GET {GUIDE}", project="pets")[:2] == (403, "PermissionDenied")
    reviewer = Api(lambda: desk_of(loop), person="rita", groups="[reviewers]")
    assert reviewer.call(f"POST {GUIDE}", body, project="pets") == (
        200,
        {"guidelines": "Look twice.", "guidelines_version": 1},
    )
    status, code, message = reviewer.refused(f"POST {GUIDE}", {**body, "text": "Look."}, project="pets")
    assert (status, code) == (409, "Conflict")
    assert "read them again" in message
    shown = api.call(SHOW, project="pets")[1]
    assert (shown["guidelines"], shown["guidelines_version"]) == ("Look twice.", 1)
    versions = reviewer.call(f"GET {GUIDE}", project="pets")[1]["versions"]
    assert [(each["number"], each["by"]) for each in versions] == [(1, "rita"), (0, "")]
    assert reviewer.call("GET /api/projects/{project}/corrections", project="pets")[1] == {"corrections": []}
