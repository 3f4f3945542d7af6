"""Capture records and files as SageMaker Data Capture writes them."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.local_world import InMemoryWorld, until
from trueup.capture.records import parse_key
from trueup.local.launcher.sagemaker.capture import CaptureBuffers, Exchange, object_key, record_of

SCHEMA = json.loads((Path(__file__).parents[2] / "data" / "capture-record.schema.json").read_text())
AT = datetime(2026, 11, 25, 9, 5, 7, 42_000, tzinfo=UTC)
BOTH = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://captures/pets",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}


def exchange(**changes: Any) -> Exchange:
    usual: dict[str, Any] = {
        "endpoint": "pets",
        "variant": "AllTraffic",
        "body": b"1,2",
        "content_type": "text/csv",
        "answer": b'{"label": "cat"}',
        "answer_type": "application/json",
        "inference_id": None,
        "custom_attributes": None,
    }
    return Exchange(**{**usual, **changes})


def record(config: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    made = record_of(exchange(**changes), {**BOTH, **(config or {})}, "event-1", AT)
    Draft202012Validator(SCHEMA).validate(made)
    return made


def test_a_record_holds_both_sides_and_when() -> None:
    made = record()
    assert made["captureData"]["endpointInput"] == {
        "observedContentType": "text/csv",
        "mode": "INPUT",
        "data": "1,2",
        "encoding": "CSV",
    }
    assert made["captureData"]["endpointOutput"]["encoding"] == "JSON"
    assert made["eventMetadata"] == {"eventId": "event-1", "inferenceTime": "2026-11-25T09:05:07Z"}


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("text/csv", "CSV"),
        ("text/csv; charset=utf-8", "CSV"),
        ("Text/CSV;header=absent", "CSV"),
        ("application/json", "JSON"),
        ("application/jsonlines", "BASE64"),
        ("image/png", "BASE64"),
        ("", "BASE64"),
    ],
)
def test_the_content_type_decides_the_encoding(content_type: str, encoding: str) -> None:
    side = record(content_type=content_type)["captureData"]["endpointInput"]
    assert side["encoding"] == encoding
    assert side["observedContentType"] == content_type
    data = base64.b64decode(side["data"]) if encoding == "BASE64" else side["data"].encode()
    assert data == b"1,2"


def test_without_content_types_all_is_base64() -> None:
    sides = record({"CaptureContentTypeHeader": {}})["captureData"].values()
    assert {each["encoding"] for each in sides} == {"BASE64"}


@pytest.mark.parametrize(
    ("mode", "sides"),
    [
        ("Input", ["endpointInput"]),
        ("Output", ["endpointOutput"]),
        ("InputAndOutput", ["endpointInput", "endpointOutput"]),
    ],
)
def test_only_the_sides_that_were_asked_for(mode: str, sides: list[str]) -> None:
    assert list(record({"CaptureOptions": [{"CaptureMode": mode}]})["captureData"]) == sides


def test_what_the_caller_gave_along_is_kept() -> None:
    metadata = record(inference_id="order-7", custom_attributes="tenant=acme")["eventMetadata"]
    assert metadata["inferenceId"] == "order-7"
    assert metadata["customAttributes"] == ["tenant=acme"]


def test_keys_follow_sagemakers_layout_and_are_read_by_us() -> None:
    key = object_key("s3://captures/pets/", "pets", "AllTraffic", AT, "name")
    assert key == "s3://captures/pets/pets/AllTraffic/2026/11/25/09/05-07-042-name.jsonl"
    file = parse_key("captures", key.removeprefix("s3://captures/"))
    assert (file.project, file.endpoint, file.variant) == ("pets", "pets", "AllTraffic")


def test_records_are_buffered_and_written_together_by_variant(world: InMemoryWorld) -> None:
    buffers = CaptureBuffers(world)
    for number in range(3):
        buffers.add(exchange(body=str(number).encode()), BOTH)
    buffers.add(exchange(variant="Other"), BOTH)
    assert world.objects == {}
    buffers.flush()
    assert sorted(len(each.splitlines()) for each in world.objects.values()) == [1, 3]
    (many,) = [each for each in world.objects.values() if len(each.splitlines()) == 3]
    assert [json.loads(each)["captureData"]["endpointInput"]["data"] for each in many.splitlines()] == ["0", "1", "2"]
    assert many.endswith(b"\n")
    pattern = r"s3://captures/pets/pets/(AllTraffic|Other)/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl"
    assert all(re.fullmatch(pattern, each) for each in world.objects)
    buffers.close()


def test_a_full_buffer_does_not_wait(world: InMemoryWorld) -> None:
    buffers = CaptureBuffers(world)
    for _ in range(501):
        buffers.add(exchange(), BOTH)
    assert [len(each.splitlines()) for each in world.objects.values()] == [500]
    buffers.close()


def test_a_share_of_the_traffic_is_sampled(world: InMemoryWorld) -> None:
    buffers = CaptureBuffers(world)
    for _ in range(400):
        buffers.add(exchange(), {**BOTH, "InitialSamplingPercentage": 25})
    buffers.flush()
    (lines,) = [each.splitlines() for each in world.objects.values()]
    assert 70 <= len(lines) <= 130
    buffers.close()


@pytest.mark.parametrize("config", [None, {**BOTH, "EnableCapture": False}, {**BOTH, "InitialSamplingPercentage": 0}])
def test_capture_that_is_off_captures_nothing(world: InMemoryWorld, config: dict[str, Any] | None) -> None:
    buffers = CaptureBuffers(world)
    buffers.add(exchange(), config)
    buffers.flush()
    assert world.objects == {}
    buffers.close()


def test_what_cannot_be_written_is_written_later(world: InMemoryWorld) -> None:
    buffers = CaptureBuffers(world)
    world.writable = False
    buffers.add(exchange(body=b"first"), BOTH)
    buffers.flush()
    world.writable = True
    buffers.add(exchange(body=b"second"), BOTH)
    buffers.flush()
    (written,) = world.objects.values()
    assert [json.loads(each)["captureData"]["endpointInput"]["data"] for each in written.splitlines()] == [
        "first",
        "second",
    ]
    buffers.close()


def test_what_is_buffered_at_the_end_is_written_after_the_next_start(tmp_path: Path) -> None:
    before = CaptureBuffers(InMemoryWorld(tmp_path))
    before.add(exchange(), BOTH)
    before.close()
    world = InMemoryWorld(tmp_path, capture_seconds=0.05)
    after = CaptureBuffers(world)
    until(lambda: len(world.objects) == 1)
    after.close()
    assert not (tmp_path / "sagemaker" / "captures.json").exists()
