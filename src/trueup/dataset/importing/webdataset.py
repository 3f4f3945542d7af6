"""WebDataset's tar shards (https://github.com/webdataset/webdataset): files of the same name up to its first dot stand
together and are a sample, of which the endings say what they are.

The label is in .cls (a name or a number), .json (`label`, and `group`, `split`, `content_type` beside it) or .txt;
`--attribute` names another ending. The input is the first file with an ending of pictures, sound or text.
"""

from __future__ import annotations

import itertools
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from mimetypes import guess_type
from typing import Any

from trueup.dataset.importing.files import (
    chosen,
    document,
    each_of,
    group_named,
    of_files,
    opened,
    split_in,
    split_named,
)
from trueup.dataset.importing.rows import label_text
from trueup.dataset.sources import Item, Labelled, Reading
from trueup.errors import InputError, ManifestError

_LABELS = ("cls", "json", "txt", "text")
_NO_INPUT = ("cls", "json", "index", "id", "key", "url")
# A file of a sample; all of a sample's are in memory at once.
_MOST = 256 * 1024 * 1024


@dataclass(frozen=True)
class _Member:
    """`data` is None for a file that is too large."""

    key: str
    ending: str
    data: bytes | None


def read(reading: Reading) -> Iterator[Item]:
    """Shards are read from their beginning to their end, once. Raises NotFoundError."""
    return of_files(chosen(reading, (".tar", ".tar.gz", ".tgz"), "shard"), lambda name: _items(reading, name))


def _items(reading: Reading, name: str) -> Iterator[Item]:
    with reading_tar(reading, name) as tar:
        samples = itertools.groupby(_members(tar, name), key=lambda each: each.key)
        for key, members in samples:
            files = {each.ending: each.data for each in members}
            yield from each_of([(f"{name}:{key}", files)], lambda where, each: _item(reading, name, where, each))


class reading_tar:  # noqa: N801 - read as a statement
    """A shard as a stream. Raises InputError for what is no tar, or breaks off."""

    def __init__(self, reading: Reading, name: str) -> None:
        self._name = name
        self._opened = opened(reading.source, name)

    def __enter__(self) -> tarfile.TarFile:
        stream = self._opened.__enter__()
        try:
            self._tar = tarfile.open(fileobj=stream, mode="r|*")
        except tarfile.TarError as error:
            self._opened.__exit__(None, None, None)
            raise InputError(f"{self._name} is no tar: {error}", field=self._name) from error
        return self._tar

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._tar.close()
        if isinstance(error, tarfile.TarError):
            self._opened.__exit__(None, None, None)
            raise InputError(f"{self._name} is a broken tar: {error}", field=self._name) from error
        self._opened.__exit__(kind, error, trace)


def _members(tar: tarfile.TarFile, name: str) -> Iterator[_Member]:
    for each in tar:
        # A stream's members are else kept to its end.
        tar.members = []  # type: ignore[attr-defined]
        folder, _, base = each.name.rpartition("/")
        stem, _, ending = base.partition(".")
        if not each.isfile() or not stem or stem.startswith("__"):
            continue
        found = tar.extractfile(each) if each.size <= _MOST else None
        data = found.read() if found else None
        if data is not None and len(data) < each.size:
            raise InputError(f"{name} breaks off in {each.name}", field=name)
        yield _Member(key=f"{folder}/{stem}" if folder else stem, ending=ending.lower(), data=data)


def _item(reading: Reading, name: str, where: str, files: dict[str, bytes | None]) -> Item:
    large = [ending for ending, data in files.items() if data is None]
    if large:
        raise ManifestError(f"the file .{large[0]} is larger than {_MOST:,} bytes")
    there = {ending: data for ending, data in files.items() if data is not None}
    source = _input(reading, there)
    holder = _label_ending(reading, there, source)
    told = document(there["json"], "the .json") if "json" in there else {}
    stated = told.get("split")
    return Labelled(
        where=where,
        label=_label(reading, there[holder], holder, told),
        data=there[source],
        content_type=str(told.get("content_type") or guess_type(f"a.{source}")[0] or "application/octet-stream"),
        group=group_named(told, reading.group),
        split=split_named(stated) if stated else split_in(name),
    )


def _input(reading: Reading, files: dict[str, bytes]) -> str:
    candidates = [each for each in files if each not in (*_NO_INPUT, reading.attribute)]
    pictures = [each for each in candidates if (guess_type(f"a.{each}")[0] or "").startswith(("image/", "audio/"))]
    found = (pictures if reading.schema.media in ("image", "audio") else candidates) or candidates
    if not found:
        raise ManifestError(f"the sample has no input: its endings are {', '.join(files)}")
    return found[0]


def _label_ending(reading: Reading, files: dict[str, bytes], source: str) -> str:
    wanted = (reading.attribute,) if reading.attribute else _LABELS
    found = next((each for each in wanted if each in files and each != source), None)
    if found is None:
        raise ManifestError(f"the sample has no label (.{', .'.join(wanted)}): its endings are {', '.join(files)}")
    return found


def _label(reading: Reading, data: bytes, ending: str, told: dict[str, Any]) -> str:
    schema = reading.schema
    if ending == "json":
        value = told.get("label", told if schema.kind not in ("classification", "multilabel") else None)
        if value is None:
            raise ManifestError(f"the .json has no label: its keys are {', '.join(told)}")
        return label_text(value, schema.kind, None, schema.names)
    try:
        return label_text(data.decode().strip(), schema.kind, None, schema.names)
    except UnicodeDecodeError as error:
        raise ManifestError(f"the .{ending} is not UTF-8: {error.reason}") from error
