"""Write a dataset version in a format that others read."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec

from trueup.dataset.exporting import NONE_FITS, SHARD_BYTES, SPLITS, ExportedFile, ExportRequest, Format, fits_none
from trueup.dataset.formats import format_for
from trueup.dataset.parts import Part
from trueup.errors import ConflictError, InputError
from trueup.model import DatasetVersion, LabelledSample, Payload, Project, Record
from trueup.ports import DatasetStore, ExportSink, PayloadStore
from trueup.usecases.ahead import ahead
from trueup.usecases.find_project import project_named
from trueup.usecases.knowing_splits import schema_of
from trueup.usecases.making_versions import newest_view

REPORT = "trueup-export.json"
# Payloads, and small files, that are on their way at a time: each takes a round trip.
_AHEAD = 16
_SMALL = 1_000_000
Samples = Callable[[], Iterator[LabelledSample]]


class WrittenFile(Record, frozen=True, kw_only=True):
    path: str
    bytes: int
    sha256: str


class Export(Record, frozen=True, kw_only=True):
    """What was written. What the format cannot hold is counted by what it is: samples in `left_out`, parts of labels in
    `lost`. `samples` are those that are there; `files` counts files without the report, `bytes` what they hold."""

    project: str
    version: str
    number: int
    root: str
    schema_version: str
    format: str
    splits: Mapping[str, int]
    samples: int
    left_out: Mapping[str, int]
    lost: Mapping[str, int]
    files: int
    bytes: int


class PartExport(Record, frozen=True, kw_only=True):
    """What was written of a part of a version."""

    written: tuple[WrittenFile, ...] = ()
    left_out: Mapping[str, int] = {}
    lost: Mapping[str, int] = {}


class _Report(Record, frozen=True):
    """The part of a report that says which files an export made."""

    written: tuple[WrittenFile, ...]


@dataclass(frozen=True)
class _Asked:
    request: ExportRequest
    format: Format


@dataclass
class _Tally:
    """What is counted while files are written."""

    files: int = 0
    bytes: int = 0


@dataclass
class _Digest:
    """Counts and hashes chunks as they pass."""

    size: int = 0
    hash: Any = field(default_factory=hashlib.sha256)

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for each in chunks:
            self.size += len(each)
            self.hash.update(each)
            yield each


@dataclass
class Single:
    """The one file of an export, to be read once; `told` says what was read."""

    asked: _Asked
    form: str
    tally: _Tally = field(default_factory=_Tally)

    def chunks(self) -> Iterator[bytes]:
        for file in self.asked.format.files(self.asked.request):
            self.tally.files += 1
            for each in file.chunks:
                self.tally.bytes += len(each)
                yield each

    def told(self) -> Export:
        return _export(self.asked.request, self.form, self.tally)


@dataclass(frozen=True)
class ExportVersion:
    """Write a version's samples, of one split or of all, into a sink, with a report of what was written. Names and
    places of classes are those of the version's own label schema.

    The report is the last file to appear: a place without one holds no whole export. Raises NotFoundError (project),
    InputError (no such format, a split without samples, a payload that the format cannot take), LabelError (a kind or
    a label that it cannot hold), ConflictError (the sink holds something and is not to be replaced).
    """

    projects: Mapping[str, Project]
    datasets: DatasetStore
    payloads: PayloadStore
    shard_bytes: int = SHARD_BYTES

    def __call__(
        self, version: DatasetVersion, form: str, sink: ExportSink, split: str | None = None, *, replace: bool = False
    ) -> Export:
        """Of every split where `split` is None. With `replace`, the files of the export that the sink's report names
        go first."""
        asked = self._asked(version, form, split, sink.root)
        make_room(sink, replace=replace)
        return _concluded(asked.request, form, sink, _all_written(sink, asked.format.files(asked.request)))

    def check(self, version: DatasetVersion, form: str, split: str | None = None) -> None:
        """Raises what an export would for what it is asked, and writes nothing."""
        self._asked(version, form, split, "")

    def part(self, version: DatasetVersion, form: str, sink: ExportSink, split: str | None, part: Part) -> PartExport:
        """Write a part's samples, into files that bear its number: none where it has none. A repeat writes the same
        again."""
        asked = self._asked(version, form, split, sink.root, part)
        if not asked.request.splits:
            return PartExport()
        written = tuple(_all_written(sink, asked.format.files(asked.request)))
        request = asked.request
        return PartExport(written=written, left_out=_counted(request.left_out), lost=_counted(request.lost))

    def conclude(
        self, version: DatasetVersion, form: str, sink: ExportSink, split: str | None, parts: Iterable[PartExport]
    ) -> Export:
        """Write the report of parts that are there."""
        request = self._asked(version, form, split, sink.root).request
        return _concluded(request, form, sink, _added_up(request, parts))

    def single(self, version: DatasetVersion, form: str, split: str | None = None) -> Single:
        """Of a format that makes one file. Raises InputError for one that makes several."""
        asked = self._asked(version, form, split, "")
        if not asked.format.FILE:
            raise InputError(f"{form} makes several files: name a directory or an s3:// prefix with --to", field="--to")
        return Single(asked, form)

    def _asked(
        self, version: DatasetVersion, form: str, split: str | None, root: str, part: Part | None = None
    ) -> _Asked:
        project = project_named(self.projects, version.project)
        schema = schema_of(self.datasets, project, version)
        found = format_for(form, schema)
        splits = tuple(each for each in SPLITS if version.split_counts.get(each) and split in (None, each))
        if not splits:
            there = ", ".join(f"{name} {number:,}" for name, number in version.split_counts.items())
            raise InputError(
                f"version {version.number} of {version.project} has no {split or 'single'} sample; it has: "
                f"{there or 'none'}",
                field="--split",
            )
        left_out: Counter[str] = Counter()
        samples = _of_splits(self._content(version, part), splits)
        if part is not None:
            held = {each.split for each in samples()}
            splits = tuple(each for each in splits if each in held)
        request = ExportRequest(
            project=version.project,
            version=version,
            schema=schema,
            splits=splits,
            samples=samples if found.HOLDS_NONE else _fitting(samples, left_out),
            loaded=self._loaded,
            root=root,
            shard_bytes=self.shard_bytes,
            left_out=left_out,
            part=None if part is None else part.number,
        )
        return _Asked(request, found)

    def _content(self, version: DatasetVersion, part: Part | None) -> Samples:
        """All samples, or those of a part, sorted by id, as often as they are asked for."""
        view = newest_view(self.datasets, version.project, version)
        if part is None:
            return lambda: iter(view)
        return lambda: iter(view.stack.lines(part.span).lines())

    def _loaded(self, samples: Iterable[LabelledSample]) -> Iterator[tuple[LabelledSample, Payload]]:
        """Read by several threads, a few ahead, and given in their order."""
        return ahead(samples, lambda each: self.payloads.get(each.payload_uri), _AHEAD)


def _concluded(request: ExportRequest, form: str, sink: ExportSink, entries: Iterable[WrittenFile]) -> Export:
    made: list[Export] = []
    sink.write(REPORT, _report(request, form, entries, made))
    return made[0]


def _report(request: ExportRequest, form: str, entries: Iterable[WrittenFile], made: list[Export]) -> Iterator[bytes]:
    """Made while the files are: it holds one entry at a time."""
    tally = _Tally()
    yield b'{"written":['
    for entry in entries:
        yield (b",\n" if tally.files else b"\n") + msgspec.json.encode(entry)
        tally.files += 1
        tally.bytes += entry.bytes
    made.append(_export(request, form, tally))
    yield b"\n]," + msgspec.json.encode(made[0])[1:] + b"\n"


def _added_up(request: ExportRequest, parts: Iterable[PartExport]) -> Iterator[WrittenFile]:
    for each in parts:
        request.left_out.update(each.left_out)
        request.lost.update(each.lost)
        yield from each.written


def _all_written(sink: ExportSink, files: Iterable[ExportedFile]) -> Iterator[WrittenFile]:
    """In their order. Small ones are read whole and written by several threads."""
    waiting: deque[Future[WrittenFile]] = deque()
    with ThreadPoolExecutor(_AHEAD) as pool:
        for each in files:
            waiting.append(_begun(pool, sink, each))
            if len(waiting) == _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _begun(pool: ThreadPoolExecutor, sink: ExportSink, file: ExportedFile) -> Future[WrittenFile]:
    held: list[bytes] = []
    size = 0
    for chunk in file.chunks:
        held.append(chunk)
        size += len(chunk)
        if size > _SMALL:
            break
    else:
        return pool.submit(_write, sink, ExportedFile(file.path, iter(held)))
    done: Future[WrittenFile] = Future()
    done.set_result(_write(sink, ExportedFile(file.path, chain(held, file.chunks))))
    return done


def _write(sink: ExportSink, file: ExportedFile) -> WrittenFile:
    digest = _Digest()
    sink.write(file.path, digest.passing(file.chunks))
    return WrittenFile(path=file.path, bytes=digest.size, sha256=digest.hash.hexdigest())


def _export(request: ExportRequest, form: str, tally: _Tally) -> Export:
    version = request.version
    splits = {each: version.split_counts[each] for each in request.splits}
    return Export(
        project=version.project,
        version=version.version_id,
        number=version.number,
        root=version.root,
        schema_version=version.schema_version,
        format=form,
        splits=splits,
        samples=sum(splits.values()) - request.left_out.total(),
        left_out=_counted(request.left_out),
        lost=_counted(request.lost),
        files=tally.files,
        bytes=tally.bytes,
    )


def _counted(found: Counter[str]) -> dict[str, int]:
    return {reason: count for reason, count in sorted(found.items()) if count}


def make_room(sink: ExportSink, *, replace: bool) -> None:
    """Make sure that a place is empty, or take the files of an earlier export away. The report goes first, so that a
    place that lost some of its files has none. Raises ConflictError."""
    if not sink.holds_anything():
        return
    if not replace:
        raise ConflictError(
            "the place to export to is not empty: choose another, or replace an earlier export with --force"
        )
    report = sink.read(REPORT)
    if report is None:
        return
    try:
        earlier = msgspec.json.decode(report, type=_Report)
    except msgspec.MsgspecError as error:
        raise ConflictError(f"the {REPORT} there is no report of an export: choose another place with --to") from error
    sink.remove(REPORT)
    with ThreadPoolExecutor(_AHEAD) as pool:
        for _ in pool.map(sink.remove, (each.path for each in earlier.written)):
            pass


def _of_splits(samples: Samples, splits: tuple[str, ...]) -> Samples:
    return lambda: (each for each in samples() if each.split in splits)


def _fitting(samples: Samples, left_out: Counter[str]) -> Samples:
    """Counts once, however often the samples are gone through."""

    def fitting() -> Iterator[LabelledSample]:
        passed = 0
        for each in samples():
            if fits_none(each):
                passed += 1
            else:
                yield each
        left_out[NONE_FITS] = passed

    return fitting
