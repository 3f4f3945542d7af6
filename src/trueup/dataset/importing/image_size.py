"""How large a picture is, from the first bytes of its file: PNG, JPEG, GIF, BMP and WebP."""

from __future__ import annotations

import struct
from typing import BinaryIO

from trueup.errors import InputError

# The size of a JPEG stands behind its thumbnails and colour profiles.
_MOST = 4 * 1024 * 1024
_WITHOUT_SIZE = {0xC4, 0xC8, 0xCC}


def image_size(stream: BinaryIO, name: str) -> tuple[int, int]:
    """Width and height in pixels, as stored. Raises InputError for what is no such picture."""
    head = stream.read(32)
    try:
        found = _size(head, stream)
    except struct.error:
        found = None
    if found is None or min(found) < 1:
        raise InputError(f"{name} is no picture whose size can be read: use PNG, JPEG, GIF, BMP or WebP")
    return found


def _size(head: bytes, stream: BinaryIO) -> tuple[int, int] | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _two(">II", head[16:24])
    if head.startswith(b"\xff\xd8"):
        return _jpeg(head + stream.read(_MOST))
    if head.startswith((b"GIF87a", b"GIF89a")):
        return _two("<HH", head[6:10])
    if head.startswith(b"BM"):
        width, height = _two("<ii", head[18:26])
        return width, abs(height)
    return _webp(head) if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def _two(form: str, data: bytes) -> tuple[int, int]:
    width, height = struct.unpack(form, data)
    return width, height


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """In the frame header, the first segment of C0 to CF that is one."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        kind = data[place + 1]
        if kind == 0xFF:
            place += 1
        elif 0xC0 <= kind <= 0xCF and kind not in _WITHOUT_SIZE:
            height, width = _two(">HH", data[place + 5 : place + 9])
            return width, height
        else:
            place += 2 + int(struct.unpack(">H", data[place + 2 : place + 4])[0])
    return None


def _webp(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8 ":
        width, height = _two("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack("<I", head[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    return None
