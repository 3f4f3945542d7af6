"""Files of this machine."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trueup.errors import InputError
from trueup.ports import ExportSink


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
def _told(place: Path, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{place} cannot be {done}: {error.strerror}", field="--to") from error
