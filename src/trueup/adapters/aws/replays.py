"""Failed calls of Lambda functions, made again from the records that Lambda leaves of them.

An asynchronous call leaves its payload (docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html), a
batch of a DynamoDB stream the place where its records are (…/lambda/latest/dg/services-dynamodb-errors.html).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from botocore.exceptions import ClientError

from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.errors import code_of, translated
from trueup.errors import InputError, NotFoundError, RetryableError
from trueup.ports import DeadLetter, Replays

_GONE = frozenset({"ResourceNotFoundException", "TrimmedDataAccessException"})
# A synchronous call takes 6 MB.
_CALL_BYTES = 4_000_000
_CALL_RECORDS = 100
_EMPTY_PAGES = 10


_Digits = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,40}\Z")]


class _Context(msgspec.Struct):
    functionArn: str  # noqa: N815 - the wire's name


class _Batch(msgspec.Struct):
    streamArn: str  # noqa: N815
    shardId: str  # noqa: N815
    startSequenceNumber: _Digits  # noqa: N815
    endSequenceNumber: _Digits  # noqa: N815


class _Failed(msgspec.Struct):
    requestContext: _Context  # noqa: N815
    requestPayload: msgspec.Raw = msgspec.Raw()  # noqa: N815
    DDBStreamBatchInfo: _Batch | None = None


class LambdaReplays(Replays):
    """Asynchronous calls are made asynchronously again: should one fail, it comes back to the same queue. A batch is
    handed over while we wait, since nobody else would hear of its failure."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def replay(self, letter: DeadLetter) -> None:
        failed = _failed(letter)
        function = failed.requestContext.functionArn
        if failed.DDBStreamBatchInfo is not None:
            self._hand_over(function, failed.DDBStreamBatchInfo)
        elif bytes(failed.requestPayload):
            self._invoke(function, "Event", bytes(failed.requestPayload))
        else:
            raise InputError(f"message {letter.message_id} tells neither a payload nor a batch of {function}")

    def _hand_over(self, function: str, batch: _Batch) -> None:
        records = [_as_lambda_has_it(each, batch.streamArn) for each in self._records(batch)]
        for each in _chunks(records):
            answer = self._invoke(function, "RequestResponse", each)
            refused = answer.get("batchItemFailures") if isinstance(answer, dict) else None
            if refused:
                raise RetryableError(f"{_name(function)} failed again at {len(refused)} records of the stream")

    def _records(self, batch: _Batch) -> list[Mapping[str, Any]]:
        with translated(f"reading the stream from {batch.startSequenceNumber}"):
            try:
                records = list(self._between(batch))
            except ClientError as error:
                if code_of(error) not in _GONE:
                    raise
                records = []
        if not records:
            raise NotFoundError(
                f"the stream no longer holds the records from {batch.startSequenceNumber}: it keeps them for 24 hours"
            )
        if _place(records[-1]) < int(batch.endSequenceNumber):
            raise RetryableError(f"the stream gave {len(records)} records, but not {batch.endSequenceNumber}")
        return records

    def _between(self, batch: _Batch) -> Iterator[Mapping[str, Any]]:
        """The first record of a batch to its last. An open shard has no end, so a row of empty pages is one."""
        iterator, last, empty = self._iterator(batch), int(batch.endSequenceNumber), 0
        while iterator and empty < _EMPTY_PAGES:
            page = self._clients["dynamodbstreams"].get_records(ShardIterator=iterator)
            iterator = page.get("NextShardIterator")
            empty = 0 if page["Records"] else empty + 1
            for each in page["Records"]:
                yield each
                if _place(each) >= last:
                    return

    def _iterator(self, batch: _Batch) -> str:
        answer = self._clients["dynamodbstreams"].get_shard_iterator(
            StreamArn=batch.streamArn,
            ShardId=batch.shardId,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=batch.startSequenceNumber,
        )
        return str(answer["ShardIterator"])

    def _invoke(self, function: str, how: str, payload: bytes) -> Any:
        with translated(f"calling {_name(function)}"):
            answer = self._clients["lambda"].invoke(FunctionName=function, InvocationType=how, Payload=payload)
            body = answer["Payload"].read()
        result = msgspec.json.decode(body) if body else None
        if answer.get("FunctionError"):
            raise RetryableError(f"{_name(function)} failed again: {_told(result)}")
        return result


def _failed(letter: DeadLetter) -> _Failed:
    try:
        return msgspec.json.decode(letter.body, type=_Failed)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InputError(f"message {letter.message_id} is no record of a failed call: {error}") from error


def _as_lambda_has_it(record: Mapping[str, Any], stream: str) -> bytes:
    """A record as Lambda hands it to functions: JSON, with the stream's name."""
    return json.dumps({**record, "eventSourceARN": stream}, default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is not in a stream's record")


def _chunks(records: list[bytes]) -> Iterator[bytes]:
    chunk: list[bytes] = []
    for each in records:
        if chunk and (len(chunk) == _CALL_RECORDS or sum(map(len, chunk)) + len(each) > _CALL_BYTES):
            yield _event(chunk)
            chunk = []
        chunk.append(each)
    if chunk:
        yield _event(chunk)


def _event(records: list[bytes]) -> bytes:
    return b'{"Records":[' + b",".join(records) + b"]}"


def _place(record: Mapping[str, Any]) -> int:
    return int(record["dynamodb"]["SequenceNumber"])


def _told(result: Any) -> str:
    if not isinstance(result, dict):
        return "it said nothing"
    return f"{result.get('errorType', 'Error')}: {result.get('errorMessage', 'no message')}"


def _name(arn: str) -> str:
    return arn.partition(":function:")[2].partition(":")[0] or arn
