"""Objects taken away with every version that S3 keeps of them, and receipts that say so."""

from __future__ import annotations

import gzip
import io
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import msgspec

from trueup.adapters.aws.buckets import FORGOTTEN_TYPE, Bucket, blocks_of, payload_key
from trueup.adapters.aws.errors import translated
from trueup.adapters.aws.forgotten import redacted_key, redacted_prefix, redaction_key
from trueup.adapters.aws.object_versions import Stored, Versions
from trueup.adapters.aws.quarantine import put_away, taken_out
from trueup.adapters.aws.segment_tables import lines_key
from trueup.adapters.aws.split_store import PARTS
from trueup.adapters.aws.table import FRESH, ConditionFailedError, Table, journal_writes, put, record_of
from trueup.capture.seeking import words
from trueup.dataset.segments import is_segment
from trueup.errors import ConflictError, NotFoundError
from trueup.model import Forgetting, ReceiptEntry, Redaction
from trueup.ports import CaptureRewriter, Journal, ObjectEraser, ReceiptBook
from trueup.settings import ATHENA_ANSWERS, copies_of

_CHUNK = 1024 * 1024
_IN_MEMORY = 8 * 1024 * 1024


class S3ObjectEraser(ObjectEraser):
    def __init__(self, client: Any, dataset_bucket: str, table: Table) -> None:
        self._client = client
        self._table = table
        self._bucket = Bucket(client, dataset_bucket)
        self._versions = Versions(client, dataset_bucket)

    def segments(self, project: str) -> Iterator[tuple[str, bytes]]:
        seen: set[str] = set()
        for each in self._versions.under(f"{project}/segments/"):
            name = each.key.rsplit("/", 1)[-1].partition(".")[0]
            if not each.marker and name not in seen:
                seen.add(name)
                data = self._versions.open(each).read()
                if is_segment(data):
                    yield name, data
        for item in self._table.query(f"P#{project}#REDACTED"):
            redaction = record_of(item, Redaction)
            if redaction.segment not in seen:
                yield redaction.segment, self._bucket.get(redacted_key(redaction))[0]

    def redact(self, redaction: Redaction, data: bytes) -> None:
        """Readers find one of the two at any time."""
        key = redacted_key(redaction)
        self._bucket.put(key, data, "application/octet-stream")
        self._table.write([put(redaction_key(redaction.project, redaction.segment), redaction)])
        self._versions.erase_under(f"{redaction.project}/segments/{redaction.segment}")
        self._versions.erase_under(lines_key(redaction.project, redaction.segment))
        before = self._versions.under(redacted_prefix(redaction.project, redaction.segment))
        self._versions.erase([each for each in before if each.key != key])

    def payload(self, project: str, sample_id: str, uri: str) -> bool:
        """S3 refuses a later payload, since writers create objects only where there is none."""
        key = payload_key(project, sample_id)
        with translated(f"writing {self._bucket.uri(key)}"):
            answer = self._client.put_object(
                Bucket=self._bucket.name, Key=key, Body=b"", ContentType=FORGOTTEN_TYPE, ChecksumAlgorithm="SHA256"
            )
        self._versions.erase_but(key, answer)
        return not uri or uri == self._bucket.uri(key)

    def strays(self, project: str) -> list[str]:
        """Copies are listed before segments, since a segment is there before its copy."""
        copies = list(self._versions.under(copies_of(project)))
        there = {lines_key(project, name) for name in self._segment_names(project)}
        return self._gone(each for each in copies if each.key not in there)

    def _segment_names(self, project: str) -> Iterator[str]:
        for prefix in (f"{project}/segments/", redacted_prefix(project)):
            stored = (each for each in self._versions.under(prefix) if not each.marker)
            yield from (re.split("[/.]", each.key.removeprefix(prefix), maxsplit=1)[0] for each in stored)

    def parts(self, project: str) -> Iterator[tuple[str, bytes]]:
        seen: set[str] = set()
        for each in self._versions.under(f"{project}/{PARTS}"):
            name = each.key.rpartition("/")[2]
            if not each.marker and name not in seen:
                seen.add(name)
                yield name, self._versions.open(each).read()

    def drop_parts(self, project: str, names: Collection[str]) -> list[str]:
        return [uri for each in sorted(names) for uri in self._versions.erase_under(f"{project}/{PARTS}{each}")]

    def exports(self, project: str, version_id: str) -> list[str]:
        return self._versions.erase_under(f"{project}/exports/{version_id}/")

    def batch(self, project: str, name: str) -> list[str]:
        return self._versions.erase_under(f"{project}/labeling/{name}/")

    def answers(self, names: Collection[str]) -> list[str]:
        return self._mentioning(ATHENA_ANSWERS, words(names), max(map(len, names)))

    def quarantined(self, project: str, names: Collection[str]) -> int:
        wanted = words(names)
        return sum(
            self._mend(each, wanted)
            for folder in ("quarantine", "replayed")
            for each in list(self._versions.under(f"{project}/{folder}/"))
            if not each.marker
        )

    def _mend(self, stored: Stored, wanted: re.Pattern[bytes]) -> int:
        """Older versions go whole: what replaced them has what may stay."""
        part = taken_out(stored.key, self._versions.open(stored).read())
        kept = [each for each in part.lines if not wanted.search(each.raw)]
        if len(kept) == len(part.lines):
            return 0
        if stored.latest and kept:
            self._bucket.put(stored.key, put_away(part.file, kept), "application/json")
        self._versions.erase([stored])
        return len(part.lines) - len(kept) if stored.latest else 0

    def mentions(self, project: str, folder: str, names: Collection[str]) -> list[str]:
        wanted = re.compile(b"|".join(re.escape(each.encode()) for each in sorted(names)))
        return self._mentioning(f"{project}/{folder}", wanted, max(map(len, names)))

    def _mentioning(self, prefix: str, wanted: re.Pattern[bytes], longest: int) -> list[str]:
        found = list(self._versions.under(prefix))
        hit = {each.key for each in found if not each.marker and self._mentions(each, wanted, longest)}
        return self._gone(each for each in found if each.key in hit)

    def _mentions(self, stored: Stored, wanted: re.Pattern[bytes], longest: int) -> bool:
        return bool(wanted.search(stored.key.encode())) or _mentions(self._versions.open(stored), wanted, longest)

    def _gone(self, stored: Iterable[Stored]) -> list[str]:
        gone = list(stored)
        self._versions.erase(gone)
        return self._versions.uris(gone)


