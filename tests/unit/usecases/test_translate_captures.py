"""Manifests and messages become capture files that the ordinary ingest reads, once each."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.worlds import Loop, project
from trueup.adapters.memory import MemoryCaptureSources, MemoryTransformQueue
from trueup.capture.asynchronous import is_inference, read_inference
from trueup.capture.records import parse_key
from trueup.errors import (
    CaptureError,
    ConfigurationError,
    ManifestError,
    NotFoundError,
    PermissionDeniedError,
    RetryableError,
)
from trueup.model import FileReceipt, Payload, TransformPair
from trueup.usecases.translate_captures import TranslateCaptures

MESSAGE = json.loads(
    (Path(__file__).resolve().parents[2] / "data" / "sources" / "async_success_sns_message.json").read_text()
)
OUTPUT = "s3://captures/pets/nightly/output/2026/11/20/02/e30a.json"
INPUT = "s3://captures/pets/nightly/input/2026/11/20/02/7b1f.json"
SOURCES: dict[str, Any] = {
    "transform": True,
    "async_topics": ["arn:aws:sns:us-east-1:123456789012:told"],
    "buckets": ["in", "out"],
}


class Place:
    """A project whose captures come from elsewhere, with what lies in S3."""

    def __init__(self, **sources: Any) -> None:
        self.loop = Loop(project(sources={**SOURCES, **sources}))
        self.sources, self.queue = MemoryCaptureSources(), MemoryTransformQueue()
        projects = {"pets": self.loop.config}
        self.translate = TranslateCaptures(projects, self.sources, self.queue, "captures")

    def put(self, uri: str, data: bytes, content_type: str = "binary/octet-stream") -> None:
        self.sources.objects[uri] = Payload(data=data, content_type=content_type)

    def transform(self, inputs: dict[str, bytes], outputs: dict[str, bytes], content_type: str = "") -> None:
        for name, data in inputs.items():
            self.put(f"s3://in/{name}", data, content_type)
        for name, data in outputs.items():
            self.put(f"s3://out/{name}.out", data)
        self.put(INPUT, json.dumps([{"prefix": "s3://in/"}, *inputs]).encode())
        self.put(OUTPUT, json.dumps([{"prefix": "s3://out/"}, *(f"{each}.out" for each in outputs)]).encode())

    def run(self) -> list[FileReceipt]:
        """The whole way of a manifest: translated, and what came of it ingested."""
        self.translate.manifest(OUTPUT)
        while self.queue.pairs:
            self.translate.pair(self.queue.pairs.pop(0))
        return self.ingest()

    def ingest(self) -> list[FileReceipt]:
        return [self.loop.ingest(parse_key("captures", each.split("/", 3)[3])) for each in self.written()]

    def written(self) -> list[str]:
        found = [each for each in self.sources.objects if each.endswith(".jsonl") and each.startswith("s3://captures/")]
        self.loop.archive.files.update({each: self.sources.objects[each].data for each in found})
        return sorted(found)

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for each in self.written() for line in self.sources.objects[each].data.splitlines()]


def answers(count: int) -> bytes:
    return b"".join(b'{"probabilities": [0.4, 0.35, 0.25]}\n' for _ in range(count))


def lines(count: int, first: int = 0) -> bytes:
    return b"".join(f"{number},0.5\n".encode() for number in range(first, first + count))


def sides(record: dict[str, Any]) -> tuple[str, str]:
    data = record["captureData"]
    return data["endpointInput"]["data"], data["endpointOutput"]["data"]


# ---------------------------------------------------------------- batch transforms


def test_a_transform_becomes_tasks() -> None:
    place = Place()
    place.transform({"a.csv": lines(3), "b.csv": lines(2, first=9)}, {"a.csv": answers(3), "b.csv": answers(2)})
    receipts = place.run()
    assert sorted((each.captures, each.selected, each.quarantined) for each in receipts) == [(2, 2, 0), (3, 3, 0)]
    assert {each.file.endpoint for each in receipts} == {"nightly"}
    assert [sides(each)[0] for each in place.records() if "9," in sides(each)[0]] == ["9,0.5"]
    first = place.records()[0]
    assert first["eventMetadata"]["inferenceTime"] == "2026-11-20T02:00:00Z"
    assert first["captureData"]["endpointInput"]["observedContentType"] == "text/csv"


def test_the_same_again_in_any_order_changes_nothing() -> None:
    place = Place()
    place.transform({"a.csv": lines(3), "b.csv": lines(2, first=9)}, {"a.csv": answers(3), "b.csv": answers(2)})
    receipts, before = place.run(), dict(place.sources.objects)
    assert place.run() == receipts
    place.translate.manifest(OUTPUT)
    for pair in reversed(place.queue.pairs):
        place.translate.pair(pair)
    assert place.sources.objects == before
    assert len({each["eventMetadata"]["eventId"] for each in place.records()}) == 5


def test_another_run_of_the_job_is_other_captures() -> None:
    place = Place()
    place.transform({"a.csv": lines(1)}, {"a.csv": answers(1)})
    place.run()
    later = OUTPUT.replace("e30a", "f41b")
    place.put(later, place.sources.objects[OUTPUT].data)
    place.translate.manifest(later)
    place.translate.pair(place.queue.pairs.pop())
    assert len({each["eventMetadata"]["eventId"] for each in place.records()}) == 2


def test_an_input_manifest_alone_does_nothing_and_an_output_waits_for_it() -> None:
    place = Place()
    place.transform({"a.csv": lines(1)}, {"a.csv": answers(1)})
    assert place.translate.manifest(INPUT).announced == 0
    manifest = place.sources.objects.pop(INPUT)
    with pytest.raises(RetryableError, match="no input manifest names its 1 inputs, yet"):
        place.translate.manifest(OUTPUT)
    place.sources.objects[INPUT.replace("/02/", "/01/")] = manifest
    assert place.translate.manifest(OUTPUT).announced == 1


def test_ids_that_sagemaker_generated_are_kept() -> None:
    place = Place()
    name, at = "5f0c1e7a-0000-4b1d-9a00-000000000020", "2026-11-20T02:00:11Z"
    answer = json.dumps(
        {"probabilities": [0.4, 0.35, 0.25], "SageMakerInferenceId": name, "SageMakerInferenceTime": at}
    )
    place.transform({"a.csv": lines(1)}, {"a.csv": answer.encode()})
    (receipt,) = place.run()
    (record,) = place.records()
    assert receipt.captures == 1
    assert record["eventMetadata"]["inferenceId"] == name
    assert record["eventMetadata"]["inferenceTime"] == at
    assert json.loads(sides(record)[1]) == {"probabilities": [0.4, 0.35, 0.25]}


def test_an_image_is_one_capture_with_its_bytes() -> None:
    place = Place()
    place.transform({"cat.jpg": b"\xff\xd8\n\xff\xd9"}, {"cat.jpg": answers(1)})
    (receipt,) = place.run()
    assert (receipt.captures, receipt.selected) == (1, 1)
    (record,) = place.records()
    assert record["captureData"]["endpointInput"]["observedContentType"] == "image/jpeg"
    assert record["captureData"]["endpointInput"]["encoding"] == "BASE64"


def test_one_answer_to_several_lines_is_one_request_of_several_instances() -> None:
    place = Place()
    place.transform({"a.csv": lines(3)}, {"a.csv": json.dumps({"predictions": [[0.4, 0.35, 0.25]] * 3}).encode()})
    (receipt,) = place.run()
    assert (receipt.captures, receipt.predictions, receipt.quarantined) == (1, 3, 0)


def test_zipped_inputs_are_read() -> None:
    place = Place()
    place.transform({"a.csv.gz": gzip.compress(lines(2))}, {"a.csv.gz": answers(2)})
    (receipt,) = place.run()
    assert receipt.captures == 2


def test_a_gzip_stream_that_ends_early_is_told() -> None:
    place = Place()
    place.transform({"a.csv.gz": gzip.compress(lines(2))[:-6]}, {"a.csv.gz": answers(2)})
    with pytest.raises(CaptureError, match=r"s3://in/a\.csv\.gz: the gzip stream ends early"):
        place.run()


def test_an_empty_object_makes_no_file() -> None:
    place = Place()
    place.transform({"a.csv": b"\n"}, {"a.csv": b""})
    assert place.run() == []


def test_an_object_that_is_much_larger_than_a_file_becomes_several() -> None:
    place = Place()
    place.translate = replace(place.translate, file_bytes=2_000)
    place.transform({"a.csv": lines(40)}, {"a.csv": answers(40)})
    receipts = place.run()
    assert len(receipts) > 3
    assert sum(each.captures for each in receipts) == 40
    assert len({each["eventMetadata"]["eventId"] for each in place.records()}) == 40


def test_what_is_too_large_for_one_capture_says_what_to_do() -> None:
    place = Place()
    place.translate = replace(place.translate, side_bytes=100)
    place.transform({"a.jpg": bytes(101)}, {"a.jpg": b"[1]"})
    with pytest.raises(CaptureError, match=r"s3://in/a\.jpg holds more than 100 bytes.*SplitType"):
        place.run()


@pytest.mark.parametrize("side", ["in", "out"])
def test_nothing_is_read_outside_of_the_projects_buckets(side: str) -> None:
    place = Place()
    place.transform({"a.csv": lines(1)}, {"a.csv": answers(1)})
    uri = {"in": INPUT, "out": OUTPUT}[side]
    place.put(uri, place.sources.objects[uri].data.replace(f"s3://{side}/".encode(), b"s3://secret/"))
    with pytest.raises(ConfigurationError, match=r"s3://secret/a\.csv(\.out)? is in none of the buckets") as caught:
        place.translate.manifest(OUTPUT)
    assert caught.value.field == "sources.buckets"
    assert place.queue.pairs == []
    pair = TransformPair(manifest=OUTPUT, input="s3://in/a.csv", output="s3://secret/a.csv.out")
    with pytest.raises(ConfigurationError, match="s3://secret"):
        place.translate.pair(pair)


def test_a_project_that_reads_no_transforms_says_so() -> None:
    with pytest.raises(ConfigurationError, match=r"project pets reads no batch transforms: set sources\.transform"):
        Place(transform=False).translate.manifest(OUTPUT)


@pytest.mark.parametrize("uri", [OUTPUT.replace("/pets/", "/birds/"), OUTPUT.replace("captures", "elsewhere")])
def test_a_manifest_that_no_project_owns_is_told(uri: str) -> None:
    with pytest.raises(CaptureError, match="no project is named"):
        Place().translate.manifest(uri)


def test_a_bad_manifest_and_a_missing_object_are_told() -> None:
    place = Place()
    place.put(OUTPUT, b'{"prefix": "s3://out/"}')
    with pytest.raises(ManifestError, match="not a capture manifest"):
        place.translate.manifest(OUTPUT)
    place.transform({"a.csv": lines(1)}, {"a.csv": answers(1)})
    place.sources.objects.pop("s3://out/a.csv.out")
    with pytest.raises(NotFoundError):
        place.run()
    place.sources.private.add("in")
    with pytest.raises(PermissionDeniedError):
        place.translate.pair(TransformPair(manifest=OUTPUT, input="s3://in/a.csv", output="s3://out/a.csv.out"))


# ---------------------------------------------------------------- asynchronous endpoints


def message(**changes: Any) -> dict[str, Any]:
    request = {"contentType": "text/csv", "endpointName": "Pets", "inputLocation": "s3://in/req-1.csv"}
    response = {"contentType": "application/json", "outputLocation": "s3://out/3f1c.out"}
    return {**MESSAGE, "requestParameters": request, "responseParameters": response, **changes}


def failed(**changes: Any) -> dict[str, Any]:
    found = message(invocationStatus="Failed", failureReason="ClientError: received 400 from model", **changes)
    found.pop("responseParameters")
    return found


def answered() -> Place:
    place = Place()
    place.put("s3://in/req-1.csv", b"1,2,3")
    place.put("s3://out/3f1c.out", answers(1))
    return place


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_success_becomes_a_task_once(wrapped: bool) -> None:
    place, told = answered(), message()
    if wrapped:
        told = {"Type": "Notification", "TopicArn": SOURCES["async_topics"][0], "Message": json.dumps(told)}
    assert is_inference(told)
    for _ in range(2):
        done = place.translate.inference(read_inference(told))
        assert (done.project, done.captures, done.failed) == ("pets", 1, 0)
    (receipt,) = place.ingest()
    assert (receipt.captures, receipt.selected, receipt.quarantined) == (1, 1, 0)
    assert receipt.file.key.startswith("pets/Pets/async/2026/11/20/09/")
    (record,) = place.records()
    assert record["eventMetadata"]["inferenceId"] == MESSAGE["inferenceId"]
    assert record["eventMetadata"]["inferenceTime"] == "2026-11-20T09:20:07Z"
    assert sides(record) == ("1,2,3", answers(1).decode())


def test_a_failure_is_counted_and_waits_in_the_quarantine_with_its_reason() -> None:
    place = answered()
    done = place.translate.inference(read_inference(failed()))
    assert (done.captures, done.failed) == (1, 1)
    (receipt,) = place.ingest()
    assert (receipt.captures, receipt.quarantined, receipt.lines) == (0, 1, 1)
    (record,) = place.records()
    assert record["eventMetadata"]["customAttributes"] == ["failure=ClientError: received 400 from model"]
    assert "endpointOutput" not in record["captureData"]
    ((bad,),) = place.loop.archive.quarantined.values()
    assert bad.reason == "the endpoint failed to answer: ClientError: received 400 from model"


def test_a_failure_for_want_of_its_input_is_no_failure_of_ours() -> None:
    place = answered()
    place.sources.objects.pop("s3://in/req-1.csv")
    assert place.translate.inference(read_inference(failed())).failed == 1
    with pytest.raises(NotFoundError):
        place.translate.inference(read_inference(message()))


def test_a_request_that_brought_its_body_has_no_input_to_ask_about() -> None:
    place = answered()
    request = {"endpointName": "pets", "contentType": "text/csv"}
    place.translate.inference(read_inference(message(requestParameters=request)))
    (receipt,) = place.ingest()
    assert receipt.quarantined == 1


def test_types_are_guessed_where_the_message_does_not_tell() -> None:
    place = answered()
    told = message(
        requestParameters={"endpointName": "pets", "inputLocation": "s3://in/req-1.csv"},
        responseParameters={"outputLocation": "s3://out/3f1c.out"},
    )
    place.translate.inference(read_inference(told))
    (record,) = place.records()
    data = record["captureData"]
    assert data["endpointInput"]["observedContentType"] == "text/csv"
    assert data["endpointOutput"]["observedContentType"] == "application/json"


def test_another_endpoints_message_and_another_bucket_are_refused() -> None:
    place = answered()
    other = {"endpointName": "birds", "inputLocation": "s3://in/req-1.csv"}
    with pytest.raises(ConfigurationError, match="has the endpoint birds"):
        place.translate.inference(read_inference(message(requestParameters=other)))
    secret = {"outputLocation": "s3://secret/x.out"}
    with pytest.raises(ConfigurationError, match=r"s3://secret/x\.out is in none of the buckets"):
        place.translate.inference(read_inference(message(responseParameters=secret)))


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (message(invocationStatus="Maybe"), r"Invalid enum value 'Maybe' - at `\$\.invocationStatus`"),
        (message(requestParameters={}), "missing required field `endpointName`"),
        (message(responseParameters={}), r"has no responseParameters\.outputLocation"),
        (message(eventTime="yesterday"), r"\$\.eventTime"),
        ({"Type": "Notification", "Message": "hello"}, "not a message of an asynchronous endpoint"),
        ({"Type": "Notification"}, "not a message of an asynchronous endpoint"),
    ],
)
def test_a_message_that_is_none_says_what_is_wrong(told: dict[str, Any], reason: str) -> None:
    with pytest.raises(CaptureError, match=reason):
        read_inference(told)
