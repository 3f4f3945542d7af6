"""What jobs and endpoints unpack: archives that somebody else made."""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath


def unpack(archive: Path, folder: Path) -> None:
    """Plain files and folders below `folder`, and nothing that leads out of it. Raises tarfile.TarError, OSError."""
    with tarfile.open(archive) as bundle:
        if hasattr(tarfile, "data_filter"):
            bundle.extractall(folder, filter="data")
        else:
            # Python 3.11 before 3.11.4, as Debian 12 has it.
            bundle.extractall(folder, members=[each for each in bundle if _is_plain(each)])  # noqa: S202 - looked at


def _is_plain(member: tarfile.TarInfo) -> bool:
    place = PurePosixPath(member.name)
    return (member.isfile() or member.isdir()) and not place.is_absolute() and ".." not in place.parts
