"""One DynamoDB table, spoken to in plain items: pk and sk, perhaps gsi1pk and gsi1sk, a record in `data`.

The layout of the keys is in docs/table.md.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

import msgspec
from botocore.exceptions import ClientError

from trueup.adapters.aws.errors import code_of, translated
from trueup.adapters.decoding import decoded
from trueup.errors import ConflictError, RetryableError
from trueup.events import seal
from trueup.model import Edge, Record, Tag
from trueup.ports import Journal

Item = dict[str, Any]
Key = tuple[str, str]
T = TypeVar("T")
TRANSACTION_LIMIT = 100
# DynamoDB takes 4 MB; the rest is left to keys, expressions and the encoding of the request.
TRANSACTION_BYTES = 3_000_000
FRESH = "attribute_not_exists(pk)"
_GET_LIMIT = 100
_OUTBOX_DAYS = 7
_ATTEMPTS = 8
_PAUSE_SECONDS = 0.02
_FAILED = "ConditionalCheckFailed"
_CONTENDED = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class ConditionFailedError(ConflictError):
    """Conditions of a transaction did not hold, those on the keys in `failed`; nothing was written."""

    def __init__(self, message: str, failed: frozenset[Key]) -> None:
        super().__init__(message)
        self.failed = failed


class Write(Record, frozen=True, kw_only=True):
    """One action of a transaction. `values` are those of the condition and update expressions by :name, `names`
    their attributes by #name, where the attribute's own name is a word that DynamoDB reserves."""

    action: Literal["Put", "Update", "Delete", "ConditionCheck"]
    key: Key
    item: dict[str, Any] | None = None
    update: str | None = None
    condition: str | None = None
    values: Mapping[str, Any] = {}
    names: Mapping[str, str] = {}

    @property
    def size(self) -> int:
        """About how many bytes it brings into a transaction."""
        texts = [*self.key, *(self.item or {}).values(), *self.values.values()]
        return sum(len(each.encode()) for each in texts if isinstance(each, str))


