"""capture_translate, run as Lambda runs it: what its queue brings becomes capture files in S3, or a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from functions.capture_translate import handler as function
from tests.contract.implementations import CAPTURES, TABLE, clients_of_moto, create_table
from tests.integration.stand_ins import Scripted
from tests.worlds import project
from trueup.adapters.aws.capture_sources import SqsTransformQueue
from trueup.adapters.aws.failure_notes import DynamoFailureNotes
from trueup.adapters.aws.table import Table
from trueup.capture.records import parse_key, read_line
from trueup.errors import RetryableError
from trueup.model import Capture, TransformPair
from trueup.settings import CaptureTranslateSettings, render_projects

DATA = Path(__file__).resolve().parents[1] / "data" / "sources"
FOLDER = "churn/nightly"
INPUT, OUTPUT = f"{FOLDER}/input/2026/11/20/02/7b1f.json", f"{FOLDER}/output/2026/11/20/02/e30a.json"
BUCKETS = ["acme-batch-in", "acme-batch-out", "acme-async-in", "acme-async-out"]
TOPIC = "arn:aws:sns:us-east-1:123456789012:told"


class Aws:
    """Moto's, with the function's queue in it."""

    def __init__(self) -> None:
        clients = clients_of_moto()
        self.s3, self.sqs, self.dynamodb = clients["s3"], clients["sqs"], clients["dynamodb"]
        create_table(self.dynamodb)
        for each in (CAPTURES, *BUCKETS):
            self.s3.create_bucket(Bucket=each)
        self.url = self.sqs.create_queue(QueueName="translate")["QueueUrl"]

    def put(self, uri: str, data: bytes) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.s3.put_object(Bucket=bucket, Key=key, Body=data)

    def files(self) -> dict[str, list[Capture]]:
        """The capture files, as trueup's own reader reads them."""
        found = {}
        for each in self.s3.list_objects_v2(Bucket=CAPTURES).get("Contents", []):
            if each["Key"].endswith(".jsonl"):
                body = self.s3.get_object(Bucket=CAPTURES, Key=each["Key"])["Body"].read()
                captures = [read_line(number, 0, line) for number, line in enumerate(body.splitlines(), start=1)]
                found[each["Key"]] = [each for each in captures if isinstance(each, Capture)]
                assert len(found[each["Key"]]) == len(captures)
        return found

    def drain(self) -> list[str]:
        """Work off what the function told its own queue; returns the reasons of failures."""
        failed = []
        while messages := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", []):
            for each in messages:
                failed += self.tell(json.loads(each["Body"]))
        return failed

    def tell(self, body: Any) -> list[str]:
        """Hand the function one message; returns the reasons of failures."""
        record = {"messageId": "m1", "body": json.dumps(body), "eventSource": "aws:sqs"}
        answer = function.handler({"Records": [record]}, None)
        failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
        notes = DynamoFailureNotes(Table(self.dynamodb, TABLE)).find(failed) if failed else {}
        return [notes[each].reason for each in failed]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Aws]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    sources = {"transform": True, "async_topics": [TOPIC], "buckets": BUCKETS}
    churn = project(name="churn", endpoint_name="churn-async", sources=sources)
    (tmp_path / "projects.json").write_bytes(render_projects([churn]))
    with mock_aws():
        found = Aws()
        settings = CaptureTranslateSettings(
            stage="test", table_name=TABLE, captures_bucket=CAPTURES, queue_url=found.url
        )
        for variable, value in settings.to_env().items():
            monkeypatch.setenv(variable, value)
        yield found
    function._translate.cache_clear()
    function._note.cache_clear()


def written(key: str) -> dict[str, Any]:
    """As EventBridge tells of an object."""
    return {"detail-type": "Object Created", "detail": {"bucket": {"name": CAPTURES}, "object": {"key": key}}}


