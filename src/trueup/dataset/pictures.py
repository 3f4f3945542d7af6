"""What a picture's first bytes tell: its kind, and how large it is.

PNG (W3C, third edition), JPEG (ITU-T T.81, B.2.2), GIF89a, BMP (BITMAPINFOHEADER) and WebP (RFC 9649). A JPEG's size is
the stored one: a turn that its EXIF data asks for is not made.
"""

from __future__ import annotations

import mimetypes
import struct
from collections.abc import Callable

from trueup.model import Payload

# Frames of a JPEG: SOF0 to SOF15, but for the tables (DHT, JPG, DAC) that have numbers among them.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
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


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, or None for what is no picture of these kinds, or was cut off."""
    kind = _kind(data)
    if kind is None:
        return None
    try:
        found = _SIZES[kind](data)
    except (struct.error, IndexError):
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


def _jpg(data: bytes) -> tuple[int, int] | None:
    place = 2
    while data[place] == 0xFF:
        marker = data[place + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        # A marker may be preceded by any number of fill bytes (B.1.1.2).
        step = 1 if marker == 0xFF else 2
        place += step if step == 1 or marker in _ALONE else 2 + struct.unpack_from(">H", data, place + 2)[0]
    return None


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
    ".jpg": _jpg,
    ".gif": _gif,
    ".bmp": _bmp,
    ".webp": _webp,
}
