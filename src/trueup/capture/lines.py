"""A stream of bytes, cut into blocks of whole lines."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

# What reading a file raises that is cut off or damaged, zipped or not.
DAMAGE = (OSError, EOFError, zlib.error)
BLOCK = 1024 * 1024
# glibc gives freed memory back to the system, to be taken anew page by page, unless a piece as large as this was freed
# before. It is never written to, so that it costs nothing.
_FREED = 16 * BLOCK


def whole_lines(read_into: Callable[[memoryview], int | None], size: int = BLOCK) -> Iterator[bytes]:
    """The bytes of a stream in blocks of about `size` bytes that end where lines end; what is left at the end comes
    last. A line longer than a block makes a longer block. `read_into` fills a buffer from its beginning, says with
    how many bytes, and with 0 that there are no more."""
    bytes(_FREED)
    buffer, kept = bytearray(2 * size), 0
    while count := read_into(memoryview(buffer)[kept:]):
        reached = kept + count
        end = buffer.rfind(b"\n", kept, reached) + 1
        if end:
            yield bytes(memoryview(buffer)[:end])
        kept = reached - end
        buffer[:kept] = buffer[end:reached]
        if kept > len(buffer) - size:
            buffer += bytes(len(buffer))
    if kept:
        yield bytes(buffer[:kept])