class S3CaptureRewriter(CaptureRewriter):
    def __init__(self, client: Any) -> None:
        self._client = client

    def lines(self, uri: str) -> Iterator[bytes]:
        yield from _lines(uri, self._open(uri))

    def rewrite(self, uri: str, keep: Callable[[bytes], bool]) -> int:
        answer = self._open(uri)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            gone = _write_kept(uri, answer, file, keep)
            if gone:
                file.seek(0)
                self._replace(uri, answer, file)
        return gone

    def _replace(self, uri: str, answer: Any, body: Any) -> None:
        bucket, key = _place(uri)
        more = {name: answer[name] for name in ("ContentType", "ContentEncoding") if answer.get(name)}
        with translated(f"writing {uri}"):
            put_answer = self._client.put_object(Bucket=bucket, Key=key, Body=body, IfMatch=answer["ETag"], **more)
        Versions(self._client, bucket).erase_but(key, put_answer)

    def _open(self, uri: str) -> Any:
        bucket, key = _place(uri)
        with translated(f"reading {uri}"):
            return self._client.get_object(Bucket=bucket, Key=key)


class AwsReceiptBook(ReceiptBook):
    """Receipts lie under `<project>/receipts/`, deletions under way under `<project>/forgetting/`; the chain is in the
    table, where a number is given once."""

    def __init__(self, client: Any, dataset_bucket: str, table: Table) -> None:
        self._table = table
        self._bucket = Bucket(client, dataset_bucket)
        self._versions = Versions(client, dataset_bucket)

    def save_job(self, job: Forgetting) -> None:
        data = msgspec.json.encode(job, order="deterministic")
        self._bucket.put(_job_key(job.draft.project, job.draft.job_id), data, "application/json")

    def jobs(self, project: str) -> list[Forgetting]:
        found = [self._bucket.get(each)[0] for each in self._bucket.keys(f"{project}/forgetting/")]
        jobs = [msgspec.json.decode(each, type=Forgetting) for each in found]
        return sorted(jobs, key=lambda each: (each.draft.at, each.draft.job_id))

    def drop_job(self, project: str, job_id: str) -> None:
        self._versions.erase_under(_job_key(project, job_id))

    def issue(self, entry: ReceiptEntry, data: bytes, journal: Journal) -> None:
        """The file goes first: what the chain names is there."""
        self._bucket.put(self._bucket.key_of(entry.uri), data, "application/json")
        try:
            key = f"P#{entry.project}#FORGOTTEN", f"RECEIPT#{entry.number:010d}"
            self._table.write([put(key, entry, condition=FRESH), *journal_writes(journal)])
        except ConditionFailedError as error:
            raise ConflictError(f"project {entry.project} has a receipt {entry.number} already") from error

    def place(self, project: str, job_id: str) -> str:
        return self._bucket.uri(f"{project}/receipts/{job_id}.json")

    def entries(self, project: str) -> list[ReceiptEntry]:
        found = self._table.query(f"P#{project}#FORGOTTEN", prefix="RECEIPT#")
        return [record_of(each, ReceiptEntry) for each in found]

    def read(self, uri: str) -> bytes:
        return self._bucket.get(self._bucket.key_of(uri))[0]


def _mentions(body: Any, wanted: re.Pattern[bytes], overlap: int) -> bool:
    """In a stream, of which so much is kept that a name across two chunks is found."""
    tail = b""
    for chunk in body.iter_chunks(_CHUNK):
        if wanted.search(tail + chunk):
            return True
        tail = (tail + chunk)[-overlap:]
    return False


def _lines(uri: str, answer: Any) -> Iterator[bytes]:
    for block in blocks_of(uri, answer):
        yield from io.BytesIO(block)


def _write_kept(uri: str, answer: Any, file: Any, keep: Callable[[bytes], bool]) -> int:
    zipped = uri.endswith(".gz") or "gzip" in answer.get("ContentEncoding", "")
    out = gzip.GzipFile(fileobj=file, mode="wb", mtime=0) if zipped else file
    gone = 0
    for line in _lines(uri, answer):
        if keep(line):
            out.write(line)
        else:
            gone += 1
    if zipped:
        out.close()
    return gone


def _place(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not key:
        raise NotFoundError(f"{uri} is no object of S3")
    return bucket, key


def _job_key(project: str, job_id: str) -> str:
    return f"{project}/forgetting/{job_id}.json"
