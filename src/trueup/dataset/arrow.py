"""Parquet in a stream: row groups leave as they are full. pyarrow is imported when it is needed, and is not ours to
bring: `trueup[parquet]` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from trueup.errors import InputError

Row = Mapping[str, Any]


def pyarrow() -> Any:
    """Raises InputError that says how to have it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError("Parquet needs pyarrow: install trueup[parquet]", field="--format") from error
    return pyarrow


def parquet(schema: Any, groups: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    """The bytes of a Parquet file of these row groups, of which one is held at a time."""
    arrow = pyarrow()
    out = _Pieces()
    with arrow.parquet.ParquetWriter(out, schema, compression="zstd", compression_level=3) as writer:
        for rows in groups:
            writer.write_table(arrow.Table.from_pylist(list(rows), schema=schema))
            yield from out.taken()
    yield from out.taken()


class _Pieces:
    """The file that pyarrow writes to, front to back."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._size += len(piece)
        return len(piece)

    def taken(self) -> Iterator[bytes]:
        pieces, self._pieces = self._pieces, []
        yield from pieces

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        pass

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True
