"""Dataset versions: segments and documents in S3, the head and the list in DynamoDB."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec

from trueup.adapters.aws.buckets import Bucket, sha256
from trueup.adapters.aws.forgotten import TOMBSTONE, epoch_check, epoch_of, redacted_key, redaction_of, sample_key
from trueup.adapters.aws.split_store import AwsSplitStore, still_frozen
from trueup.adapters.aws.table import (
    FRESH,
    ConditionFailedError,
    Item,
    Key,
    Table,
    journal_writes,
    not_swept,
    put,
    record_of,
)
from trueup.dataset.documents import MIN_PREFIX, document, read_document, version_number
from trueup.errors import HeadMovedError, IntegrityError, NotFoundError
from trueup.model import DatasetVersion, Record, Redaction, Segment
from trueup.ports import DatasetStore, Forgotten, Journal

# A segment takes about 300 bytes of a version, and DynamoDB's items end at 400 KB.
MAX_LISTED_SEGMENTS = 1000
_SEGMENTS: msgspec.json.Decoder[tuple[Segment, ...]] = msgspec.json.Decoder(tuple[Segment, ...])


class Checkpoint(Record, frozen=True, kw_only=True):
    """A checkpoint's segments, or of a longer one the SHA-256 of their list, which then lies beside them."""

    segments: tuple[Segment, ...] = ()
    sha256: str | None = None


_FULL = re.compile(r"[0-9a-f]{64}")


