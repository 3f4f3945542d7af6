"""What one capture file costs in calls to AWS, counted on the wire, and the page that says so."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import moto  # noqa: F401 - before any client is made, or moto does not see its calls
import msgspec
import pytest

from tests.contract.implementations import CAPTURES, DATASET, TABLE
from tests.worlds import capture_file, capture_line, project
from trueup.adapters.aws.clients import Clients
from trueup.model import FileReceipt
from trueup.settings import CaptureIngestSettings
from trueup.wiring.ingest_captures import ingest_captures

COST = Path(__file__).resolve().parents[2] / "docs" / "cost.md"
# us-east-1, autumn 2026, dollars each.
PRICES = {
    "PutObject": 5e-6,
    "GetObject": 4e-7,
    "sqs": 4e-7,
    "event": 1e-6,
    "write unit": 6.25e-7,
    "read unit": 1.25e-7,
    "Lambda request": 2e-7,
    "Lambda GB-s": 1.33334e-5,
    "GB-month": 0.023,
}
# What a file takes besides its records, mostly waiting for AWS: assumed. For a record see docs/benchmarks/ingest.md.
SECONDS_PER_FILE, SECONDS_PER_RECORD, GIGABYTES = 0.15, 2e-5, 0.5
RECORD_BYTES = 2_000
# A batch of the ingest queue is up to five files.
FILES_PER_INVOCATION = 5


@dataclass
class Meter:
    """Counts calls by operation, and the capacity that those to DynamoDB take."""

    calls: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)

    def count(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        self.calls[model.name] += 1
        if model.name == "TransactWriteItems":
            self.units["write unit"] += sum(_write_units(each) for each in params["TransactItems"])
        elif model.name == "BatchGetItem":
            self.units["read unit"] += sum(len(each["Keys"]) for each in params["RequestItems"].values())
        elif model.service_model.service_name == "dynamodb":
            self.units["read unit"] += 1


@contextmanager
def metered(clients: Clients) -> Iterator[Meter]:
    meter = Meter()
    events = [(clients[each].meta.events, f"provide-client-params.{each}") for each in ("s3", "dynamodb", "sqs")]
    for emitter, name in events:
        emitter.register(name, meter.count)
    yield meter
    for emitter, name in events:
        emitter.unregister(name, meter.count)


def _write_units(action: Mapping[str, Any]) -> int:
    """A kilobyte each, twice in a transaction, and once more for an item of the index."""
    ((_, body),) = action.items()
    kilobytes = math.ceil(len(json.dumps(body)) / 1024)
    return kilobytes * (2 + ("gsi1pk" in json.dumps(body)))


def ingest(
    clients: Clients, folder: Path, records: int, rate: float, overlap: int, name: str = "a"
) -> tuple[FileReceipt, Meter]:
    """One file of so many records, of which the share `rate` is asked about."""
    config = project(
        selection={"rate": rate, "budget": {"per_hour": 10**6, "per_day": 10**6}}, consensus={"overlap": overlap}
    )
    (folder / "projects.json").write_bytes(msgspec.json.encode([config]))
    file = capture_file(name)
    body = b"".join(capture_line(each, text=f"{name} {each}") + b"\n" for each in range(records))
    clients["s3"].put_object(Bucket=file.bucket, Key=file.key, Body=body)
    url = clients["sqs"].create_queue(QueueName="pets")["QueueUrl"]
    settings = CaptureIngestSettings(
        captures_bucket=CAPTURES,
        stage="test",
        table_name=TABLE,
        dataset_bucket=DATASET,
        annotation_queue_urls={"pets": url},
        projects_file=str(folder / "projects.json"),
    )
    use_case = ingest_captures(settings, clients)
    with metered(clients) as meter:
        return use_case(file), meter


def test_ten_thousand_captures_of_which_a_hundred_are_asked_about(clients: Clients, tmp_path: Path) -> None:
    receipt, meter = ingest(clients, tmp_path, 10_000, 0.01, overlap=1)
    assert (receipt.captures, receipt.selected) == (10_000, 100)
    calls = meter.calls
    assert calls["GetObject"] == 1
    assert calls["PutObject"] == 100
    # The receipt and the reservation; the candidates, four times as many as are wanted, and the counters.
    assert (calls["GetItem"], calls["BatchGetItem"]) == (1, 7)
    # Tasks ten at a time or more, the counters once, the receipt once.
    assert calls["TransactWriteItems"] <= 100 / 10 + 2
    # Which model served when they were captured.
    assert calls["Query"] == 1
    assert calls["SendMessageBatch"] == 100 / 10
    assert set(calls) == {
        "GetObject",
        "PutObject",
        "GetItem",
        "BatchGetItem",
        "Query",
        "TransactWriteItems",
        "SendMessageBatch",
    }


def test_a_file_of_which_nothing_is_asked_writes_its_receipt_alone(clients: Clients, tmp_path: Path) -> None:
    receipt, meter = ingest(clients, tmp_path, 200, 1e-9, overlap=2)
    assert receipt.selected == 0
    # Whether another reading of it has begun is asked before and after.
    assert meter.calls == {"BatchGetItem": 2, "GetObject": 1, "TransactWriteItems": 1}


@pytest.mark.parametrize("records", [200, 10, 1])
def test_the_page_says_what_a_million_captures_cost(clients: Clients, tmp_path: Path, records: int) -> None:
    _, none = ingest(clients, tmp_path, 1, 1e-9, overlap=2)
    receipt, many = ingest(clients, tmp_path, 1_000, 0.1, overlap=2, name="many")
    asking = (dollars_of_calls(many) - dollars_of_calls(none)) / receipt.selected
    dollars = 1e6 * (dollars_per_file(none, records) / records + 0.01 * asking)
    row = f"| {records} a file | ${dollars:.2f} |"
    assert row in COST.read_text(), row


def dollars_of_calls(meter: Meter) -> float:
    calls, units = meter.calls, meter.units
    return (
        PRICES["PutObject"] * calls["PutObject"]
        + PRICES["GetObject"] * calls["GetObject"]
        + PRICES["sqs"] * calls["SendMessageBatch"]
        + PRICES["write unit"] * units["write unit"]
        + PRICES["read unit"] * units["read unit"]
    )


def dollars_per_file(meter: Meter, records: int) -> float:
    """A file of which nothing is asked, from the PUT of Data Capture on, and its storage for a month."""
    seconds = SECONDS_PER_FILE + SECONDS_PER_RECORD * records
    compute = PRICES["Lambda request"] / FILES_PER_INVOCATION + PRICES["Lambda GB-s"] * GIGABYTES * seconds
    around = PRICES["PutObject"] + PRICES["event"] + 1.2 * PRICES["sqs"]
    return dollars_of_calls(meter) + compute + around + PRICES["GB-month"] * RECORD_BYTES * records / 1e9
