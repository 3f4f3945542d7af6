"""Files on this machine, as labels are imported from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from trueup.dataset.sources import Source, within
from trueup.errors import InputError, NotFoundError
from trueup.ports import LabelPlace

# Opens an object by its s3:// URI.
Elsewhere = Callable[[str], BinaryIO]


class LocalFiles(Source):
    """A folder. Links are followed, but for those that lead back up."""

    def __init__(self, root: Path, elsewhere: Elsewhere) -> None:
        self._root = root
        self._elsewhere = elsewhere

    @property
    def place(self) -> str:
        return str(self._root)

    def names(self, under: str = "") -> Iterator[str]:
        folder = under.rpartition("/")[0]
        return (each for each in _below(self._root / folder, folder, ()) if each.startswith(under))

    def open(self, name: str) -> BinaryIO:
        if name.startswith("s3://"):
            return self._elsewhere(name)
        path = self._root / within(name)
        try:
            return path.open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise NotFoundError(f"{name} is not there: {path}") from error
        except (OSError, ValueError) as error:
            raise InputError(f"{name} cannot be read: {error}") from error


def _below(folder: Path, name: str, above: tuple[str, ...]) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in above or not folder.is_dir():
        return
    with os.scandir(folder) as found:
        entries = sorted((f"{each.name}/" if each.is_dir() else each.name) for each in found)
    for each in entries:
        full = f"{name}/{each}" if name else each
        if each.endswith("/"):
            yield from _below(folder / each, full.rstrip("/"), (*above, real))
        else:
            yield full


def place_on_disk(place: str, elsewhere: Elsewhere) -> LabelPlace:
    """A folder, or a file with the folder that it lies in. Raises NotFoundError."""
    path = Path(place).expanduser()
    if path.is_dir():
        return LabelPlace(source=LocalFiles(path, elsewhere))
    if path.exists():
        return LabelPlace(source=LocalFiles(path.parent, elsewhere), file=path.name)
    raise NotFoundError(f"{place} is not there: trueup import reads a file, a folder, or an s3:// URI of either")
