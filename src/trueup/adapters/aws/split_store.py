"""Where groups stand and what is frozen: content-addressed parts and documents in S3, names in DynamoDB."""

from __future__ import annotations

import msgspec

from trueup.adapters.aws.buckets import Bucket, sha256
from trueup.adapters.aws.table import (
    FRESH,
    ConditionFailedError,
    Table,
    Write,
    journal_writes,
    put,
    put_once,
    record_of,
    stamp,
)
from trueup.errors import ConflictError, IntegrityError, NotFoundError
from trueup.model import FrozenTest, GroupDocument, SchemaVersion
from trueup.ports import Journal, SplitStore

# How many frozen test sets a project has: what a commit depends on, beside its head.
_COUNT = "COUNT"
_FROZEN = "TEST#"
# Within a project's folder.
PARTS = "groups/parts/"


class AwsSplitStore(SplitStore):
    def __init__(self, table: Table, bucket: Bucket) -> None:
        self._table = table
        self._bucket = bucket

    def put_part(self, project: str, data: bytes) -> str:
        name = sha256(data)
        self._bucket.put_once(_part_key(project, name), data, "application/octet-stream")
        return name

    def part(self, project: str, sha256_name: str) -> bytes:
        data, _ = self._bucket.get(_part_key(project, sha256_name))
        if sha256(data) != sha256_name:
            raise IntegrityError(f"part {sha256_name[:12]} of {project} does not hash to its name")
        return data

    def put_groups(self, project: str, version_id: str, groups: GroupDocument) -> None:
        data = msgspec.json.encode(groups, order="deterministic")
        self._bucket.put_once(_groups_key(project, version_id), data, "application/json")

    def groups(self, project: str, version_id: str) -> GroupDocument | None:
        try:
            data, _ = self._bucket.get(_groups_key(project, version_id))
        except NotFoundError:
            return None
        return msgspec.json.decode(data, type=GroupDocument)

    def freeze(self, frozen: FrozenTest, journal: Journal) -> None:
        there = self._table.get(_frozen_pk(frozen.project), _FROZEN + frozen.name)
        if there is not None and record_of(there, FrozenTest).sha256 == frozen.sha256:
            return
        known = len(self.frozen(frozen.project))
        named = put((_frozen_pk(frozen.project), _FROZEN + frozen.name), frozen, condition=FRESH)
        counted = Write(
            action="Update",
            key=(_frozen_pk(frozen.project), _COUNT),
            update="SET frozen_sets = :next",
            condition="frozen_sets = :known" if known else FRESH,
            values={":next": known + 1, ":known": known} if known else {":next": known + 1},
        )
        try:
            self._table.write([named, counted, *journal_writes(journal)])
        except ConditionFailedError as error:
            raise ConflictError(
                f"the name {frozen.name} stands for another frozen test set of {frozen.project}, or another one was "
                "frozen just now"
            ) from error

    def frozen(self, project: str) -> tuple[FrozenTest, ...]:
        found = self._table.query(_frozen_pk(project), prefix=_FROZEN)
        return tuple(record_of(each, FrozenTest) for each in found)

    def note_schema(self, schema: SchemaVersion) -> None:
        self._table.write([put_once((_schemas_pk(schema.project), schema.version), schema, noted_at=stamp(schema.at))])

    def schemas(self, project: str) -> list[SchemaVersion]:
        found = list(self._table.query(_schemas_pk(project)))
        return [record_of(each, SchemaVersion) for each in sorted(found, key=lambda each: each["noted_at"])]


def still_frozen(project: str, sets: int) -> Write:
    """A commit's condition that nothing was frozen since its maker looked."""
    return Write(
        action="ConditionCheck",
        key=(_frozen_pk(project), _COUNT),
        condition="frozen_sets = :sets" if sets else FRESH,
        values={":sets": sets} if sets else {},
    )


def _frozen_pk(project: str) -> str:
    return f"P#{project}#FROZEN"


def _schemas_pk(project: str) -> str:
    return f"P#{project}#SCHEMA"


def frozen_again(frozen: FrozenTest) -> Write:
    """In the place of the set of its name."""
    return put((_frozen_pk(frozen.project), _FROZEN + frozen.name), frozen)


def _part_key(project: str, name: str) -> str:
    return f"{project}/{PARTS}{name}"


def _groups_key(project: str, version_id: str) -> str:
    return f"{project}/groups/{version_id}.json"
