"""What is not yet a capture file: objects of several buckets, and the queue of those that wait."""

from __future__ import annotations

import gzip

import pytest

from tests.contract.implementations import CAPTURES, DATASET, Ports
from tests.contract.marks import slow_on_aws
from tests.worlds import capture_file
from trueup.errors import CaptureError, NotFoundError
from trueup.model import Payload, TransformPair


def read(ports: Ports, uri: str) -> bytes:
    return b"".join(ports.sources.open(uri).blocks)


@slow_on_aws
def test_objects_of_any_bucket_are_read_with_their_type(ports: Ports) -> None:
    for bucket in (CAPTURES, DATASET):
        uri = f"s3://{bucket}/a b/ü+1.csv"
        ports.put_object(uri, Payload(data=f"{bucket}\n1,2".encode(), content_type="text/csv"))
        assert ports.sources.open(uri).content_type == "text/csv"
        assert read(ports, uri) == f"{bucket}\n1,2".encode()


@pytest.mark.slow
def test_blocks_are_whole_lines_of_what_was_zipped(ports: Ports) -> None:
    data = b"".join(f"line {number}\n".encode() * 9 for number in range(40_000))
    ports.put_object(f"s3://{CAPTURES}/a.csv.gz", Payload(data=gzip.compress(data), content_type=""))
    blocks = list(ports.sources.open(f"s3://{CAPTURES}/a.csv.gz").blocks)
    assert len(blocks) > 1
    assert all(each.endswith(b"\n") for each in blocks)
    assert b"".join(blocks) == data


def test_a_broken_gzip_stream_is_told_and_a_missing_object_too(ports: Ports) -> None:
    ports.put_object(f"s3://{CAPTURES}/a.csv.gz", Payload(data=gzip.compress(b"1,2")[:-3], content_type=""))
    with pytest.raises(CaptureError, match=r"a\.csv\.gz: the gzip stream ends early or is broken"):
        read(ports, f"s3://{CAPTURES}/a.csv.gz")
    with pytest.raises(NotFoundError):
        read(ports, f"s3://{CAPTURES}/gone.csv")


def test_objects_are_listed_by_how_they_begin(ports: Ports) -> None:
    for key in ("in/b.json", "in/a.json", "input/c.json", "out/d.json"):
        ports.put_object(f"s3://{CAPTURES}/{key}", Payload(data=b"[]", content_type=""))
    assert list(ports.sources.under(f"s3://{CAPTURES}/in/")) == [
        f"s3://{CAPTURES}/in/a.json",
        f"s3://{CAPTURES}/in/b.json",
    ]
    assert list(ports.sources.under(f"s3://{CAPTURES}/none/")) == []


def test_a_capture_file_is_written_once(ports: Ports) -> None:
    ports.sources.write(capture_file("new"), b"first\n")
    ports.sources.write(capture_file("new"), b"second\n")
    assert read(ports, capture_file("new").uri) == b"first\n"


def test_every_object_is_announced(ports: Ports) -> None:
    pairs = [TransformPair(manifest="s3://m/ü", input=f"s3://i/{n}", output=f"s3://o/{n}") for n in range(23)]
    ports.transforms.send(pairs)
    ports.transforms.send([])
    assert sorted(ports.waiting(), key=lambda each: int(each.input[7:])) == pairs
