"""What a picture's first bytes tell: its kind, and how large it is. For exports and imports alike.

PNG (W3C, third edition), JPEG (ITU-T T.81, B.2.2), GIF89a, BMP (BITMAPINFOHEADER) and WebP (RFC 9649). A JPEG's size is
the stored one: a turn that its EXIF data asks for is not made.
"""

from __future__ import annotations

import io
import mimetypes
import struct
from collections.abc import Callable
from typing import BinaryIO

from trueup.model import Payload

# Frames of a JPEG: SOF0 to SOF15, but for the tables (DHT, JPG, DAC) that have numbers among them.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
# All that tells the size of any kind but JPEG.
_HEAD = 32
# A JPEG's size stands behind its thumbnails and colour profiles; what has more before it is no picture to wait for.
_MOST = 4 * 1024 * 1024
_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".webp": "image/webp",
}
_SUFFIXES = {
    "application/json": ".json",
    "application/jsonlines": ".jsonl",
    "audio/flac": ".flac",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "text/csv": ".csv",
    "text/plain": ".txt",
}


def suffix_of(payload: Payload) -> str:
    """ ".png", ".txt", …: by what the bytes are, or else by the content type; ".bin" when neither tells."""
    kind = _kind(payload.data)
    if kind is not None:
        return kind
    named = payload.content_type.split(";")[0].strip().lower()
    return _SUFFIXES.get(named) or mimetypes.guess_extension(named) or ".bin"


def picture_type(data: bytes) -> str | None:
    """The media type, or None for what is no picture of these kinds."""
    kind = _kind(data[:_HEAD])
    return kind and _TYPES[kind]


def size_of(data: bytes) -> tuple[int, int] | None:
    """As `size_in`, of a picture in memory."""
    return size_in(io.BytesIO(data))


def size_in(stream: BinaryIO) -> tuple[int, int] | None:
    """Width and height in pixels, or None for what is no picture of these kinds, or was cut off. `stream` is seekable
    and at its beginning; it is read no further than to where the size stands."""
    head = stream.read(_HEAD)
    kind = _kind(head)
    if kind is None:
        return None
    try:
        found = _jpg(stream) if kind == ".jpg" else _SIZES[kind](head)
    except struct.error:
        return None
    return found if found and all(each > 0 for each in found) else None


def _kind(data: bytes) -> str | None:
    for kind, magic in ((".png", b"\x89PNG\r\n\x1a\n"), (".jpg", b"\xff\xd8\xff"), (".gif", b"GIF8"), (".bmp", b"BM")):
        if data.startswith(magic):
            return kind
    return ".webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _png(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _bmp(data: bytes) -> tuple[int, int]:
    """A negative height says that the first row is the uppermost."""
    width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)


def _jpg(stream: BinaryIO) -> tuple[int, int] | None:
    stream.seek(2)
    while (marker := _marker(stream)) is not None:
        if marker in _FRAMES:
            height, width = struct.unpack(">xxxHH", stream.read(7))
            return width, height
        if marker not in _ALONE:
            (length,) = struct.unpack(">H", stream.read(2))
            stream.read(max(0, length - 2))
    return None


def _marker(stream: BinaryIO) -> int | None:
    """Of the next segment, which any number of fill bytes may precede (B.1.1.2); None where there is none."""
    found = stream.read(1)
    if found != b"\xff":
        return None
    while found == b"\xff" and stream.tell() < _MOST:
        found = stream.read(1)
    return found[0] if found and found != b"\xff" else None


def _webp(data: bytes) -> tuple[int, int] | None:
    form = data[12:16]
    if form == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if form == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8X":
        wide, high = (int.from_bytes(data[place : place + 3], "little") + 1 for place in (24, 27))
        return (wide, high) if len(data) >= 30 else None
    return None


_SIZES: dict[str, Callable[[bytes], tuple[int, int] | None]] = {
    ".png": _png,
    ".gif": _gif,
    ".bmp": _bmp,
    ".webp": _webp,
}