class AwsDatasetStore(AwsSplitStore, DatasetStore):
    """Versions of up to `max_listed_segments` segments lie whole in the table; of longer ones the table holds the
    figures and the document in S3 the segments."""

    def __init__(self, table: Table, bucket: Bucket, max_listed_segments: int = MAX_LISTED_SEGMENTS) -> None:
        super().__init__(table, bucket)
        self._max_listed_segments = max_listed_segments

    def put_segment(self, project: str, data: bytes) -> str:
        name = sha256(data)
        # Written again where it is there: an old one, which nothing refers to, may be about to be collected.
        self._bucket.put(_segment_key(project, name), data, "application/octet-stream")
        return name

    def segment(self, project: str, sha256_name: str) -> bytes:
        try:
            data, _ = self._bucket.get(_segment_key(project, sha256_name))
        except NotFoundError:
            return self._redacted(project, sha256_name)
        if sha256(data) != sha256_name:
            raise IntegrityError(f"segment {sha256_name[:12]} of {project} does not hash to its name")
        return data

    def checkpoint(self, project: str, version_id: str) -> tuple[Segment, ...] | None:
        item = self._table.get(_checkpoints_pk(project), version_id)
        if item is None:
            return None
        listed = record_of(item, Checkpoint)
        if listed.sha256 is None:
            return listed.segments
        return _SEGMENTS.decode(self.segment(project, listed.sha256))

    def checkpoint_names(self, project: str, version_id: str) -> frozenset[str]:
        item = self._table.get(_checkpoints_pk(project), version_id)
        listed = record_of(item, Checkpoint).sha256 if item else None
        segments = self.checkpoint(project, version_id) or ()
        return frozenset({each.sha256 for each in segments} | ({listed} if listed else set()))

    def put_checkpoint(self, project: str, version_id: str, segments: Sequence[Segment]) -> None:
        listed = Checkpoint(segments=tuple(segments))
        if len(segments) > self._max_listed_segments:
            data = msgspec.json.encode(segments)
            self._bucket.put(_segment_key(project, sha256(data)), data, "application/json")
            listed = Checkpoint(sha256=sha256(data))
        self._table.write([put((_checkpoints_pk(project), version_id), listed)])

    def _redacted(self, project: str, name: str) -> bytes:
        """What stands for a segment. It may give way to another one between the two reads."""
        for last in (False, True):
            redaction = self.redaction(project, name)
            if redaction is None:
                break
            try:
                data, _ = self._bucket.get(redacted_key(redaction))
            except NotFoundError:
                if last:
                    raise
                continue
            if sha256(data) != redaction.sha256:
                raise IntegrityError(f"what stands for segment {name[:12]} of {project} does not hash to its name")
            return data
        raise NotFoundError(f"project {project} has no segment {name[:12]}")

    def redaction(self, project: str, sha256_name: str) -> Redaction | None:
        return redaction_of(self._table, project, sha256_name)

    def forgotten(self, project: str, sample_ids: Collection[str]) -> Forgotten:
        """The epoch is read first: what is buried after that begins another one."""
        epoch = epoch_of(self._table, project)
        if not epoch or not sample_ids:
            return Forgotten(epoch=epoch)
        keys = {sample_key(project, each): each for each in sample_ids}
        found = self._table.get_many(keys)
        buried = frozenset(name for key, name in keys.items() if TOMBSTONE in found.get(key, {}))
        return Forgotten(epoch=epoch, sample_ids=buried)

    def commit(
        self, version: DatasetVersion, journal: Journal, *, epoch: int | None = None, frozen: int | None = None
    ) -> None:
        self._bucket.put(_document_key(version.project, version.version_id), document(version), "application/json")
        record, more = self._listed(version)
        head = put(
            (f"P#{version.project}#HEAD", version.branch),
            record,
            condition="version_id = :parent" if version.parent else FRESH,
            values={":parent": version.parent} if version.parent else {},
            **more,
        )
        listed = put((_versions_pk(version.project), f"{version.number:010d}"), record, condition=FRESH, **more)
        named = put(_name_key(version.project, version.version_id), version.number)
        fence = [epoch_check(version.project, epoch)] if epoch is not None else []
        known = [] if frozen is None else [still_frozen(version.project, frozen)]
        try:
            kept = not_swept(version.project, version.created_at)
            self._table.write([head, listed, named, *fence, *known, kept, *journal_writes(journal)])
        except ConditionFailedError as error:
            raise HeadMovedError(
                f"the head of {version.project} is no longer the parent of this commit, or samples were forgotten or "
                "a test set was frozen since"
            ) from error

    def _listed(self, version: DatasetVersion) -> tuple[DatasetVersion, dict[str, Any]]:
        if len(version.segments) + len(version.delta) <= self._max_listed_segments:
            return version, {"version_id": version.version_id}
        return msgspec.structs.replace(version, segments=(), delta=()), {
            "version_id": version.version_id,
            "shortened": 1,
        }

    def _read(self, item: Item) -> DatasetVersion:
        version = record_of(item, DatasetVersion)
        if "shortened" not in item:
            return version
        return read_document(self.document(version.project, version.version_id), version.version_id)

    def head(self, project: str, branch: str = "main") -> DatasetVersion | None:
        item = self._table.get(f"P#{project}#HEAD", branch)
        return self._read(item) if item else None

    def heads(self, project: str) -> dict[str, DatasetVersion]:
        return {each["sk"]: self._read(each) for each in self._table.query(f"P#{project}#HEAD")}

    def next_number(self, project: str) -> int:
        newest = self._table.query(_versions_pk(project), newest_first=True, limit=1)
        return max((int(each["sk"]) for each in newest), default=0) + 1

    def walk(self, project: str, newest: int) -> Iterator[DatasetVersion]:
        found = self._table.query(_versions_pk(project), at_most=f"{newest:010d}", newest_first=True)
        return map(self._read, found)

    def version(self, project: str, version_id: str) -> DatasetVersion:
        number = version_number(version_id)
        numbered = self._table.get(_versions_pk(project), f"{number:010d}") if number is not None else None
        if numbered is not None:
            return self._read(numbered)
        if _FULL.fullmatch(version_id):
            return self._named(project, version_id)
        listed = self._table.query(_versions_pk(project)) if len(version_id) >= MIN_PREFIX else iter(())
        found = [each for each in listed if each["version_id"].startswith(version_id)]
        if len(found) != 1:
            raise NotFoundError(f"project {project} has no version {version_id}")
        return self._read(found[0])

    def _named(self, project: str, version_id: str) -> DatasetVersion:
        """By its whole name, in two reads however many there are."""
        name = self._table.get(*_name_key(project, version_id))
        item = self._table.get(_versions_pk(project), f"{record_of(name, int):010d}") if name else None
        if item is None:
            raise NotFoundError(f"project {project} has no version {version_id}")
        return self._read(item)

    def versions(self, project: str) -> list[DatasetVersion]:
        found = self._table.query(_versions_pk(project), newest_first=True)
        return [self._read(each) for each in found]

    def document(self, project: str, version_id: str) -> bytes:
        return self._bucket.get(_document_key(project, version_id))[0]

    def put_export(self, project: str, version_id: str, name: str, data: bytes) -> str:
        return self._put(f"{project}/exports/{version_id}/{name}", data)

    def put_report(self, project: str, name: str, data: bytes) -> str:
        return self._put(f"{project}/reports/{name}", data)

    def report(self, project: str, name: str) -> bytes:
        return self._bucket.get(f"{project}/reports/{name}")[0]

    def read(self, uri: str) -> bytes:
        return self._bucket.get(self._bucket.key_of(uri))[0]

    def _put(self, key: str, data: bytes) -> str:
        self._bucket.put(key, data, "application/octet-stream")
        return self._bucket.uri(key)


def _name_key(project: str, version_id: str) -> Key:
    return f"P#{project}#NAMED#{version_id}", "VERSION"


def _versions_pk(project: str) -> str:
    return f"P#{project}#VERSION"


def _checkpoints_pk(project: str) -> str:
    return f"P#{project}#CHECKPOINT"


def _segment_key(project: str, name: str) -> str:
    return f"{project}/segments/{name}"


def _document_key(project: str, version_id: str) -> str:
    return f"{project}/versions/{version_id}.json"
