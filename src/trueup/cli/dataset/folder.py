"""The folder of a checkout:

version.json        the version's document, whose SHA-256 is the version's id
segments/           its segments, each named by its SHA-256; the document lists them
samples.jsonl       what they amount to, a line for each sample, by id
payloads/ab/abc…    the inputs, named by the sample's id, which is the hash of their bytes and type
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import msgspec

from trueup.capture.samples import sample_id
from trueup.dataset.documents import document, read_document
from trueup.dataset.verify import verify
from trueup.dataset.view import View
from trueup.errors import InputError, NotFoundError
from trueup.model import DatasetVersion, LabelledSample, Payload

_VERSION, _LINES = "version.json", "samples.jsonl"
_AT_ONCE = 16
# So many payloads are in memory at most.
_WINDOW = 64


class Folder:
    """A file is written beside its place and then moved there: what is there is whole, and is not read again."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def begin(self, version: DatasetVersion) -> None:
        """Raises InputError for a folder that holds something else."""
        there = self._root / _VERSION
        data = document(version)
        if there.exists() and there.read_bytes() != data:
            raise InputError(f"{self._root} holds another version: give an empty folder", field="--to")
        if not there.exists() and self._root.exists() and any(self._root.iterdir()):
            raise InputError(f"{self._root} is not empty, and holds no version", field="--to")
        self._put(_VERSION, data)

    def put_segment(self, name: str, read: Callable[[str], bytes]) -> None:
        place = f"segments/{name}"
        if not (self._root / place).exists():
            self._put(place, read(name))

    def put_lines(self, view: View) -> int:
        """How many there are."""
        lines = 0
        part = self._root / f"{_LINES}.part"
        with part.open("wb") as file:
            for each in view:
                file.write(_line(each))
                lines += 1
        part.replace(self._root / _LINES)
        return lines

    def put_payloads(self, view: Iterable[LabelledSample], read: Callable[[LabelledSample], Payload]) -> int:
        """How many were read; those that are there already are not."""
        missing = (each for each in view if not self._payload(each.sample_id).exists())
        written = 0
        with ThreadPoolExecutor(_AT_ONCE) as workers:
            while window := list(islice(missing, _WINDOW)):
                for each, payload in zip(window, workers.map(read, window), strict=True):
                    self._put(str(self._payload(each.sample_id).relative_to(self._root)), payload.data)
                    written += 1
        return written

    def check(self) -> tuple[DatasetVersion, list[str]]:
        """Sentences about what is wrong. Raises InputError for a folder without a version."""
        version = self._version()
        view = View(version, self._segment)
        whole = any((self._root / "payloads").glob("*/*"))
        problems = verify(version, self._segment, self._document, self._payload_name if whole else None)
        if not problems and not self._lines_hold(view):
            problems = [f"version {version.number}: {_LINES} is not what the segments amount to"]
        return version, problems

    def _version(self) -> DatasetVersion:
        try:
            data = (self._root / _VERSION).read_bytes()
        except OSError as error:
            raise InputError(f"{self._root} holds no checked-out version: {error.strerror}", field="FOLDER") from error
        return read_document(data, hashlib.sha256(data).hexdigest())

    def _document(self, version_id: str) -> bytes:  # noqa: ARG002 - the folder is of one version
        return self._read(_VERSION)

    def _segment(self, name: str) -> bytes:
        return self._read(f"segments/{name}")

    def _payload_name(self, sample: LabelledSample) -> str:
        place = self._payload(sample.sample_id).relative_to(self._root)
        return sample_id(Payload(data=self._read(str(place)), content_type=sample.content_type))

    def _payload(self, name: str) -> Path:
        return self._root / "payloads" / name[:2] / name

    def _lines_hold(self, view: View) -> bool:
        try:
            with (self._root / _LINES).open("rb") as file:
                return all(one == other for one, other in _paired(file, map(_line, view)))
        except OSError:
            return False

    def _read(self, place: str) -> bytes:
        try:
            return (self._root / place).read_bytes()
        except OSError as error:
            raise NotFoundError(f"{place} cannot be read: {error.strerror}") from error

    def _put(self, place: str, data: bytes) -> None:
        path = self._root / place
        part = path.with_name(f"{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}", field="--to") from error


def _line(sample: LabelledSample) -> bytes:
    return msgspec.json.encode(sample, order="deterministic") + b"\n"


def _paired(ones: Iterable[bytes], others: Iterable[bytes]) -> Iterator[tuple[bytes | None, bytes | None]]:
    from itertools import zip_longest

    return zip_longest(ones, others)
