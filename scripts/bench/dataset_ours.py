"""trueup's own work on the million lines: a commit, diffs, a verify, a checkpoint, each in a process of its own."""

from __future__ import annotations

import hashlib
import mmap
import random
import time
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from scripts.bench.dataset_rows import Columns, documents
from trueup.adapters.memory import MemoryDatasetStore, MemoryPayloadStore, World
from trueup.dataset.checkpoints import merged_segments
from trueup.dataset.diff import changes_between
from trueup.dataset.documents import read_document
from trueup.dataset.figures import summary
from trueup.dataset.segments.cache import SegmentCache
from trueup.dataset.verify import verify
from trueup.dataset.view import View
from trueup.model import Change, DatasetVersion, LabelledSample, LabelSchema, Project, Removal, Segment
from trueup.ports import Clock, ExportSink, Journal
from trueup.usecases.comparing_versions import parted
from trueup.usecases.export_version import ExportVersion
from trueup.usecases.making_versions import MakeVersion, Proposal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT = datetime(2026, 11, 30, tzinfo=UTC)
PROJECT = Project(name="million", endpoint_name="million", label_schema=LabelSchema())
_SMALL = 50


class Folder(MutableMapping[str, bytes]):
    """Files by name; counts what is read and written."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.read, self.written = 0, 0
        place.mkdir(parents=True, exist_ok=True)

    def __getitem__(self, uri: str) -> bytes:
        try:
            data = (self._place / _name(uri)).read_bytes()
        except FileNotFoundError:
            raise KeyError(uri) from None
        self.read += len(data)
        return data

    def mapped(self, uri: str) -> Any:
        with (self._place / _name(uri)).open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE | mmap.MAP_POPULATE, mmap.PROT_READ))

    def __setitem__(self, uri: str, data: bytes) -> None:
        self.written += len(data)
        (self._place / _name(uri)).write_bytes(data)

    def __contains__(self, uri: object) -> bool:
        return (self._place / _name(str(uri))).exists()

    def __delitem__(self, uri: str) -> None:
        (self._place / _name(uri)).unlink()

    def __iter__(self) -> Iterator[str]:
        return (each.name for each in self._place.iterdir())

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Now(Clock):
    def now(self) -> datetime:
        return _AT


class FolderStore(MemoryDatasetStore):
    """The fake's store over a folder, so that its versions outlive the process."""

    def __init__(self, place: Path) -> None:
        super().__init__(World())
        self.files = Folder(place)
        self.objects = self.files  # type: ignore[assignment]
        documents = [each for each in sorted(self.files) if each.startswith("versions-")]
        known = [read_document((place / each).read_bytes(), each.removeprefix("versions-")) for each in documents]
        for version in sorted(known, key=lambda each: each.number):
            self.commit(version, Journal(at=_AT))
        self.files.written = 0

    def held(self, version: DatasetVersion, cache: SegmentCache | None = None) -> View:
        read = lambda sha256: self.segment(PROJECT.name, sha256)  # noqa: E731
        return View(version, read, cache=SegmentCache() if cache is None else cache)

    def unchecked(self, version: DatasetVersion) -> View:
        return View(version, lambda sha256: self.files.mapped(f"x/segments/{sha256}"), cache=SegmentCache())


def lines(columns: Columns) -> Iterator[Change]:
    for each in documents(columns):
        if each.pop("op", "put") == "remove":
            yield Removal(sample_id=each["sample_id"])
        else:
            yield _line(**each)


def _line(sample_id: str, labelled_at: int, **more: Any) -> LabelledSample:
    return LabelledSample(
        sample_id=sample_id,
        group=sample_id,
        content_type="image/png",
        payload_uri=f"s3://dataset/million/payloads/{sample_id[:2]}/{sample_id}",
        labelled_at=_EPOCH + timedelta(microseconds=labelled_at),
        **more,
    )


def make(store: FolderStore, changes: list[Change], reason: str) -> DatasetVersion:
    version = MakeVersion(datasets=store, clock=_Now())(PROJECT, lambda _: Proposal(changes=changes), reason)
    assert version is not None
    return version


