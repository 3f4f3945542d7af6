"""A project whose people work in Label Studio: a real server, and the deployed functions with their roles."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.conftest import Cloud
from tests.e2e.people import eventually, failures
from tests.studio.people import Studio
from tests.worlds import capture_line
from trueup.annotation.answers import live
from trueup.model import TaskStatus

pytestmark = [pytest.mark.e2e, pytest.mark.studio]

PROJECT, PLACE, COUNT = "batches", "e2e/batches", 3


@pytest.fixture(scope="module")
def tasks(cloud: Cloud, studio: Studio) -> list[str]:
    """Tasks that are in Label Studio, by our names."""
    look = cloud.operator
    before = {each.task_id for each in look.tasks.by_status(PROJECT, TaskStatus.OPEN, 100)}
    body = b"\n".join(capture_line(number, text=f"a pet that purrs {number}") for number in range(COUNT))
    key = f"{PROJECT}/{PROJECT}/AllTraffic/2026/11/24/11/studio.jsonl"
    look.clients["s3"].put_object(Bucket=look.deployment.captures_bucket, Key=key, Body=body)

    def opened() -> list[str]:
        found = {each.task_id for each in look.tasks.by_status(PROJECT, TaskStatus.OPEN, 100)} - before
        return sorted(found) if len(found) == COUNT else []

    ours: list[str] = eventually(opened)
    wake(cloud)
    eventually(lambda: set(ours) <= places(studio).keys(), 120)
    return ours


def wake(cloud: Cloud) -> None:
    """What the schedule sends; sent now, so as not to wait for its minute."""
    url = cloud.operator.deployment.queues["backend"]
    cloud.operator.clients["sqs"].send_message(QueueUrl=url, MessageBody=json.dumps({"reason": "a test"}))


def places(studio: Studio) -> dict[str, list[int]]:
    """Numbers of Label Studio's tasks by our names."""
    found: dict[str, list[int]] = {}
    try:
        number = studio.project(PLACE)
    except ValueError:
        return {}
    for each in studio.tasks(number):
        found.setdefault(each["data"]["trueup_task"], []).append(each["id"])
    return found


def hint(cloud: Cloud, headers: dict[str, str]) -> int:
    """What Label Studio's webhook sends: it cannot reach the address that API Gateway has on AWS."""
    request = urllib.request.Request(
        f"{cloud.workbench_url}/api/projects/{PROJECT}/hints", data=b"{}", method="POST", headers=headers
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def told(cloud: Cloud, studio: Studio) -> None:
    (webhook,) = studio.call("GET", f"/api/webhooks/?project={studio.project(PLACE)}")
    assert webhook["url"].endswith(f"/api/projects/{PROJECT}/hints")
    assert hint(cloud, webhook["headers"]) == 202


def state(cloud: Cloud, task_id: str) -> tuple[TaskStatus, dict[str, str]]:
    look = cloud.operator
    answers = live(look.tasks.annotations(PROJECT, task_id))
    return look.tasks.get(PROJECT, task_id).status, {each.annotator: each.label for each in answers}


def by(**said: str) -> dict[str, str]:
    return {f"{who}@example.com": label for who, label in said.items()}


def test_two_people_settle_a_task_and_a_third_is_asked_where_they_disagree(
    cloud: Cloud, studio: Studio, tasks: list[str]
) -> None:
    agreed, disputed, _ = tasks
    for task_id, first, second in ((agreed, "cat", "cat"), (disputed, "dog", "cat")):
        (number,) = places(studio)[task_id]
        studio.person("ann").answer(number, first)
        studio.person("bob").answer(number, second)
    told(cloud, studio)
    eventually(lambda: state(cloud, agreed) == (TaskStatus.SETTLED, by(ann="cat", bob="cat")), 90)
    (number,) = places(studio)[disputed]
    eventually(lambda: cloud.operator.tasks.get(PROJECT, disputed).overlap == 3, 90)
    wake(cloud)
    eventually(lambda: _overlap(studio, number) == 3, 90)
    assert number not in {(studio.person(each).next(studio.project(PLACE)) or {}).get("id") for each in ("ann", "bob")}
    studio.person("cid").answer(number, "cat")
    told(cloud, studio)
    eventually(lambda: state(cloud, disputed) == (TaskStatus.SETTLED, by(ann="dog", bob="cat", cid="cat")), 90)
    found = cloud.operator.tasks.consensus(PROJECT, disputed)
    assert found is not None
    assert found.label == "cat"
    answers = cloud.operator.tasks.annotations(PROJECT, disputed)
    assert {(each.backend, each.seconds_spent) for each in answers} == {("label_studio", 2.5)}


def _overlap(studio: Studio, number: int) -> int:
    return int(studio.call("GET", f"/api/tasks/{number}/")["overlap"])


def test_what_people_change_and_delete_afterwards_is_judged_anew(
    cloud: Cloud, studio: Studio, tasks: list[str]
) -> None:
    *_, task_id = tasks
    (number,) = places(studio)[task_id]
    first = studio.person("ann").answer(number, "cat")
    second = studio.person("bob").answer(number, "cat")
    told(cloud, studio)
    eventually(lambda: state(cloud, task_id)[0] is TaskStatus.SETTLED, 90)
    studio.person("ann").change(first, "fox")
    studio.person("bob").change(second, "fox")
    told(cloud, studio)
    eventually(lambda: _all_say_fox(cloud, studio, task_id), 120)
    found = cloud.operator.tasks.consensus(PROJECT, task_id)
    assert found is not None
    assert found.label == "fox"
    studio.person("bob").delete(second)
    told(cloud, studio)
    eventually(lambda: state(cloud, task_id)[0] is TaskStatus.OPEN, 90)
    assert "bob@example.com" not in state(cloud, task_id)[1]
    (number,) = places(studio)[task_id]
    studio.person("bob").answer(number, "fox")
    told(cloud, studio)
    eventually(lambda: _all_say_fox(cloud, studio, task_id), 120)
    assert "bob@example.com" in state(cloud, task_id)[1]


def _all_say_fox(cloud: Cloud, studio: Studio, task_id: str) -> bool:
    """Where a pass came between the two who changed their answers, one more person was asked: they say so, too."""
    status, answers = state(cloud, task_id)
    if status is TaskStatus.SETTLED:
        return len(answers) > 1 and set(answers.values()) == {"fox"}
    waiting = studio.person("cid").next(studio.project(PLACE))
    if waiting is not None and waiting["data"]["trueup_task"] == task_id and len(answers) > 1:
        studio.person("cid").answer(waiting["id"], "fox")
        told(cloud, studio)
    return False


def test_nothing_is_there_twice(cloud: Cloud, studio: Studio, tasks: list[str]) -> None:
    for _ in range(3):
        wake(cloud)
    told(cloud, studio)
    eventually(lambda: _unread(cloud) == 0, 240, lambda: failures(cloud))
    assert [len(numbers) for numbers in places(studio).values() if len(numbers) != 1] == []


def _unread(cloud: Cloud) -> int:
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = cloud.operator.deployment.queues["backend"]
    answer = cloud.operator.clients["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(map(int, answer["Attributes"].values()))


@pytest.mark.parametrize("headers", [{}, {"X-Trueup-Token": "guessed"}])
def test_a_hint_without_the_token_is_refused(cloud: Cloud, tasks: list[str], headers: dict[str, str]) -> None:
    assert hint(cloud, headers) == 401
