"""What several formats do alike: find their files, read lines, name inputs, and go on behind what cannot be read."""

from __future__ import annotations

import contextlib
import gzip
import json
import posixpath
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, TypeVar

import msgspec

from trueup.dataset.sources import Item, Problem, Reading, Source
from trueup.errors import InputError, ManifestError, NotFoundError
from trueup.model import Kind, Split

_WORD = re.compile(r"[A-Za-z]+")
T = TypeVar("T")
V = TypeVar("V")
# What msgspec raises for bytes that are no JSON, or no JSON of that shape.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
MAX_RAW = 2000
# What trueup itself writes beside labels: what it says of an export, and what an import skipped.
_OURS = ("trueup-export.json", "import-problems.jsonl")
# A line as long as this is none of ours: a file of another format, which is not read into memory.
MAX_LINE = 64 * 1024 * 1024
_SPLITS: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
}


def chosen(reading: Reading, suffixes: Sequence[str], what: str) -> list[str]:
    """The file that was named, or all of the source with such an ending. Raises NotFoundError."""
    if reading.file is not None:
        return [reading.file]
    found = [each for each in reading.source.names() if each.lower().endswith(tuple(suffixes)) and each not in _OURS]
    if not found:
        raise NotFoundError(
            f"{reading.source.place} holds no {what} ({', '.join(f'*{each}' for each in suffixes)}): "
            "trueup import --help shows the formats"
        )
    return found


@contextlib.contextmanager
def opened(source: Source, name: str) -> Iterator[BinaryIO]:
    """The file's stream, unzipped where it is a .gz. Raises NotFoundError, InputError for what cannot be read."""
    with readable(name), contextlib.closing(source.open(name)) as stream:
        yield gzip.GzipFile(fileobj=stream) if name.endswith(".gz") else stream  # type: ignore[misc]


@contextlib.contextmanager
def readable(name: str) -> Iterator[None]:
    """Says of a file that breaks off or is no text which it is. Raises InputError."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name} cannot be read: {error}", field=name) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8: {error}", field=name) from error


def whole(source: Source, name: str) -> bytes:
    """Raises NotFoundError, InputError."""
    with opened(source, name) as stream:
        return stream.read()


def text_of(source: Source, name: str) -> str:
    """Raises NotFoundError, InputError for what is not UTF-8."""
    with readable(name):
        return whole(source, name).decode("utf-8-sig")


def numbered(source: Source, name: str) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers from 1. Raises NotFoundError, InputError."""
    with opened(source, name) as stream:
        number = 0
        while raw := stream.readline(MAX_LINE):
            number += 1
            if len(raw) == MAX_LINE:
                raise InputError(
                    f"{name}:{number} is longer than {MAX_LINE:,} bytes: is it of this format?", field=name
                )
            if raw.strip():
                yield number, raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw


def document(raw: bytes | str, what: str = "the line") -> dict[str, Any]:
    """A JSON object. Raises ManifestError."""
    try:
        found = msgspec.json.decode(raw)
    except UNREADABLE as error:
        raise ManifestError(f"{what} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ManifestError(f"{what} is not a JSON object")
    return found


def decoded(raw: bytes | msgspec.Raw, kind: type[V], what: str) -> V:
    """JSON of that shape. Raises ManifestError."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except UNREADABLE as error:
        raise ManifestError(f"{what}: {error}") from error


def converted(value: Any, kind: type[V], what: str) -> V:
    """Raises ManifestError that names the field."""
    try:
        return msgspec.convert(value, kind, str_keys=True)
    except msgspec.ValidationError as error:
        raise ManifestError(f"{what} is not as it should be: {error}") from error


def each_of(rows: Iterable[tuple[str, T]], make: Callable[[str, T], Item]) -> Iterator[Item]:
    """What `make` says of (where, row), and a Problem of each row that it refuses. Raises InputError for
    what an option would mend."""
    for where, row in rows:
        try:
            yield make(where, row)
        except (InputError, NotFoundError) as error:
            _unless_an_option_mends(error)
            yield Problem(where=where, what=str(error), raw=shown(row))


def of_files(names: Iterable[str], read: Callable[[str], Iterator[Item]]) -> Iterator[Item]:
    """The items of each file, and a Problem of one that cannot be read any further. Raises InputError for what an
    option would mend."""
    for name in names:
        try:
            yield from read(name)
        except (InputError, NotFoundError) as error:
            _unless_an_option_mends(error)
            yield Problem(where=name, what=str(error))


def _unless_an_option_mends(error: Exception) -> None:
    """What is wrong with the question is no fault of the line in which it shows."""
    if isinstance(error, InputError) and (error.field or "").startswith("--"):
        raise error


def kinds_only(reading: Reading, kinds: Collection[Kind], what: str) -> None:
    """Raises InputError for a project whose labels the format cannot hold."""
    if reading.schema.kind not in kinds:
        raise InputError(f"{what} holds no labels of kind {reading.schema.kind}: {', '.join(kinds)} are read")


def shown(row: Any) -> str:
    """The row as a problem keeps it: lines and documents, as long as they are not too long."""
    if isinstance(row, bytes):
        text = row.decode(errors="replace").rstrip("\r\n")
    elif isinstance(row, str):
        text = row
    else:
        text = json.dumps(row, default=_sketched, ensure_ascii=False).encode(errors="replace").decode()
    return text if len(text) <= MAX_RAW else f"{text[:MAX_RAW]}…"


def _sketched(value: object) -> str:
    return f"({len(value):,} bytes)" if isinstance(value, bytes) else str(value)[:MAX_RAW]


def beside(reading: Reading, name: str, ref: str) -> str:
    """The name of an input that the file `name` calls `ref`. Raises InputError for what is no name."""
    if not ref.strip() or "\0" in ref:
        raise InputError(f"{ref!r} is no name of a file")
    if ref.startswith("s3://") or reading.files is not reading.source:
        return ref
    if ref.startswith(("http://", "https://")):
        raise InputError(f"{ref} lies on the web, where nothing is fetched from: download it and name the file")
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), ref))


def group_named(told: Mapping[str, Any], asked: str | None, ours: str = "group") -> str | None:
    """The group that is told under `asked`, which --group names, or else under `ours`. Raises ManifestError where
    the one that was asked for is not there."""
    found = told.get(asked or ours)
    if found in (None, ""):
        if asked:
            raise ManifestError(f"there is no {asked!r}, which --group names")
        return None
    return str(found)


def split_named(name: object) -> Split | None:
    """The split that a word means, as there are many words."""
    return _SPLITS.get(str(name).strip().lower())


def split_in(path: str) -> Split | None:
    """The split that a word in a file's name means: data/train-00000-of-00002.parquet, instances_val2017.json."""
    return next(filter(None, map(split_named, _WORD.findall(path)[::-1])), None)
