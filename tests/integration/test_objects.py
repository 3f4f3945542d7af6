"""S3: streams of any size in flat memory, objects written once, links that a browser can follow."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.session
import msgspec
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from moto import mock_aws

from tests.contract.implementations import DATASET, TABLE, clients_of_moto, create_table
from tests.contract.records import QUIET
from tests.contract.test_datasets import version
from tests.integration.stand_ins import Endless, Scripted, body, refusal
from tests.worlds import capture_file
from trueup.adapters.aws.buckets import Bucket, S3CaptureArchive, S3PayloadStore
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.table import Table
from trueup.errors import CaptureError, InputError, RetryableError, ServiceError
from trueup.model import Payload, Quarantined

LINES = b'{"a":1}\n' * 1000


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = clients_of_moto()["s3"]
        client.create_bucket(Bucket=DATASET)
        yield client


def lines_of(data: bytes | StreamingBody, name: str = "a", **headers: str) -> list[tuple[int, bytes]]:
    answer = {"Body": body(data) if isinstance(data, bytes) else data, **headers}
    file = capture_file()
    file = msgspec.structs.replace(file, key=file.key.replace("a.jsonl", f"{name}.jsonl"))
    if name.endswith("gz"):
        file = msgspec.structs.replace(file, key=f"{file.key}.gz")
    return list(placed(S3CaptureArchive(Scripted(answer), DATASET).blocks(file)))


def placed(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each line with its offset."""
    offset = 0
    for block in blocks:
        for line in block.removesuffix(b"\n").split(b"\n"):
            yield offset, line
            offset += len(line) + 1


def test_gzip_is_known_by_the_key_or_by_the_header() -> None:
    plain = lines_of(LINES)
    assert len(plain) == 1000
    assert lines_of(gzip.compress(LINES), "gz") == plain
    assert lines_of(gzip.compress(LINES), ContentEncoding="gzip") == plain
    assert lines_of(gzip.compress(LINES[:4000]) + gzip.compress(LINES[4000:]), "gz") == plain


@pytest.mark.parametrize(
    "broken",
    [gzip.compress(LINES)[:-12], b"no gzip at all", gzip.compress(LINES)[:20] + b"\x00\xff" * 20, b"\x1f\x8b"],
    ids=["cut", "plain", "garbled", "header"],
)
def test_a_broken_gzip_stream_is_told_with_the_file(broken: bytes) -> None:
    with pytest.raises(CaptureError, match="s3://captures/pets"):
        lines_of(broken, "gz")


def test_a_connection_that_drops_may_be_tried_again() -> None:
    for name, data in (("a", LINES), ("gz", gzip.compress(LINES))):
        with pytest.raises(RetryableError):
            lines_of(body(data[:-20], len(data)), name)


def test_a_connection_that_stalls_may_be_tried_again() -> None:
    class Stalling(StreamingBody):
        def read(self, amt: int | None = None) -> bytes:
            raise ReadTimeoutError(endpoint_url="https://s3", error="slow")

    with pytest.raises(RetryableError):
        lines_of(Stalling(None, 5))


def test_memory_stays_flat_for_files_of_any_size() -> None:
    block = b'{"x":"' + b"y" * 1015 + b'"}\n'
    count = 128 * 1024
    source = StreamingBody(Endless(block, count), len(block) * count)
    archive = S3CaptureArchive(Scripted({"Body": source}), DATASET)
    tracemalloc.start()
    try:
        assert sum(block.count(b"\n") for block in archive.blocks(capture_file())) == count
        assert tracemalloc.get_traced_memory()[1] < len(block) * count / 4
    finally:
        tracemalloc.stop()


def test_a_line_of_twenty_megabytes_comes_whole() -> None:
    long = b"x" * 20_000_000
    assert lines_of(long + b"\nend") == [(0, long), (20_000_001, b"end")]