def prepare(folder: Path, before: Columns, after: Columns, change: Columns) -> None:
    """Version 1 in `ours`; what it becomes, written anew, in `apart`; the change."""
    make(FolderStore(folder / "ours"), list(lines(before)), "import")
    make(FolderStore(folder / "apart"), list(lines(after)), "import")
    (folder / "change.json").write_bytes(msgspec.json.encode(list(lines(change))))


def _change(folder: Path) -> list[Change]:
    raw = msgspec.json.decode((folder / "change.json").read_bytes())
    return [msgspec.convert(each, Removal if "removed" in each else LabelledSample) for each in raw]


def _copy(folder: Path, name: str) -> FolderStore:
    """Version 1 by links, so that what is measured writes beside it."""
    place = folder / name
    place.mkdir(exist_ok=True)
    for each in place.iterdir():
        each.unlink()
    for each in (folder / "ours").iterdir():
        (place / each.name).hardlink_to(each)
    return FolderStore(place)


def _name(uri: str) -> str:
    return "-".join(uri.split("/")[-2:])


# ---------------------------------------------------------------- what is measured


def commit(folder: Path) -> dict[str, float]:
    """From the changes to the new head; nothing is read yet when the clock starts."""
    store, changes = _copy(folder, "commit"), _change(folder)
    start = time.process_time()
    make(store, changes, "changes")
    return {"seconds": time.process_time() - start, "bytes": store.files.written, "read": store.files.read}


def small_commits(folder: Path) -> dict[str, float]:
    """Fifty changes, when nothing is read yet and when all is."""
    store, changes = _copy(folder, "small"), [each for each in _change(folder) if isinstance(each, LabelledSample)]
    random.Random(1).shuffle(changes)
    found = {}
    for name, at in (("cold", 0), ("warm", _SMALL)):
        written, read, start = store.files.written, store.files.read, time.process_time()
        make(store, changes[at : at + _SMALL], "fifty")
        found[f"{name}_seconds"] = time.process_time() - start
        found[f"{name}_bytes"] = store.files.written - written
        found[f"{name}_read"] = store.files.read - read
    return {"seconds": found["cold_seconds"], **found}


def related_diff(folder: Path) -> dict[str, float]:
    """Every changed sample by name, out of the files; another process made them."""
    store = _changed(folder)
    newer, older = store.versions(PROJECT.name)
    start = time.process_time()
    parts = changes_between(store.held(older), store.held(newer), _deltas(store, older, newer))
    found = [change for each in parts for change in each]
    return {"seconds": time.process_time() - start, "found": len(found), "read": store.files.read}


def diff_on_top(folder: Path) -> dict[str, float]:
    """The same where the chain of versions is not known: by the segments that are not in both."""
    store = _changed(folder)
    newer, older = store.versions(PROJECT.name)
    start = time.process_time()
    found = [change for each in changes_between(store.held(older), store.held(newer)) for change in each]
    return {"seconds": time.process_time() - start, "found": len(found), "read": store.files.read}


def unrelated_diff(folder: Path) -> dict[str, float]:
    """All lines of two versions that have no segment in common, out of files that are mapped and not hashed, as the
    peers read theirs."""
    one, other = FolderStore(folder / "ours"), FolderStore(folder / "apart")
    (before,), (after,) = one.versions(PROJECT.name), other.versions(PROJECT.name)
    start = time.process_time()
    views = [one.unchecked(before), other.unchecked(after)]
    found = [change for each in changes_between(views[0], views[1]) for change in each]
    return {"seconds": time.process_time() - start, "found": len(found)}


def checked_diff(folder: Path) -> dict[str, float]:
    """The same as the product does it, which hashes whatever it reads."""
    one, other = FolderStore(folder / "ours"), FolderStore(folder / "apart")
    (before,), (after,) = one.versions(PROJECT.name), other.versions(PROJECT.name)
    one.files.read = other.files.read = 0
    start = time.process_time()
    found = [change for each in changes_between(one.held(before), other.held(after)) for change in each]
    read = one.files.read + other.files.read
    return {"seconds": time.process_time() - start, "found": len(found), "read": read}


