"""A language model answers beside a person, through the emulated Bedrock and with the deployed role."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.conftest import Cloud
from tests.e2e.people import Person, eventually
from tests.worlds import capture_line
from trueup.model import TaskStatus

pytestmark = pytest.mark.e2e

PROJECT = "helped"


def test_a_model_and_a_person_make_a_label(cloud: Cloud) -> None:
    texts = ["a dog barks", "a cat purrs", "one that nobody knows"]
    lines = [capture_line(80_000 + number, text=each) + b"\n" for number, each in enumerate(texts)]
    key = f"{PROJECT}/{PROJECT}/AllTraffic/{datetime.now(UTC):%Y/%m/%d/%H}/a.jsonl"
    bucket = cloud.operator.deployment.captures_bucket
    cloud.operator.clients["s3"].put_object(Bucket=bucket, Key=key, Body=b"".join(lines))
    answers = eventually(lambda: _answers(cloud), seconds=180)
    assert answers == {"model:parrot": {"dog", "cat"}}
    ada = Person(
        cloud, "ada", lambda data: next(each for each in ("dog", "cat", "fox") if each in data.decode() + "fox")
    )
    assert ada.work_off(PROJECT) == 3
    eventually(lambda: cloud.operator.tasks.count(PROJECT, TaskStatus.SETTLED) == 2)
    labels = {each.consensus.label for each in cloud.operator.tasks.uncommitted(PROJECT, 9)}
    assert labels == {"dog", "cat"}
    (left,) = cloud.operator.tasks.by_status(PROJECT, TaskStatus.OPEN, 9)
    assert left.skipped_by == ("model:parrot",)


def _answers(cloud: Cloud) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in cloud.operator.tasks.answers(PROJECT, 99):
        found.setdefault(each.annotator, set()).add(each.label)
    return found if sum(map(len, found.values())) == 2 else {}
