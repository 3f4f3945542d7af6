"""One DynamoDB table, spoken to in plain items: pk and sk, perhaps gsi1pk and gsi1sk, a record in `data`.

The layout of the keys is in docs/table.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from botocore.exceptions import ClientError

from trueup.adapters.aws.errors import code_of, translated
from trueup.errors import ConflictError, RetryableError
from trueup.events import seal
from trueup.model import Edge, Record
from trueup.ports import Journal

Item = dict[str, Any]
T = TypeVar("T")
TRANSACTION_LIMIT = 100
_GET_LIMIT = 100
_OUTBOX_DAYS = 7


class ConditionFailedError(ConflictError):
    """A condition of a write or transaction did not hold; nothing was written."""


class Write(Record, frozen=True, kw_only=True):
    """One action of a transaction. `values` are those of the condition and update expressions, by :name."""

    action: str
    key: tuple[str, str]
    item: dict[str, Any] | None = None
    update: str | None = None
    condition: str | None = None
    values: Mapping[str, Any] = {}


class Table:
    """The few DynamoDB calls that the stores need."""

    def __init__(self, client: Any, name: str, page_size: int | None = None) -> None:
        self._client = client
        self._name = name
        self._page_size = page_size

    def get(self, pk: str, sk: str) -> Item | None:
        """Strongly consistent."""
        with translated(f"reading {pk}/{sk}"):
            answer = self._client.get_item(TableName=self._name, Key=_key(pk, sk), ConsistentRead=True)
        return _plain(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """Strongly consistent; missing items are left out."""
        wanted = sorted(set(keys))
        found: dict[tuple[str, str], Item] = {}
        for start in range(0, len(wanted), _GET_LIMIT):
            self._get_batch([_key(*each) for each in wanted[start : start + _GET_LIMIT]], found)
        return found

    def _get_batch(self, keys: list[Item], found: dict[tuple[str, str], Item]) -> None:
        for _ in range(8):
            with translated("reading a batch"):
                answer = self._client.batch_get_item(RequestItems={self._name: {"Keys": keys, "ConsistentRead": True}})
            for raw in answer["Responses"].get(self._name, []):
                item = _plain(raw)
                found[item["pk"], item["sk"]] = item
            keys = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
            if not keys:
                return
        raise RetryableError(f"{len(keys)} keys of a batch read stayed unprocessed")

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        at_least: str | None = None,
        index: bool = False,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[Item]:
        """Items of a partition in key order, over all pages. The index is eventually consistent, the table not."""
        left = limit
        for page in self._pages(pk, prefix, at_least, index, newest_first, limit):
            for raw in page["Items"]:
                if left is not None and left <= 0:
                    return
                yield _plain(raw)
                left = left - 1 if left is not None else None

    def count(self, pk: str, *, at_least: str | None = None, index: bool = False) -> int:
        pages = self._pages(pk, "", at_least, index, newest_first=False, limit=None, Select="COUNT")
        return sum(int(page["Count"]) for page in pages)

    def _pages(
        self,
        pk: str,
        prefix: str,
        at_least: str | None,
        index: bool,
        newest_first: bool,
        limit: int | None,
        **more: Any,
    ) -> Iterator[Item]:
        names = ("gsi1pk", "gsi1sk") if index else ("pk", "sk")
        condition, values = f"{names[0]} = :pk", {":pk": {"S": pk}}
        if prefix:
            condition += f" AND begins_with({names[1]}, :prefix)"
            values[":prefix"] = {"S": prefix}
        elif at_least is not None:
            condition += f" AND {names[1]} >= :from"
            values[":from"] = {"S": at_least}
        request: Item = {
            "TableName": self._name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not newest_first,
            **more,
        }
        request |= {"IndexName": "gsi1"} if index else {"ConsistentRead": True}
        page_size = self._page_size or limit
        if page_size and "Select" not in more:
            request["Limit"] = page_size
        while True:
            with translated(f"querying {pk}"):
                page = self._client.query(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def write(self, writes: Sequence[Write]) -> None:
        """All of them or none. Raises ConditionFailedError, also when another transaction was at the same items."""
        unique = list({each.key: each for each in writes}.values())
        if len(unique) > TRANSACTION_LIMIT:
            raise ValueError(f"a transaction of {len(unique)} items: DynamoDB takes {TRANSACTION_LIMIT}")
        with translated(f"writing {len(unique)} items"):
            try:
                self._client.transact_write_items(TransactItems=[self._action(each) for each in unique])
            except ClientError as error:
                if code_of(error) != "TransactionCanceledException":
                    raise
                raise _cancelled(error) from error

    def _action(self, write: Write) -> Item:
        body: Item = {"TableName": self._name}
        if write.action == "Put":
            body["Item"] = {name: _typed(value) for name, value in {**_named(write.key), **(write.item or {})}.items()}
        else:
            body["Key"] = _key(*write.key)
        if write.update:
            body["UpdateExpression"] = write.update
        if write.condition:
            body["ConditionExpression"] = write.condition
        if write.values:
            body["ExpressionAttributeValues"] = {name: _typed(value) for name, value in write.values.items()}
        return {write.action: body}


def put(
    key: tuple[str, str],
    record: Any,
    *,
    condition: str | None = None,
    values: Mapping[str, Any] | None = None,
    **attributes: Any,
) -> Write:
    """Write a record under a key, with the attributes that conditions and the index look at."""
    data = msgspec.json.encode(record, order="deterministic").decode()
    return Write(
        action="Put", key=key, item={"data": data, **attributes}, condition=condition, values=dict(values or {})
    )


def record_of(item: Item, kind: type[T]) -> T:
    return msgspec.json.decode(item["data"], type=kind)


def journal_writes(journal: Journal) -> list[Write]:
    """The edges and the outbox items of a journal."""
    return [edge_write(each) for each in journal.edges] + outbox_writes(journal)


def outbox_writes(journal: Journal) -> list[Write]:
    """Unconditional: a repeat rewrites the same item, which is no insertion and so is not published again."""
    expires = int((journal.at + timedelta(days=_OUTBOX_DAYS)).timestamp())
    envelopes = [seal(each, journal.at) for each in journal.events]
    return [put((f"EVENT#{each.event_id}", "EVENT"), each, expires_at=expires) for each in envelopes]


def edge_write(edge: Edge) -> Write:
    source, target = f"P#{edge.project}#EDGE#{edge.source}", f"P#{edge.project}#EDGE#{edge.target}"
    return put((source, str(edge.target)), edge, gsi1pk=target, gsi1sk=str(edge.source))


def stamp(time: datetime) -> str:
    """A time that sorts as text, in UTC with microseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _cancelled(error: ClientError) -> Exception:
    reasons = [each.get("Code", "None") for each in error.response.get("CancellationReasons", [])]
    passing = {"ThrottlingError", "ProvisionedThroughputExceeded"} & set(reasons)
    if passing:
        return RetryableError(f"a transaction was throttled: {', '.join(sorted(passing))}")
    return ConditionFailedError(f"a transaction was cancelled: {', '.join(reasons)}")


def _named(key: tuple[str, str]) -> Item:
    return {"pk": key[0], "sk": key[1]}


def _key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _typed(value: Any) -> Item:
    if isinstance(value, int | float):
        return {"N": str(value)}
    return {"S": value}


def _plain(raw: Mapping[str, Item]) -> Item:
    return {name: int(float(each["N"])) if "N" in each else next(iter(each.values())) for name, each in raw.items()}