def _deltas(store: FolderStore, older: DatasetVersion, newer: DatasetVersion) -> list[tuple[Segment, ...]]:
    found = parted(store, older, newer)
    assert found is not None
    return found.between


def summarised(folder: Path) -> dict[str, float]:
    store = _changed(folder)
    newer, older = store.versions(PROJECT.name)
    start = time.process_time()
    told = summary(changes_between(store.held(older), store.held(newer), _deltas(store, older, newer)))
    return {"seconds": time.process_time() - start, "found": told.added + told.removed + told.relabelled}


def hashing(folder: Path) -> dict[str, float]:
    """SHA-256 of the files of version 2, and nothing else."""
    store = _changed(folder)
    newest = store.versions(PROJECT.name)[0]
    start = time.process_time()
    for each in newest.segments:
        assert hashlib.sha256(store.files[f"x/segments/{each.sha256}"]).hexdigest() == each.sha256
    return {"seconds": time.process_time() - start, "read": store.files.read}


def verified(folder: Path) -> dict[str, float]:
    """Every hash and count of version 2."""
    store = _changed(folder)
    newest = store.versions(PROJECT.name)[0]
    start = time.process_time()
    problems = verify(
        newest, lambda sha256: store.files[f"x/segments/{sha256}"], lambda name: store.document(PROJECT.name, name)
    )
    assert not problems, problems
    return {"seconds": time.process_time() - start, "read": store.files.read}


def merged(folder: Path) -> dict[str, float]:
    """Base and delta merged into new segments: the largest checkpoint that there can be."""
    store = _changed(folder)
    newest = store.versions(PROJECT.name)[0]
    stack = store.held(newest).stack
    start, size = time.process_time(), 0
    for each in merged_segments(stack, oldest=True):
        size += len(each.data)
    return {"seconds": time.process_time() - start, "bytes": size}


def iterated(folder: Path) -> dict[str, float]:
    """Every line as an object, as exports go through them."""
    store = FolderStore(folder / "ours")
    (version,) = store.versions(PROJECT.name)
    start = time.process_time()
    number = sum(1 for _ in store.held(version))
    return {"seconds": time.process_time() - start, "found": number}


class _Counted(ExportSink):
    """Keeps nothing of what it is given."""

    root, written = "", 0

    def holds_anything(self) -> bool:
        return False

    def read(self, path: str) -> bytes | None:  # noqa: ARG002
        return None

    def write(self, path: str, chunks: Iterable[bytes]) -> None:  # noqa: ARG002
        self.written += sum(map(len, chunks))

    def remove(self, path: str) -> None:
        raise NotImplementedError(path)


def exported(folder: Path) -> dict[str, float]:
    """Every line as JSON, hashed as it goes."""
    store, sink = FolderStore(folder / "ours"), _Counted()
    (version,) = store.versions(PROJECT.name)
    export = ExportVersion({PROJECT.name: PROJECT}, store, MemoryPayloadStore())
    store.files.read = 0
    start = time.process_time()
    made = export(version, "jsonl", sink)
    return {
        "seconds": time.process_time() - start,
        "found": made.samples,
        "bytes": sink.written,
        "read": store.files.read,
    }


def _changed(folder: Path) -> FolderStore:
    """Version 1 and 2, of which the second is made where it is not there yet."""
    place = folder / "changed"
    if not place.exists():
        make(_copy(folder, "changed"), _change(folder), "changes")
    store = FolderStore(place)
    store.files.read = 0
    return store


WORKS: dict[str, Callable[[Path], dict[str, float]]] = {
    "commit": commit,
    "commit of fifty": small_commits,
    "diff, related": related_diff,
    "diff, related, as a summary": summarised,
    "diff, segments in common": diff_on_top,
    "diff, unrelated": unrelated_diff,
    "diff, unrelated, hashed": checked_diff,
    "hashing": hashing,
    "verify": verified,
    "checkpoint": merged,
    "iteration": iterated,
    "export, JSON Lines": exported,
}
