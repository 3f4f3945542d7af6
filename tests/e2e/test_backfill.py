"""Files that were there before trueup come through a Distributed Map, each once, however often it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conftest import Cloud
from tests.e2e.people import eventually
from tests.e2e.terminal import trueup_json
from tests.worlds import capture_line
from trueup.model import FileReceipt

pytestmark = pytest.mark.e2e

PROJECT = "calm"
HOURS = [("2025/03/01", 22), ("2025/03/01", 23), *[("2025/03/02", hour) for hour in range(22)]]
DAYS = ("--from", "2025-03-01T22", "--to", "2025-03-03")


def test_old_files_come_through_a_distributed_map_once(cloud: Cloud) -> None:
    with unannounced(cloud):
        for number, (day, hour) in enumerate(HOURS):
            lines = [capture_line(9000 + 2 * number + each, text=f"old {number} {each}") for each in range(2)]
            key = f"{PROJECT}/{PROJECT}/AllTraffic/{day}/{hour:02d}/old.jsonl"
            cloud.operator.clients["s3"].put_object(
                Bucket=cloud.operator.deployment.captures_bucket, Key=key, Body=b"\n".join(lines) + b"\n"
            )
    assert receipts(cloud) == []
    assert trueup_json("capture", "backfill", "--project", PROJECT, *DAYS, "--yes")["execution"]["began"] is True
    eventually(lambda: status(cloud, *DAYS) == "SUCCEEDED")
    eventually(lambda: len(receipts(cloud)) == len(HOURS))
    selected = sum(each.selected for each in receipts(cloud))
    assert sum(each.captures for each in receipts(cloud)) == 2 * len(HOURS)
    again = (*DAYS[:3], "2025-03-03T01")
    assert trueup_json("capture", "backfill", "--project", PROJECT, *again, "--yes")["execution"]["began"] is True
    eventually(lambda: status(cloud, *again) == "SUCCEEDED")
    eventually(lambda: waiting(cloud) == 0)
    assert len(receipts(cloud)) == len(HOURS)
    assert sum(each.selected for each in receipts(cloud)) == selected


def status(_: Cloud, *times: str) -> str:
    found = trueup_json("capture", "backfill", "--project", PROJECT, *times, "--yes")["execution"]
    assert found["began"] is False
    return str(found["status"])


def receipts(cloud: Cloud) -> list[FileReceipt]:
    found = cloud.operator.ledger.receipts(PROJECT, datetime(2020, 1, 1, tzinfo=UTC))
    return [each for each in found if each.file.key.endswith("/old.jsonl")]


def waiting(cloud: Cloud) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = cloud.operator.deployment.queues["ingest"]
    found = cloud.operator.clients["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(map(int, found.values()))


@contextmanager
def unannounced(cloud: Cloud) -> Iterator[None]:
    """S3 tells nobody of what is put meanwhile."""
    events = cloud.operator.clients["events"]
    (rule,) = [each["Name"] for each in events.list_rules()["Rules"] if "CaptureFileCreated" in each["Name"]]
    events.disable_rule(Name=rule)
    try:
        yield
    finally:
        events.enable_rule(Name=rule)


def test_quarantined_lines_come_again_and_are_accounted_for_again(cloud: Cloud) -> None:
    bucket, key = cloud.operator.deployment.captures_bucket, f"{PROJECT}/{PROJECT}/AllTraffic/2025/04/01/00/bad.jsonl"
    body = capture_line(9900, text="good before") + b"\n{not a capture\n"
    cloud.operator.clients["s3"].put_object(Bucket=bucket, Key=key, Body=body)
    uri = f"s3://{bucket}/{key}"
    (waiting_line,) = eventually(lambda: quarantined(uri))
    assert waiting_line["first_lines"] == [2]
    (replayed,) = trueup_json("capture", "replay", "--project", PROJECT, "--file", uri, "--yes")
    again = str(replayed["replayed_as"])
    (still,) = eventually(lambda: quarantined(again))
    assert (still["lines"], still["first_lines"]) == (1, [1])
    assert quarantined(uri) == []
    (receipt,) = eventually(lambda: of(cloud, again))
    assert (receipt.lines, receipt.quarantined) == (1, 1)


def quarantined(uri: str) -> list[dict[str, Any]]:
    return [each for each in trueup_json("capture", "quarantine", "--project", PROJECT) if each["file"] == uri]


def of(cloud: Cloud, uri: str) -> list[FileReceipt]:
    found = cloud.operator.ledger.receipts(PROJECT, datetime(2020, 1, 1, tzinfo=UTC))
    return [each for each in found if each.file.uri == uri]
