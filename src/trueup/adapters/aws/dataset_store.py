"""Dataset versions: segments and documents in S3, the head and the list in DynamoDB."""

from __future__ import annotations

from trueup.adapters.aws.buckets import Bucket, sha256
from trueup.adapters.aws.table import ConditionFailedError, Table, journal_writes, put, record_of
from trueup.dataset.versions import document
from trueup.errors import HeadMovedError, IntegrityError, NotFoundError
from trueup.model import DatasetVersion, Segment
from trueup.ports import Journal

_MIN_PREFIX = 6


class AwsDatasetStore:
    def __init__(self, table: Table, bucket: Bucket) -> None:
        self._table = table
        self._bucket = bucket

    def put_segment(self, project: str, data: bytes, samples: int) -> Segment:
        name = sha256(data)
        self._bucket.put_once(_segment_key(project, name), data, "application/jsonlines")
        return Segment(sha256=name, samples=samples, bytes=len(data))

    def segment(self, project: str, sha256_name: str) -> bytes:
        data, _ = self._bucket.get(_segment_key(project, sha256_name))
        if sha256(data) != sha256_name:
            raise IntegrityError(f"segment {sha256_name[:12]} of {project} does not hash to its name")
        return data

    def commit(self, version: DatasetVersion, journal: Journal) -> None:
        self._bucket.put_once(_document_key(version.project, version.version_id), document(version), "application/json")
        head = put(
            (f"P#{version.project}#HEAD", "HEAD"),
            version,
            condition="version_id = :parent" if version.parent else "attribute_not_exists(pk)",
            values={":parent": version.parent} if version.parent else {},
            version_id=version.version_id,
        )
        listed = put((_versions_pk(version.project), f"{version.number:010d}"), version, version_id=version.version_id)
        try:
            self._table.write([head, listed, *journal_writes(journal)])
        except ConditionFailedError as error:
            raise HeadMovedError(f"the head of {version.project} is no longer the parent of this commit") from error

    def head(self, project: str) -> DatasetVersion | None:
        item = self._table.get(f"P#{project}#HEAD", "HEAD")
        return record_of(item, DatasetVersion) if item else None

    def version(self, project: str, version_id: str) -> DatasetVersion:
        number = version_id.removeprefix("v")
        if number.isdigit() and len(number) < 10:
            item = self._table.get(_versions_pk(project), f"{int(number):010d}")
            if item is not None:
                return record_of(item, DatasetVersion)
        if len(version_id) >= _MIN_PREFIX:
            found = [each for each in self.versions(project) if each.version_id.startswith(version_id)]
            if len(found) == 1:
                return found[0]
        raise NotFoundError(f"project {project} has no version {version_id}")

    def versions(self, project: str) -> list[DatasetVersion]:
        found = self._table.query(_versions_pk(project), newest_first=True)
        return [record_of(each, DatasetVersion) for each in found]

    def document(self, project: str, version_id: str) -> bytes:
        return self._bucket.get(_document_key(project, version_id))[0]

    def put_export(self, project: str, version_id: str, name: str, data: bytes) -> str:
        return self._put(f"{project}/exports/{version_id}/{name}", data)

    def put_report(self, project: str, name: str, data: bytes) -> str:
        return self._put(f"{project}/reports/{name}", data)

    def read(self, uri: str) -> bytes:
        return self._bucket.get(self._bucket.key_of(uri))[0]

    def _put(self, key: str, data: bytes) -> str:
        self._bucket.put(key, data, "application/octet-stream")
        return self._bucket.uri(key)


def _versions_pk(project: str) -> str:
    return f"P#{project}#VERSION"


def _segment_key(project: str, name: str) -> str:
    return f"{project}/segments/{name}.jsonl"


def _document_key(project: str, version_id: str) -> str:
    return f"{project}/versions/{version_id}.json"
