"""An operator's day at the terminal, against the deployed loop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cloud
from tests.e2e.people import Person, eventually
from tests.e2e.pets import sentence
from tests.e2e.terminal import trueup, trueup_json
from trueup.adapters.aws.health import AwsHealth
from trueup.model import TaskStatus

pytestmark = pytest.mark.e2e


def test_an_endpoint_is_attached_captures_and_is_put_back(cloud: Cloud, moods: str, tmp_path: Path) -> None:
    before = serving(cloud, moods)
    shown = trueup("endpoint", "attach", moods, "--dry-run")
    assert "+ DataCaptureConfig.EnableCapture: True" in shown
    assert serving(cloud, moods) == before, "a dry run changed the endpoint"

    assert trueup_json("endpoint", "attach", moods, "--yes")["done"]
    attached = describe(cloud, serving(cloud, moods))
    assert attached["DataCaptureConfig"]["EnableCapture"]
    assert attached["ProductionVariants"] == describe(cloud, before)["ProductionVariants"]
    assert "nothing to change" in trueup("endpoint", "attach", moods, "--yes")

    for number in range(6):
        invoke(cloud, moods, sentence("mumbles", number))
    eventually(lambda: captured(cloud, moods) == 6)
    eventually(lambda: cloud.operator.tasks.count(moods, TaskStatus.OPEN) == 6)
    assert counted(cloud, moods) == 6
    look_around(cloud, moods)
    follow_one_answer(cloud, moods, tmp_path)

    trueup("endpoint", "detach", moods, "--yes")
    assert serving(cloud, moods) == before
    invoke(cloud, moods, sentence("mumbles", 99))
    assert captured(cloud, moods) == 6
    trueup("endpoint", "detach", moods, "--yes", code=5)


def look_around(cloud: Cloud, project: str) -> None:
    (row,) = [each for each in trueup_json("status")["projects"] if each["project"] == project]
    assert row["open_tasks"] == 6
    (queue,) = trueup_json("queue", "--project", project)
    assert queue["open_tasks"] == 6
    tasks = trueup_json("task", "list", "--project", project)
    assert len(tasks) == 6
    shown = trueup_json("task", "show", tasks[0]["task_id"])
    assert shown["selection"]["strategy"] == "margin"
    assert "6 captures in 6 hours" in trueup("doctor", "--all", code=doctor_code())
    assert cloud.operator.deployed[project].endpoint_name in trueup("status")


def doctor_code() -> int:
    """Projects of other tests watch endpoints that do not exist, which the doctor must say."""
    return 3


def follow_one_answer(cloud: Cloud, project: str, folder: Path) -> None:
    person = Person(cloud, "ada", lambda _: "fox")
    task = person.claim(project)
    person.answer(task)
    eventually(lambda: cloud.operator.tasks.get(project, task["task_id"]).status is TaskStatus.SETTLED)
    down = trueup("lineage", f"task:{task['task_id']}", "--project", project, "--down")
    assert "annotation" in down
    assert "consensus" in down
    assert "capture" in trueup("lineage", f"task:{task['task_id']}", "--project", project, "--up")

    (version,) = trueup_json("dataset", "list", "--project", project)
    assert trueup_json("dataset", "show", "v1", "--project", project)["samples"] == version["samples"] == 60
    assert trueup_json("dataset", "verify", "--project", project)
    manifest = folder / "moods.manifest"
    trueup("dataset", "export", "v1", "--project", project, "--to", str(manifest))
    assert len(manifest.read_text().splitlines()) == 60


def test_what_does_not_exist_is_said_in_one_sentence(cloud: Cloud) -> None:
    del cloud
    trueup("task", "show", "nothing", code=4)
    trueup("endpoint", "attach", "nothing", "--dry-run", code=4)
    trueup("retrain", "show", "nothing", code=4)
    trueup("dataset", "show", "v99", "--project", "pets", code=4)


def counted(cloud: Cloud, endpoint: str) -> int:
    now = datetime.now(UTC)
    health = AwsHealth(cloud.operator.clients)
    return health.invocations(endpoint, now - timedelta(hours=1), now + timedelta(minutes=1))


def serving(cloud: Cloud, endpoint: str) -> str:
    found = cloud.operator.clients["sagemaker"].describe_endpoint(EndpointName=endpoint)
    assert found["EndpointStatus"] == "InService"
    return str(found["EndpointConfigName"])


def describe(cloud: Cloud, config: str) -> Any:
    return cloud.operator.clients["sagemaker"].describe_endpoint_config(EndpointConfigName=config)


def invoke(cloud: Cloud, endpoint: str, body: bytes) -> None:
    cloud.operator.clients["sagemaker-runtime"].invoke_endpoint(
        EndpointName=endpoint, ContentType="text/plain", Body=body
    )


def captured(cloud: Cloud, project: str) -> int:
    since = datetime(2020, 1, 1, tzinfo=UTC)
    return sum(each.captures for each in cloud.operator.ledger.receipts(project, since))
