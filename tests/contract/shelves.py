"""The dataset and its verbs on any implementation, with a fuse that blows at the call one wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from tests.contract.implementations import DATASET, TABLE, clients_of_moto, create_table, items_of
from tests.unit.usecases.refs import Shelf
from tests.worlds import project
from trueup.adapters import memory
from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.ledgers import DynamoLineageStore, DynamoRunStore
from trueup.adapters.aws.ref_store import DynamoRefStore
from trueup.adapters.aws.stored_parts import S3StoredParts
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.adapters.memory_refs import MemoryRefStore, MemoryStoredParts

When = Literal["before", "after"]
_WRITES = frozenset({"put_object", "delete_objects", "transact_write_items"})


class CrashError(Exception):
    """The process ended here."""


@dataclass
class Fuse:
    """Blows at the call number `at`, before it is done or after it."""

    at: int | None = None
    when: When = "before"
    calls: int = 0

    def arm(self, at: int, when: When) -> None:
        self.at, self.when, self.calls = at, when, 0

    def disarm(self) -> None:
        self.at = None

    def through(self, call: Any, args: Any, kwargs: Any) -> Any:
        self.calls += 1
        blows = self.calls == self.at
        if blows and self.when == "before":
            raise CrashError(f"before call {self.at}")
        answer = call(*args, **kwargs)
        if blows:
            raise CrashError(f"after call {self.at}")
        return answer


class Fused:
    """Any object whose calls go through a fuse."""

    def __init__(self, inner: Any, fuse: Fuse, only: frozenset[str] = frozenset()) -> None:
        """`only` names the calls that count; without it all do."""
        self._inner = inner
        self._fuse = fuse
        self._only = only

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found) or (self._only and name not in self._only):
            return found
        return lambda *args, **kwargs: self._fuse.through(found, args, kwargs)


def shelf_in(world: str, fuse: Fuse, name: str = "pets") -> Shelf:
    """In memory the fuse is at every call of a port, on AWS at every request that writes: a crash at a read is one
    before the next write. On AWS several of different names may share a world; the first makes table and bucket."""
    return _in_memory(fuse, name) if world == "memory" else _on_aws(fuse, name)


@dataclass(frozen=True)
class Kept:
    """What a world on AWS held once, to be put back as often as one likes: that takes a tenth of the calls that led
    there. `objects` are contents and types by their keys, of which no older versions are held."""

    items: Sequence[dict[str, Any]]
    objects: Mapping[str, tuple[bytes, str]]

    @classmethod
    def now(cls) -> Kept:
        clients = clients_of_moto()
        listed = _listed(clients["s3"])
        assert "DeleteMarkers" not in listed
        assert all(each["IsLatest"] for each in listed["Versions"])
        found = {each["Key"]: clients["s3"].get_object(Bucket=DATASET, Key=each["Key"]) for each in listed["Versions"]}
        objects = {key: (each["Body"].read(), each["ContentType"]) for key, each in found.items()}
        return cls(items_of(clients["dynamodb"]), objects)

    def put_back(self) -> None:
        """Takes the place of whatever is there."""
        clients = clients_of_moto()
        clients["dynamodb"].delete_table(TableName=TABLE)
        create_table(clients["dynamodb"])
        for start in range(0, len(self.items), 25):
            writes = [{"PutRequest": {"Item": each}} for each in self.items[start : start + 25]]
            clients["dynamodb"].batch_write_item(RequestItems={TABLE: writes})
        listed = _listed(clients["s3"])
        there = [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]
        gone = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in there]
        clients["s3"].delete_objects(Bucket=DATASET, Delete={"Objects": gone})
        for key, (data, content_type) in self.objects.items():
            clients["s3"].put_object(Bucket=DATASET, Key=key, Body=data, ContentType=content_type)


def _listed(s3: Any) -> dict[str, Any]:
    listed: dict[str, Any] = s3.list_object_versions(Bucket=DATASET)
    assert not listed["IsTruncated"]
    return listed


def _in_memory(fuse: Fuse, name: str) -> Shelf:
    world, clock = memory.World(), memory.FixedClock(datetime.now(UTC))
    datasets = memory.MemoryDatasetStore(world, clock)
    return Shelf(
        datasets=cast(memory.MemoryDatasetStore, Fused(datasets, fuse)),
        refs=cast(MemoryRefStore, Fused(MemoryRefStore(world), fuse)),
        runs=memory.MemoryRunStore(world),
        lineage=memory.MemoryLineageStore(world),
        tasks=memory.MemoryTaskStore(world),
        stored=cast(MemoryStoredParts, Fused(MemoryStoredParts(datasets), fuse)),
        clock=clock,
        config=project(name=name),
    )


def _on_aws(fuse: Fuse, name: str) -> Shelf:
    clients = clients_of_moto()
    if not clients["dynamodb"].list_tables()["TableNames"]:
        create_table(clients["dynamodb"])
        clients["s3"].create_bucket(Bucket=DATASET)
        versioned = {"Status": "Enabled"}
        clients["s3"].put_bucket_versioning(Bucket=DATASET, VersioningConfiguration=versioned)
    dynamodb, s3 = (Fused(clients[each], fuse, _WRITES) for each in ("dynamodb", "s3"))
    table = Table(dynamodb, TABLE)
    return Shelf(
        datasets=AwsDatasetStore(table, Bucket(s3, DATASET)),
        refs=DynamoRefStore(table),
        runs=DynamoRunStore(table),
        lineage=DynamoLineageStore(table),
        tasks=DynamoTaskStore(table),
        stored=S3StoredParts(s3, DATASET),
        clock=memory.FixedClock(datetime.now(UTC)),
        config=project(name=name),
    )
