"""The deployed loop: real S3 events, queues, functions and tables of the embedded AWS."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Cloud
from tests.e2e.people import eventually
from tests.worlds import capture_line
from trueup.model import TaskStatus

pytestmark = pytest.mark.e2e


def put_capture(cloud: Cloud, name: str, first: int, count: int) -> None:
    key = f"pets/pets/AllTraffic/2026/11/24/09/{name}.jsonl"
    body = b"".join(capture_line(number) + b"\n" for number in range(first, first + count))
    cloud.operator.clients["s3"].put_object(Bucket=cloud.operator.deployment.captures_bucket, Key=key, Body=body)


def receipts(cloud: Cloud, *names: str) -> list[Any]:
    found = cloud.operator.ledger.receipts("pets", datetime(2020, 1, 1, tzinfo=UTC))
    return [each for each in found if each.file.key.rsplit("/", 1)[-1].removesuffix(".jsonl") in names]


def test_captures_flow_by_themselves_and_repeats_change_nothing(cloud: Cloud) -> None:
    before = cloud.operator.tasks.count("pets", TaskStatus.OPEN)
    for _ in range(2):
        put_capture(cloud, "one", 1, 6)
        put_capture(cloud, "two", 7, 6)
    eventually(lambda: len(receipts(cloud, "one", "two")) == 2)
    time.sleep(3)
    assert sum(each.captures for each in receipts(cloud, "one", "two")) == 12
    assert sum(each.selected for each in receipts(cloud, "one", "two")) == 12
    assert cloud.operator.tasks.count("pets", TaskStatus.OPEN) == before + 12
    for url in cloud.operator.deployment.dlqs.values():
        answer = cloud.operator.clients["sqs"].get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        assert answer["Attributes"]["ApproximateNumberOfMessages"] == "0"


def test_the_command_line_reads_the_deployment(cloud: Cloud) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trueup.cli.app", "--stage", "e2e", "status", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = json.loads(done.stdout)["projects"]
    assert {"pets", "calm", "rough"} <= {each["project"] for each in rows}


@pytest.mark.own_cloud
def test_the_demo_shows_what_it_claims(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "scripts.demo_loop", "--fast", "--state", str(tmp_path / "demo")]
    done = subprocess.run(
        [*command, "--report", str(report)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=1200
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    said = json.loads(report.read_text())
    assert said["accuracy_after"] > said["accuracy_before"]
    assert said["accuracy_after"] > said["accuracy_random"]
    assert said["captures_accounted"] == said["captures_sent"]
    assert said["dlq_messages"] == said["orphan_tasks"] == 0
    assert said["promoted"]
    assert said["verify_ok"]
    assert said["careless_annotator_found"]
