"""DuckDB: SQL over samples on one machine, and Parquet without Arrow."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.dataset.querying.columns import LINES, SAMPLES, Column, row_of, sample_row
from trueup.errors import InputError
from trueup.model import Change, DatasetVersion, LabelledSample
from trueup.ports import Answer, SampleSql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MEMORY = "600MB"
_VERSION = (
    Column(name="project", kind="text"),
    Column(name="version", kind="whole"),
    Column(name="version_id", kind="text"),
    Column(name="branch", kind="text"),
)


class DuckSamples(SampleSql):
    """`samples` with what some versions hold. Nothing but that can be read through it: not files, not the network.

    Raises InputError when DuckDB is not installed.
    """

    def __init__(self, versions: Iterable[tuple[DatasetVersion, Iterable[LabelledSample]]]) -> None:
        self._connection = _connect()
        rows = (_held(version, sample) for version, samples in versions for sample in samples)
        _load(self._connection, "samples", (*_VERSION, *SAMPLES), rows)
        for guard in ("SET enable_external_access = false", "SET lock_configuration = true"):
            self._connection.execute(guard)

    def ask(self, sql: str, most: int) -> Answer:
        from duckdb import Error

        try:
            found = self._connection.execute(sql)
            rows = found.fetchmany(most + 1)
        except Error as error:
            raise InputError(f"the SQL cannot be answered: {error}", field="--sql") from error
        columns = tuple(each[0] for each in found.description or ())
        return Answer(columns=columns, rows=tuple(tuple(each) for each in rows[:most]), more=len(rows) > most)


def parquet_of(segment: str, lines: Iterable[Change]) -> bytes:
    """A segment's lines as Parquet (zstd), the same bytes for the same lines and the same DuckDB."""
    connection = _connect()
    with tempfile.TemporaryDirectory() as folder:
        _load(connection, "lines", LINES, (row_of(each, segment) for each in lines))
        path = Path(folder) / "lines.parquet"
        connection.execute(f"COPY lines TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        return path.read_bytes()


def _connect() -> DuckDBPyConnection:
    try:
        import duckdb
    except ImportError as error:
        raise InputError("questions in SQL need DuckDB: pip install 'trueup[query]'", field="trueup[query]") from error
    options = {"memory_limit": _MEMORY, "temp_directory": tempfile.gettempdir(), "preserve_insertion_order": "true"}
    return duckdb.connect(":memory:", config={**options, "threads": str(os.cpu_count() or 1)})


def _load(connection: DuckDBPyConnection, table: str, columns: Sequence[Column], rows: Iterable[Any]) -> None:
    """By a file of JSON Lines, which is quicker than row by row and takes no memory."""
    types = ", ".join(f"{each.name}: '{each.sql}'" for each in columns)
    with _written(rows) as path:
        connection.execute(
            f"CREATE TABLE {table} AS SELECT * FROM "  # noqa: S608 - names of ours, a path of ours
            f"read_json('{path}', format = 'newline_delimited', columns = {{{types}}})"
        )


@contextmanager
def _written(rows: Iterable[Any]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        encoder = msgspec.json.Encoder()
        with path.open("wb") as file:
            for row in rows:
                file.write(encoder.encode(row) + b"\n")
        yield path


def _held(version: DatasetVersion, sample: LabelledSample) -> dict[str, Any]:
    return {
        "project": version.project,
        "version": version.number,
        "version_id": version.version_id,
        "branch": version.branch,
        **sample_row(sample),
    }
