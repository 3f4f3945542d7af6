"""Failed calls made again: the stream as moto plays it, and functions that answer as Lambda would."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.worlds import NOW
from trueup.adapters.aws.outbox import envelope_from
from trueup.adapters.aws.replays import LambdaReplays
from trueup.adapters.aws.table import Table, put
from trueup.adapters.memory import MemoryEventBus
from trueup.errors import InputError, NotFoundError, RetryableError
from trueup.events import Envelope, TaskSkipped, seal
from trueup.observability import process_stream
from trueup.ports import DeadLetter

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:event-publish"
OK: dict[str, Any] = {"batchItemFailures": []}


class Functions:
    """Lambda's Invoke: records the calls; a synchronous one answers what `handler` returns or raises."""

    def __init__(self, handler: Callable[[Any], Any] = lambda _: OK) -> None:
        self._handler = handler
        self.calls: list[tuple[str, str, Any]] = []

    def invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        event = json.loads(Payload)
        self.calls.append((FunctionName, InvocationType, event))
        if InvocationType == "Event":
            return {"StatusCode": 202, "Payload": io.BytesIO(b"")}
        try:
            return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(self._handler(event)).encode())}
        except Exception as error:
            told = json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}).encode()
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(told)}


class Trimmed:
    """A stream that keeps nothing any more."""

    def __init__(self, code: str) -> None:
        self._code = code

    def get_shard_iterator(self, **_: str) -> dict[str, str]:
        raise ClientError({"Error": {"Code": self._code, "Message": "beyond the trim horizon"}}, "GetShardIterator")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    # moto knows the streams by their older address alone.
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    with mock_aws():
        yield lambda service: boto3.client(
            service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )


@pytest.fixture
def stream(aws: Callable[[str], Any]) -> str:
    """The ARN of the stream of a table, in which five events were written."""
    dynamodb = aws("dynamodb")
    keys = ("pk", "HASH"), ("sk", "RANGE")
    made = dynamodb.create_table(
        TableName="trueup",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    table = Table(dynamodb, "trueup")
    for each in sealed(5):
        table.write([put((f"EVENT#{each.event_id}", "EVENT"), each)])
    return str(made["TableDescription"]["LatestStreamArn"])


def replaying(functions: Any, streams: Any) -> LambdaReplays:
    return LambdaReplays({"lambda": functions, "dynamodbstreams": streams})  # type: ignore[arg-type]


def sealed(count: int) -> list[Envelope]:
    events = [TaskSkipped(project="pets", task_id=f"t{n}", annotator="ada", reason="blurred") for n in range(count)]
    return [seal(each, NOW) for each in events]


def letter(document: Any) -> DeadLetter:
    body = document if isinstance(document, str) else json.dumps(document)
    return DeadLetter(message_id="m1", body=body, reason="")


def batch_of(aws: Callable[[str], Any], stream: str, first: int, last: int) -> DeadLetter:
    """A dead letter that names the records from `first` to `last` of the stream."""
    shard = aws("dynamodbstreams").describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]
    start = int(shard["SequenceNumberRange"]["StartingSequenceNumber"])
    batch = {
        "streamArn": stream,
        "shardId": shard["ShardId"],
        "startSequenceNumber": str(start + first),
        "endSequenceNumber": str(start + last),
        "batchSize": last - first + 1,
    }
    return letter({"requestContext": {"functionArn": FUNCTION}, "DDBStreamBatchInfo": batch})


@pytest.mark.slow
def test_a_batch_is_read_again_and_its_events_are_published(aws: Callable[[str], Any], stream: str) -> None:
    bus = MemoryEventBus()

    def publish(record: Any) -> None:
        envelope = envelope_from(record.raw)
        assert envelope is not None
        bus.publish([envelope])

    def handler(event: Any) -> Any:
        return process_stream(event, publish, Logger(service="test"), lambda: lambda _name, error: None)

    functions = Functions(handler)
    replaying(functions, aws("dynamodbstreams")).replay(batch_of(aws, stream, 1, 3))
    assert [each.event_id for each in bus.published] == [each.event_id for each in sealed(5)[1:4]]
    ((name, how, event),) = functions.calls
    assert (name, how) == (FUNCTION, "RequestResponse")
    assert {each["eventSourceARN"] for each in event["Records"]} == {stream}


