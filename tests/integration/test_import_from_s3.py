"""A Ground Truth job in S3 becomes a version; streams outlive connections that drop."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws
from PIL import Image

from tests.contract.implementations import DATASET, Ports, clients_of_moto, on_aws
from tests.imports import DATA
from tests.integration.stand_ins import Scripted, body, refusal
from tests.worlds import project
from trueup.adapters.aws.label_sources import AwsLabelSources, s3_stream
from trueup.adapters.memory import FixedClock
from trueup.dataset.segments import decode
from trueup.errors import ConflictError, NotFoundError, PermissionDeniedError, RetryableError
from trueup.usecases.bring_labels import BringLabels, Request
from trueup.usecases.import_labels import ImportLabels

OLD = "acme-labeling-sagemaker"
MASK = "out/mask-r1/annotations/consolidated-annotation/output/0_2026-11-20T10:09:11.002.png"


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ports]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        made = on_aws()
        client().create_bucket(Bucket=OLD)
        yield made


def client() -> Any:
    return clients_of_moto()["s3"]


def put(key: str, data: bytes) -> None:
    client().put_object(Bucket=OLD, Key=key, Body=data)


def manifest(name: str) -> bytes:
    return (DATA / "ground-truth" / f"output_{name}.manifest").read_bytes()


def picture(form: str, *pixels: tuple[int, int, int]) -> bytes:
    made = Image.new("RGB", (len(pixels), 1))
    made.putdata(pixels)
    target = io.BytesIO()
    made.save(target, form)
    return target.getvalue()


def bringing(ports: Ports, kind: str, *names: str) -> BringLabels:
    config = project(
        label_schema={"kind": kind, "media": "image", "classes": [{"name": each} for each in names]},
        triggers={"action": "notify"},
    )
    projects = {config.name: config}
    clock = FixedClock()
    make = ImportLabels(projects, ports.payloads, ports.datasets, clock, ports.tasks)
    return BringLabels(projects=projects, make=make)


def request(place: str) -> Request:
    return Request(project="pets", form="ground-truth", place=AwsLabelSources(client(), None).at(place))


def test_masks_of_a_job_become_a_version(ports: Ports) -> None:
    put("out/mask-r1/manifests/output/output.manifest", manifest("semantic_segmentation"))
    put(MASK, picture("PNG", (0x1F, 0x77, 0xB4), (0x1F, 0x77, 0xB4), (255, 255, 255)))
    put("in/img-000.jpg", picture("JPEG", (1, 2, 3), (1, 2, 3), (1, 2, 3)))
    brought = bringing(ports, "mask", "road")(request(f"s3://{OLD}/out/mask-r1"), "an old job")
    assert brought.version is not None
    (sample,) = decode(ports.datasets.segment("pets", brought.version.segments[0].sha256))
    assert json.loads(sample.label) == {"width": 3, "height": 1, "classes": ["road"], "runs": [[1, 2], [0, 1]]}
    assert (sample.content_type, sample.posterior) == ("image/jpeg", 0.9)
    assert sample.payload_uri.startswith(f"s3://{DATASET}/pets/payloads/")
    assert ports.payloads.get(sample.payload_uri).data.startswith(b"\xff\xd8")


def test_what_a_job_names_and_is_gone_is_a_problem_with_its_line(ports: Ports) -> None:
    put("out/boxes/manifests/output/output.manifest", manifest("bounding_box"))
    put("in/img-000.jpg", picture("JPEG", (1, 2, 3)))
    bring = bringing(ports, "boxes", "crate", "label")
    brought = bring(request(f"s3://{OLD}/out/boxes/"), "an old job")
    assert brought.version is None
    (problem,) = brought.tally.first
    assert problem.where == "manifests/output/output.manifest:2"
    assert f"s3://{OLD}/in/img-001.jpg" in problem.what
    assert ports.datasets.head("pets") is None


LINES = b"".join(b'{"n":%d}\n' % number for number in range(1000))


def opening(data: bytes = LINES, **more: Any) -> dict[str, Any]:
    return {"Body": body(data), "ContentLength": len(LINES), "ETag": '"a"', **more}


def test_a_stream_goes_on_where_a_connection_dropped() -> None:
    dropped = {**opening(), "Body": body(LINES[:5000], len(LINES))}
    client = Scripted(dropped, lambda asked: {"Body": body(LINES[int(asked["Range"][6:-1]) :])})
    with s3_stream(client, "s3://b/k") as stream:
        assert stream.read() == LINES
    assert client.requests[1]["IfMatch"] == '"a"'
    assert len(client.requests) == 2


def test_a_stream_that_always_drops_may_be_tried_again_later() -> None:
    client = Scripted(opening(b""), *[lambda _: {"Body": body(b"")}] * 9)
    with s3_stream(client, "s3://b/k") as stream, pytest.raises(RetryableError):
        stream.read()


def test_an_object_that_changed_meanwhile_is_not_pieced_together() -> None:
    client = Scripted(opening(LINES[:5000]), refusal("PreconditionFailed", status=412))
    with s3_stream(client, "s3://b/k") as stream, pytest.raises(ConflictError):
        stream.read()


def test_reading_in_turn_is_one_request() -> None:
    client = Scripted(opening())
    with s3_stream(client, "s3://b/k") as stream:
        assert sum(1 for _ in stream) == 1000
    assert len(client.requests) == 1


def test_a_job_is_found_by_its_name() -> None:
    told = {
        "LabelingJobName": "boxes-r1",
        "LabelingJobStatus": "Completed",
        "LabelAttributeName": "boxes",
        "OutputConfig": {"S3OutputPath": f"s3://{OLD}/out/"},
        "LabelingJobOutput": {"OutputDatasetS3Uri": f"s3://{OLD}/out/boxes-r1/manifests/output/output.manifest"},
    }
    job = AwsLabelSources(None, Scripted(told)).job("boxes-r1")
    assert (job.place, job.attribute, job.status) == (f"s3://{OLD}/out/boxes-r1/", "boxes", "Completed")
    with pytest.raises(NotFoundError, match="there is no labeling job gone"):
        AwsLabelSources(None, Scripted(refusal("ResourceNotFound"))).job("gone")
    with pytest.raises(PermissionDeniedError):
        AwsLabelSources(None, Scripted(refusal("AccessDeniedException"))).job("secret")