def test_the_quarantine_keeps_every_byte(s3: Any) -> None:
    items = [
        Quarantined(line=1, offset=0, reason="no JSON", raw="grün".encode()),
        Quarantined(line=2, offset=6, reason="no UTF-8", raw=b"\xff\xfe"),
    ]
    uri = S3CaptureArchive(s3, DATASET).quarantine(capture_file(), items)
    assert uri == f"s3://{DATASET}/pets/quarantine/{capture_file().file_id}.json"
    document = json.loads(Bucket(s3, DATASET).get(uri.split("/", 3)[3])[0])
    assert document["file"] == capture_file().uri
    assert [each["reason"] for each in document["lines"]] == ["no JSON", "no UTF-8"]
    assert document["lines"][0]["raw"] == "grün"
    assert base64.b64decode(document["lines"][1]["raw_base64"]) == b"\xff\xfe"


def test_s3_checks_the_bytes_by_sha_256(s3: Any) -> None:
    Bucket(s3, DATASET).put_once("key", b"data", "text/plain")
    found = s3.head_object(Bucket=DATASET, Key="key", ChecksumMode="ENABLED")
    assert base64.b64decode(found["ChecksumSHA256"]) == hashlib.sha256(b"data").digest()
    assert found["ContentType"] == "text/plain"


def test_an_object_that_is_there_is_left_and_a_race_is_run_again() -> None:
    there, race = refusal("PreconditionFailed", status=412), refusal("ConditionalRequestConflict", status=409)
    for answers, calls in (((there,), 1), ((race, there), 2), ((race, race, {}), 3)):
        client = Scripted(*answers)
        Bucket(client, DATASET).put_once("key", b"", "text/plain")
        assert [each["IfNoneMatch"] for each in client.requests] == ["*"] * calls
    with pytest.raises(RetryableError):
        Bucket(Scripted(*[race] * 99), DATASET).put_once("key", b"", "text/plain")
    with pytest.raises(ServiceError):
        Bucket(Scripted(refusal("InvalidRequest")), DATASET).put_once("key", b"", "text/plain")


def test_nothing_outside_the_bucket_is_read_on_request(s3: Any) -> None:
    store = S3PayloadStore(s3, DATASET)
    for uri in ("s3://other/key", f"s3://{DATASET}-not/key", "https://example.com/", "key"):
        with pytest.raises(InputError):
            store.get(uri)
        with pytest.raises(InputError):
            store.presign(uri, 60)


def test_payloads_lie_under_the_first_digits_of_their_name(s3: Any) -> None:
    uri = S3PayloadStore(s3, DATASET).put("pets", "ab12", Payload(data=b"woof", content_type="text/plain"))
    assert uri == f"s3://{DATASET}/pets/payloads/ab/ab12"


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_links_are_signed_for_the_address_of_the_region(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    link = urlsplit(signed(region, None, monkeypatch))
    assert link.hostname == f"{DATASET}.s3.{region}.amazonaws.com"
    values = parse_qs(link.query)
    assert values["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert values["X-Amz-Credential"][0].split("/")[2:] == [region, "s3", "aws4_request"]
    assert values["X-Amz-Expires"] == ["90"]
    assert link.scheme == "https"


def test_links_to_an_address_in_numbers_name_the_bucket_in_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    link = urlsplit(signed("us-east-1", "http://127.0.0.1:4566", monkeypatch))
    assert (link.netloc, link.path) == ("127.0.0.1:4566", f"/{DATASET}/pets/a%20b%2Bc")


def signed(region: str, endpoint: str | None, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    session = botocore.session.Session()
    session.set_credentials("key", "secret")
    session.set_config_variable("region", region)
    return S3PayloadStore(Clients(session)["s3"], DATASET).presign(f"s3://{DATASET}/pets/a b+c", 90)


def test_a_version_of_many_segments_is_read_back_from_its_document(s3: Any) -> None:
    dynamodb = clients_of_moto()["dynamodb"]
    create_table(dynamodb)
    store = AwsDatasetStore(Table(dynamodb, TABLE), Bucket(s3, DATASET), max_listed_segments=2)

    class Only:
        datasets = store

    chain = []
    for number in range(4):
        chain.append(version(Only(), chain[-1] if chain else None, number))  # type: ignore[arg-type]
        store.commit(chain[-1], QUIET)
    assert store.versions("pets") == chain[::-1]
    assert store.head("pets") == store.version("pets", "v4") == store.version("pets", chain[3].version_id[:9])
    item = dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": "P#pets#HEAD"}, "sk": {"S": "main"}})["Item"]
    assert json.loads(item["data"]["S"])["segments"] == []