def test_a_batch_that_fails_again_is_told(aws: Callable[[str], Any], stream: str) -> None:
    def broken(_: Any) -> Any:
        raise KeyError("NewImage")

    for handler, says in (
        (broken, "event-publish failed again: KeyError"),
        (lambda _: {"batchItemFailures": [{"itemIdentifier": "1"}]}, "failed again at 1 records"),
    ):
        replays = replaying(Functions(handler), aws("dynamodbstreams"))
        with pytest.raises(RetryableError, match=says):
            replays.replay(batch_of(aws, stream, 0, 4))


@pytest.mark.slow
@pytest.mark.parametrize("code", ["TrimmedDataAccessException", "ResourceNotFoundException"])
def test_records_that_the_stream_let_go_are_said_to_be_gone(aws: Callable[[str], Any], stream: str, code: str) -> None:
    functions = Functions()
    with pytest.raises(NotFoundError, match=r"no longer holds the records from .*24 hours"):
        replaying(functions, Trimmed(code)).replay(batch_of(aws, stream, 0, 1))
    assert functions.calls == []


def test_a_batch_of_which_the_end_does_not_come_is_not_taken_for_done(aws: Callable[[str], Any], stream: str) -> None:
    functions = Functions()
    with pytest.raises(RetryableError, match="gave 3 records, but not"):
        replaying(functions, aws("dynamodbstreams")).replay(batch_of(aws, stream, 2, 9))
    assert functions.calls == []


@pytest.mark.slow
def test_a_long_batch_is_handed_over_in_pieces(aws: Callable[[str], Any], stream: str) -> None:
    dynamodb = aws("dynamodb")
    for number in range(230):
        dynamodb.put_item(TableName="trueup", Item={"pk": {"S": f"P{number}"}, "sk": {"S": "x"}})
    functions = Functions()
    replaying(functions, aws("dynamodbstreams")).replay(batch_of(aws, stream, 0, 229))
    assert [len(event["Records"]) for _, _, event in functions.calls] == [100, 100, 30]


def test_an_asynchronous_call_is_made_again_with_its_own_payload() -> None:
    functions = Functions()
    payload = {"source": "aws.states", "detail": {"status": "TIMED_OUT", "input": "{}"}}
    failed = {"requestContext": {"functionArn": f"{FUNCTION}:$LATEST"}, "requestPayload": payload}
    replaying(functions, None).replay(letter(failed))
    assert functions.calls == [(f"{FUNCTION}:$LATEST", "Event", payload)]


def test_a_function_that_is_gone_is_said() -> None:
    class Gone:
        def invoke(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no function"}}, "Invoke")

    failed = {"requestContext": {"functionArn": FUNCTION}, "requestPayload": {}}
    with pytest.raises(NotFoundError, match="event-publish"):
        replaying(Gone(), None).replay(letter(failed))


BATCH = {"streamArn": "a", "shardId": "s", "startSequenceNumber": "one", "endSequenceNumber": "2"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "[]",
        "{}",
        '{"requestContext": {}}',
        {"requestContext": {"functionArn": FUNCTION}},
        {"requestContext": {"functionArn": FUNCTION}, "DDBStreamBatchInfo": {}},
        {"requestContext": {"functionArn": FUNCTION}, "DDBStreamBatchInfo": BATCH},
        "[" * 20_000,
    ],
)
def test_what_tells_of_no_call_is_refused(body: Any) -> None:
    functions = Functions()
    with pytest.raises(InputError, match="m1"):
        replaying(functions, None).replay(letter(body))
    assert functions.calls == []
