"""Folders as zips of which the bytes depend on the content alone.

CDK would copy each package into its output, a gigabyte of them, and its command would compress them at each deployment
anew. Most of it are the same few libraries, which packages hold by hard links: each file is compressed once.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

# The first that a zip knows.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
# Of zlib: half the time of the usual 6, for a package that is a fourteenth larger.
_LEVEL = 3
_FILE, _PROGRAM = 0o100644, 0o100755
_ATTRIBUTES = 16


@dataclass(frozen=True)
class _Packed:
    crc: int
    size: int
    data: bytes


class ArchiveWriter:
    """Keeps what it compressed of files that have several names."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, int], _Packed] = {}

    def write(self, folder: Path, target: Path) -> None:
        files = sorted(each for each in folder.rglob("*") if each.is_file())
        with ZipFile(target, "w") as archive:
            for each in files:
                status = each.stat()
                info = ZipInfo(each.relative_to(folder).as_posix(), _LONG_AGO)
                info.external_attr = (_PROGRAM if status.st_mode & 0o100 else _FILE) << _ATTRIBUTES
                _add(archive, info, self._packed(each, status))

    def _packed(self, path: Path, status: os.stat_result) -> _Packed:
        if status.st_nlink == 1:
            return _pack(path.read_bytes())
        place = (status.st_dev, status.st_ino)
        if place not in self._kept:
            self._kept[place] = _pack(path.read_bytes())
        return self._kept[place]


def _pack(data: bytes) -> _Packed:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return _Packed(zlib.crc32(data), len(data), packer.compress(data) + packer.flush())


def _add(archive: ZipFile, info: ZipInfo, packed: _Packed) -> None:
    """As ZipFile.writestr does, which takes nothing that is compressed already."""
    file = archive.fp
    if file is None:
        raise ValueError("the archive is closed")
    info.compress_type, info.CRC = ZIP_DEFLATED, packed.crc
    info.file_size, info.compress_size = packed.size, len(packed.data)
    info.header_offset = file.tell()
    file.write(info.FileHeader(zip64=False) + packed.data)
    archive.filelist.append(info)
    archive.NameToInfo[info.filename] = info
    archive.start_dir = file.tell()
