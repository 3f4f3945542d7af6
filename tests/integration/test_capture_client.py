"""The capture client writes what SageMaker's own capture writes, and never disturbs whoever serves."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import moto  # noqa: F401 - before any client is made, or moto does not see its calls
import pytest
from moto import mock_aws

from tests.worlds import Loop, project
from trueup.adapters.aws.clients import Clients
from trueup.capture.records import parse_key
from trueup.capture_client import CaptureClient

SCHEMA = json.loads((Path(__file__).resolve().parents[1] / "data" / "capture-record.schema.json").read_text())
AT = datetime(2026, 11, 25, 10, 59, 30, tzinfo=UTC)
ANSWER = '{"probabilities": [0.5, 0.3, 0.2]}'


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = Clients()["s3"]
        client.create_bucket(Bucket="captures")
        yield client


def written(s3: Any) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for each in s3.list_objects_v2(Bucket="captures").get("Contents", []):
        body = s3.get_object(Bucket="captures", Key=each["Key"])["Body"].read()
        assert body.endswith(b"\n")
        found[each["Key"]] = [json.loads(line) for line in body.splitlines()]
    return found


class Failing:
    """S3 that refuses so many times, or for good."""

    def __init__(self, times: float) -> None:
        self.left = times
        self.bodies: list[bytes] = []

    def put_object(self, **request: Any) -> None:
        if self.left > 0:
            self.left -= 1
            raise OSError("no route to S3")
        self.bodies.append(request["Body"])


def test_records_are_those_of_data_capture_and_become_tasks(s3: Any) -> None:
    with CaptureClient("s3://captures/pets/", "pets", s3=s3, now=lambda: AT) as captures:
        names = [
            captures.capture("1,2", ANSWER, input_type="text/csv; charset=utf-8", inference_id="call-1"),
            captures.capture(b"\xff\xd8", ANSWER.encode(), input_type="image/jpeg", custom_attributes=["store=7"]),
            captures.capture(b"\xff no text", ANSWER, input_type="text/csv", event_id="mine"),
        ]
    assert names[2] == "mine"
    ((key, records),) = written(s3).items()
    for record in records:
        jsonschema.validate(record, SCHEMA)
    assert [each["captureData"]["endpointInput"]["encoding"] for each in records] == ["CSV", "BASE64", "BASE64"]
    file = parse_key("captures", key)
    assert (file.project, file.endpoint, file.variant) == ("pets", "pets", "AllTraffic")
    assert key.startswith("pets/pets/AllTraffic/2026/11/25/10/")
    loop = Loop(project(selection={"rate": 1.0}))
    loop.archive.files[file.uri] = s3.get_object(Bucket="captures", Key=key)["Body"].read()
    receipt = loop.ingest(file)
    assert (receipt.captures, receipt.quarantined, receipt.selected) == (3, 0, 3)


def test_an_object_holds_the_records_of_one_hour(s3: Any) -> None:
    times = iter([AT, AT.replace(hour=11), AT, AT, AT])
    with CaptureClient("s3://captures/pets", "pets", s3=s3, now=lambda: next(times, AT)) as captures:
        for number in range(3):
            captures.capture(str(number), ANSWER)
    assert sorted(len(each) for each in written(s3).values()) == [1, 2]
    assert {key.split("/")[6] for key in written(s3)} == {"10", "11"}


def test_threads_share_a_client_and_nothing_is_lost(s3: Any) -> None:
    with CaptureClient("s3://captures/pets", "pets", s3=s3, flush_records=40, flush_seconds=0.05) as captures:

        def serve(thread: int) -> None:
            for number in range(50):
                captures.capture(f"{thread},{number}", ANSWER, input_type="text/csv")

        threads = [threading.Thread(target=serve, args=(each,)) for each in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    inputs = [one["captureData"]["endpointInput"]["data"] for records in written(s3).values() for one in records]
    assert sorted(inputs) == sorted(f"{thread},{number}" for thread in range(8) for number in range(50))
    assert captures.dropped == 0


def test_forked_workers_write_their_own_captures_and_no_others() -> None:
    """As prefork model servers do: the parent made the client and captured already."""
    s3 = Failing(0)
    captures = CaptureClient("s3://captures/pets", "pets", s3=s3)
    captures.capture("parent", ANSWER)
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        done = captures.flush(20) and captures.capture("child", ANSWER) and captures.flush(20)
        os.write(into, b"".join(s3.bodies) if done else b"stuck")
        os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as told:
        records = [json.loads(each) for each in told.read().splitlines()]
    os.waitpid(child, 0)
    captures.close()
    assert [each["captureData"]["endpointInput"]["data"] for each in records] == ["child"]
    (mine,) = (json.loads(each) for each in b"".join(s3.bodies).splitlines())
    assert mine["captureData"]["endpointInput"]["data"] == "parent"


def test_what_waited_long_enough_is_written_by_itself() -> None:
    s3, done = Failing(0), threading.Event()
    real = s3.put_object

    def put_object(**request: Any) -> None:
        real(**request)
        done.set()

    s3.put_object = put_object  # type: ignore[method-assign]
    captures = CaptureClient("s3://captures/pets", "pets", s3=s3, flush_seconds=0.01)
    captures.capture("1", ANSWER)
    assert done.wait(20)
    captures.close()


def test_trouble_is_retried_then_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    pauses: list[float] = []
    shaky = Failing(2)
    with CaptureClient("s3://captures/pets", "pets", s3=shaky, pause=pauses.append) as captures:
        captures.capture("1", ANSWER)
    assert (captures.dropped, len(shaky.bodies), pauses) == (0, 1, [0.5, 2.0])
    gone = CaptureClient("s3://captures/pets", "pets", s3=Failing(float("inf")), pause=pauses.append)
    for _ in range(3):
        gone.capture("1", ANSWER)
        assert gone.flush(20)
    gone.close()
    assert gone.dropped == 3
    assert gone.capture("late", ANSWER) is None
    assert gone.dropped == 4
    assert [each.message.count("no route to S3") for each in caplog.records] == [1]


def test_memory_has_an_end_and_serving_goes_on() -> None:
    held = threading.Event()
    s3 = Failing(float("inf"))
    captures = CaptureClient(
        "s3://captures/pets", "pets", s3=s3, max_bytes=2_000, flush_records=1, pause=lambda _: held.wait(20)
    )
    for _ in range(50):
        captures.capture("x" * 100, ANSWER)
    assert 30 < captures.dropped < 50
    assert captures.capture(object(), ANSWER) is None  # type: ignore[arg-type]
    held.set()
    captures.close()


def test_an_endpoint_is_called_and_captured() -> None:
    class Runtime:
        def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
            if request["Body"] == b"bad":
                raise ValueError("ModelError")
            return {"Body": io.BytesIO(ANSWER.encode()), "ContentType": "application/json"}

    s3 = Failing(0)
    with CaptureClient("s3://captures/pets", "pets", s3=s3, runtime=Runtime()) as captures:
        answer = captures.invoke(EndpointName="pets", Body=b"1,2", ContentType="text/csv", InferenceId="i")
        assert answer["Body"].read() == ANSWER.encode()
        with pytest.raises(ValueError, match="ModelError"):
            captures.invoke(EndpointName="pets", Body=b"bad", ContentType="text/csv")
    (record,) = (json.loads(each) for each in b"".join(s3.bodies).splitlines())
    assert record["captureData"]["endpointInput"]["data"] == "1,2"
    assert record["captureData"]["endpointOutput"]["data"] == ANSWER
    assert record["eventMetadata"]["inferenceId"] == "i"


def test_a_share_is_sampled() -> None:
    s3 = Failing(0)
    with CaptureClient("s3://captures/pets", "pets", s3=s3, sampling=0.5) as captures:
        found = [captures.capture("1", ANSWER) for _ in range(400)]
    kept = sum(each is not None for each in found)
    assert 120 < kept < 280
    assert len(b"".join(s3.bodies).splitlines()) == kept
    assert captures.dropped == 0


@pytest.mark.parametrize(
    ("uri", "sampling", "says"),
    [("captures/pets", 1.0, "no capture URI"), ("s3://captures", 1.0, "no capture URI"), ("s3://c/p", 1.5, "sampling")],
)
def test_what_could_never_work_is_refused_at_once(uri: str, sampling: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        CaptureClient(uri, "pets", sampling=sampling)


def test_importing_it_costs_nothing_else_of_trueup() -> None:
    code = (
        "import sys; import trueup.capture_client; "
        "print([each for each in ('botocore', 'numpy', 'msgspec', 'trueup.model') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
