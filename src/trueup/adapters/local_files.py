"""Files of this machine."""

from __future__ import annotations

import os
import tempfile
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from trueup.errors import InputError
from trueup.ports import ExportSink, Spill

_LENGTH = 4
# Of each place so much is in memory.
_PIECE = 64 * 1024


class LocalExportSink(ExportSink):
    """A folder, which is made when the first file is written. Raises InputError where it cannot be written, and for a
    path that leads out of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def root(self) -> str:
        return ""

    def holds_anything(self) -> bool:
        with _told(self._folder, "read"):
            return self._folder.exists() and any(self._folder.iterdir())

    def read(self, path: str) -> bytes | None:
        place = self._place(path)
        with _told(place, "read"):
            return place.read_bytes() if place.exists() else None

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Into a file beside it, which then takes its name."""
        place = self._place(path)
        part = place.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with _told(place, "written"):
                place.parent.mkdir(parents=True, exist_ok=True)
                with part.open("xb") as file:
                    file.writelines(chunks)
                part.replace(place)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise

    def remove(self, path: str) -> None:
        place = self._place(path)
        with _told(place, "removed"):
            place.unlink(missing_ok=True)

    def _place(self, path: str) -> Path:
        root = self._folder.resolve()
        place = (root / path).resolve()
        if root not in place.parents:
            raise InputError(f"{path} leads out of {self._folder}", field="path")
        return self._folder / path


@contextmanager
def local_spill(places: int) -> Iterator[Spill]:
    """A temporary file, gone at the end. Raises InputError where the disk has no room."""
    with tempfile.TemporaryFile() as file:
        yield LocalSpill(places, file)


class LocalSpill(Spill):
    """Pieces of each place lie packed in one file, in the order in which they came to be large enough."""

    def __init__(self, places: int, file: IO[bytes], piece: int = _PIECE) -> None:
        self._file = file
        self._piece = piece
        self._held = [bytearray() for _ in range(places)]
        self._pieces: list[list[tuple[int, int]]] = [[] for _ in range(places)]

    def put(self, place: int, data: bytes) -> None:
        held = self._held[place]
        held += len(data).to_bytes(_LENGTH, "little") + data
        if len(held) >= self._piece:
            self._pieces[place].append(self._written(zlib.compress(held, 1)))
            held.clear()

    def take(self, place: int) -> Iterator[bytes]:
        for start, length in self._pieces[place]:
            self._file.seek(start)
            yield from _cut(zlib.decompress(self._file.read(length)))
        yield from _cut(bytes(self._held[place]))

    def _written(self, data: bytes) -> tuple[int, int]:
        with _told(Path(tempfile.gettempdir()), "written"):
            start = self._file.seek(0, os.SEEK_END)
            self._file.write(data)
        return start, len(data)


def _cut(piece: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(piece):
        end = start + _LENGTH + int.from_bytes(piece[start : start + _LENGTH], "little")
        yield piece[start + _LENGTH : end]
        start = end


@contextmanager
def _told(place: Path, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{place} cannot be {done}: {error.strerror}", field="--to") from error