class Table:
    """The few DynamoDB calls that the stores need. `page_size` makes small pages for tests; `pause` waits."""

    def __init__(
        self, client: Any, name: str, page_size: int | None = None, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._name = name
        self._page_size = page_size
        self._pause = pause

    def get(self, pk: str, sk: str) -> Item | None:
        """Strongly consistent."""
        with translated(f"reading {pk}/{sk}"):
            answer = self._client.get_item(TableName=self._name, Key=_key(pk, sk), ConsistentRead=True)
        return _plain(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Strongly consistent; missing items are left out."""
        wanted = sorted(set(keys))
        found: dict[Key, Item] = {}
        for start in range(0, len(wanted), _GET_LIMIT):
            self._get_batch([_key(*each) for each in wanted[start : start + _GET_LIMIT]], found)
        return found

    def _get_batch(self, keys: list[Item], found: dict[Key, Item]) -> None:
        """DynamoDB answers up to 16 MB of what was asked; the rest is asked for again, after a pause when there
        was no progress."""
        for attempt in range(_ATTEMPTS):
            while keys:
                with translated("reading a batch"):
                    request = {self._name: {"Keys": keys, "ConsistentRead": True}}
                    answer = self._client.batch_get_item(RequestItems=request)
                rows = [_plain(each) for each in answer["Responses"].get(self._name, [])]
                found |= {(each["pk"], each["sk"]): each for each in rows}
                keys = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
                if not rows:
                    break
            if not keys:
                return
            self._pause(_PAUSE_SECONDS * 2**attempt)
        raise RetryableError(f"{len(keys)} keys of a batch read stayed unprocessed")

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        at_least: str | None = None,
        at_most: str | None = None,
        index: bool = False,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[Item]:
        """Items of a partition in key order, over all pages. The index is eventually consistent, the table not."""
        left = limit
        if left == 0:
            return
        for page in self._pages(_condition(pk, prefix, at_least, at_most, index), index, newest_first, limit):
            for raw in page["Items"]:
                yield _plain(raw)
                left = None if left is None else left - 1
                if left == 0:
                    return

    def count(self, pk: str, *, at_least: str | None = None, index: bool = False, at_most: int | None = None) -> int:
        """Over all pages, or until `at_most` are counted."""
        condition = {**_condition(pk, "", at_least, None, index), "Select": "COUNT"}
        counted = 0
        for page in self._pages(condition, index, newest_first=False, limit=at_most):
            counted += int(page["Count"])
            if at_most is not None and counted >= at_most:
                return at_most
        return counted

    def _pages(self, condition: Item, index: bool, newest_first: bool, limit: int | None) -> Iterator[Item]:
        request = {"TableName": self._name, "ScanIndexForward": not newest_first, **condition}
        request |= {"IndexName": "gsi1"} if index else {"ConsistentRead": True}
        page_size = self._page_size or limit
        if page_size:
            request["Limit"] = page_size
        while True:
            with translated(f"querying {condition['ExpressionAttributeValues'][':pk']['S']}"):
                page = self._client.query(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def write(self, writes: Sequence[Write]) -> None:
        """All of them or none; of writes to the same key the first counts. botocore gives each call a
        ClientRequestToken of its own, so that a call repeated after a lost answer is done once.

        Raises ConditionFailedError, and RetryableError when other transactions stayed at the same items.
        """
        unique: dict[Key, Write] = {}
        for each in writes:
            unique.setdefault(each.key, each)
        if len(unique) > TRANSACTION_LIMIT:
            raise ValueError(f"a transaction of {len(unique)} items: DynamoDB takes {TRANSACTION_LIMIT}")
        for attempt in range(_ATTEMPTS):
            if self._write(list(unique.values())):
                return
            self._pause(_PAUSE_SECONDS * 2**attempt)
        raise RetryableError(f"a transaction of {len(unique)} items lost {_ATTEMPTS} times to others or was throttled")

    def _write(self, writes: Sequence[Write]) -> bool:
        """False when others were at the same items. DynamoDB cancels the later of two transactions that meet,
        which says nothing about the conditions of either."""
        with translated(f"writing {len(writes)} items"):
            try:
                self._client.transact_write_items(TransactItems=[self._action(each) for each in writes])
            except ClientError as error:
                if code_of(error) != "TransactionCanceledException":
                    raise
                reasons = [str(each.get("Code", "None")) for each in error.response.get("CancellationReasons", [])]
                failed = frozenset(each.key for each, reason in zip(writes, reasons, strict=False) if reason == _FAILED)
                if failed:
                    names = ", ".join("/".join(each) for each in sorted(failed))
                    raise ConditionFailedError(f"conditions did not hold: {names}", failed) from error
                if not _CONTENDED & set(reasons):
                    raise
                return False
        return True

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
        if write.names:
            body["ExpressionAttributeNames"] = dict(write.names)
        return {write.action: body}


def put(
    key: Key,
    record: Any,
    *,
    condition: str | None = None,
    values: Mapping[str, Any] | None = None,
    **attributes: Any,
) -> Write:
    """Write a record under a key, with the attributes that conditions and the index look at."""
    item = {"data": _encoded(record), **attributes}
    return Write(action="Put", key=key, item=item, condition=condition, values=dict(values or {}))


def put_once(key: Key, record: Any, **attributes: Any) -> Write:
    """Write a record, or leave alone what is there, without a condition that could cancel a transaction: a repeat
    changes nothing, and DynamoDB streams nothing of it."""
    fields = {"data": _encoded(record), **attributes}
    return Write(
        action="Update",
        key=key,
        update="SET " + ", ".join(f"#{each} = if_not_exists(#{each}, :{each})" for each in fields),
        values={f":{name}": value for name, value in fields.items()},
        names={f"#{name}": name for name in fields},
    )


def record_of(item: Item, kind: type[T]) -> T:
    return decoded(item["data"], kind)


def journal_writes(journal: Journal) -> list[Write]:
    """The edges, the tags and the outbox items of a journal."""
    tags = [tag_write(each) for each in journal.tags]
    return [edge_write(each) for each in journal.edges] + tags + outbox_writes(journal)


def tag_key(project: str, name: str) -> Key:
    return f"P#{project}#TAG", name


def tag_write(tag: Tag, condition: str | None = None, values: Mapping[str, Any] | None = None) -> Write:
    key = tag_key(tag.project, tag.name)
    return put(key, tag, condition=condition, values=values, version_id=tag.version_id)


def outbox_writes(journal: Journal) -> list[Write]:
    """Written once: a repeat is no insertion, so the event is not published again."""
    expires = int((journal.at + timedelta(days=_OUTBOX_DAYS)).timestamp())
    envelopes = [seal(each, journal.at) for each in journal.events]
    return [put_once((f"EVENT#{each.event_id}", "EVENT"), each, expires_at=expires) for each in envelopes]


def edge_write(edge: Edge) -> Write:
    source, target = f"P#{edge.project}#EDGE#{edge.source}", f"P#{edge.project}#EDGE#{edge.target}"
    return put_once((source, str(edge.target)), edge, gsi1pk=target, gsi1sk=str(edge.source))


def swept_write(project: str, began: datetime) -> Write:
    """Commits that began before then may have lost their segments to a collection."""
    return put((f"P#{project}#SWEPT", "SWEPT"), {"began": began}, swept_before=stamp(began))


def not_swept(project: str, began: datetime) -> Write:
    """The check that a commit which began then has them all."""
    return Write(
        action="ConditionCheck",
        key=(f"P#{project}#SWEPT", "SWEPT"),
        condition="attribute_not_exists(pk) OR swept_before <= :began",
        values={":began": stamp(began)},
    )


def chunks(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """Writes that need not go together, in as few transactions as DynamoDB takes."""
    chunk: list[Write] = []
    for each in writes:
        if chunk and not fits([*chunk, each]):
            yield chunk
            chunk = []
        chunk.append(each)
    if chunk:
        yield chunk


def fits(writes: Sequence[Write]) -> bool:
    """Whether one transaction takes them all."""
    return len(writes) <= TRANSACTION_LIMIT and sum(each.size for each in writes) <= TRANSACTION_BYTES


def stamp(moment: datetime) -> str:
    """A time that sorts as text, in UTC with microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def descending(number: float) -> str:
    """A number as text that sorts from the greatest to the smallest, exactly, for any finite float.

    The bits of an IEEE 754 double sort like the numbers once the sign bit of positive ones and all bits of negative
    ones are flipped; here everything is flipped once more to turn the order round. 0.0 stands for -0.0 too.
    """
    (bits,) = struct.unpack(">Q", struct.pack(">d", number + 0.0))
    negative = bits >> 63
    return f"{bits if negative else bits ^ 0x7FFF_FFFF_FFFF_FFFF:016x}"


def _condition(pk: str, prefix: str, at_least: str | None, at_most: str | None, index: bool) -> Item:
    pk_name, sk_name = ("gsi1pk", "gsi1sk") if index else ("pk", "sk")
    text, values = f"{pk_name} = :pk", {":pk": {"S": pk}}
    if prefix:
        text += f" AND begins_with({sk_name}, :prefix)"
        values[":prefix"] = {"S": prefix}
        return {"KeyConditionExpression": text, "ExpressionAttributeValues": values}
    if at_least is not None:
        values[":from"] = {"S": at_least}
    if at_most is not None:
        values[":to"] = {"S": at_most}
    if at_least is not None and at_most is not None:
        text += f" AND {sk_name} BETWEEN :from AND :to"
    elif at_least is not None:
        text += f" AND {sk_name} >= :from"
    elif at_most is not None:
        text += f" AND {sk_name} <= :to"
    return {"KeyConditionExpression": text, "ExpressionAttributeValues": values}


def _encoded(record: Any) -> str:
    return msgspec.json.encode(record, order="deterministic").decode()


def _named(key: Key) -> Item:
    return {"pk": key[0], "sk": key[1]}


def _key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _typed(value: Any) -> Item:
    if isinstance(value, int):
        return {"N": str(value)}
    return {"S": value}


def _plain(raw: Mapping[str, Item]) -> Item:
    """Strings and whole numbers: what `_typed` writes."""
    return {name: int(each["N"]) if "N" in each else each["S"] for name, each in raw.items()}