def transformed(aws: Aws) -> None:
    """The published samples: their manifests, and two outputs with generated ids."""
    ids = (DATA / "batch_output_generate_inference_id.csv.out").read_bytes()
    for number in range(2):
        aws.put(f"s3://acme-batch-in/2026-11-20/part-{number}.csv", b"34,1,0.5\n35,0,0.25\n")
        aws.put(f"s3://acme-batch-out/2026-11-20/part-{number}.csv.out", ids)
    aws.put(f"s3://{CAPTURES}/{INPUT}", (DATA / "batch_input_manifest.json").read_bytes())
    aws.put(f"s3://{CAPTURES}/{OUTPUT}", (DATA / "batch_output_manifest.json").read_bytes())


def test_a_transform_becomes_one_capture_file_for_each_object(aws: Aws) -> None:
    transformed(aws)
    assert aws.tell(written(INPUT)) == aws.tell(written(OUTPUT)) == []
    assert aws.drain() == []
    files = aws.files()
    assert len(files) == 2
    for key, captures in files.items():
        file = parse_key(CAPTURES, key)
        assert (file.project, file.endpoint, file.variant) == ("churn", "nightly", "transform")
        assert [each.input.data for each in captures if each.input] == [b"34,1,0.5", b"35,0,0.25"]
        assert [each.output.data for each in captures if each.output] == [b"0.8122", b"0.0431"]
        assert captures[0].inference_id == "5f0c1e7a-0000-4b1d-9a00-000000000020"
    assert aws.tell(written(OUTPUT)) == aws.drain() == []
    assert aws.files() == files


def test_an_asynchronous_answer_becomes_a_capture_file(aws: Aws) -> None:
    aws.put("s3://acme-async-in/req-0001.csv", b"34,1,0.5\n")
    aws.put("s3://acme-async-out/3f1c9c0e.out", b"0.8122\n")
    message = json.loads((DATA / "async_success_sns_message.json").read_text())
    assert aws.tell(message) == aws.tell({"Type": "Notification", "Message": json.dumps(message)}) == []
    ((key, (capture,)),) = aws.files().items()
    assert key.startswith("churn/churn-async/async/2026/11/20/09/")
    assert capture.inference_id == message["inferenceId"]
    assert capture.input is not None
    assert (capture.input.content_type, capture.input.data) == ("text/csv", b"34,1,0.5\n")
    assert capture.output is not None
    assert capture.output.content_type == "text/csv; charset=utf-8"


def test_what_cannot_be_translated_leaves_its_reason(aws: Aws) -> None:
    transformed(aws)
    aws.put(f"s3://{CAPTURES}/{OUTPUT}", b'["part-0.csv.out"]')
    (reason,) = aws.tell(written(OUTPUT))
    assert reason.startswith(f"ManifestError: s3://{CAPTURES}/{OUTPUT}: element 1 must be")
    (reason,) = aws.tell(written("churn/output/2026/11/20/02/e30a.json"))
    assert reason.startswith(f"ManifestError: s3://{CAPTURES}/churn/output/2026/11/20/02/e30a.json: not a capture")
    (reason,) = aws.tell({"invocationStatus": "Completed"})
    assert reason.startswith("CaptureError: not a message of an asynchronous endpoint: Object missing required field")
    (reason,) = aws.tell({"hello": "world"})
    assert reason.startswith("InputError: neither a manifest's event, nor an object of one")
    assert aws.files() == {}


def test_one_object_that_is_gone_does_not_stop_the_others(aws: Aws) -> None:
    transformed(aws)
    aws.s3.delete_object(Bucket="acme-batch-out", Key="2026-11-20/part-0.csv.out")
    assert aws.tell(written(OUTPUT)) == []
    (reason,) = aws.drain()
    assert reason.startswith("NotFoundError: reading s3://acme-batch-out/2026-11-20/part-0.csv.out")
    assert len(aws.files()) == 1


def test_what_sqs_refuses_comes_again() -> None:
    client = Scripted({"Failed": [{"Id": "0", "Message": "busy"}]})
    pair = TransformPair(manifest="s3://m/1", input="s3://i/1", output="s3://o/1")
    with pytest.raises(RetryableError, match="SQS refused 1 of 1 objects to translate: busy"):
        SqsTransformQueue(client, "https://sqs/translate").send([pair])
