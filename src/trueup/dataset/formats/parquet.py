"""Parquet (format 2.6) with a schema that stays as it is: times in UTC to the microsecond, words that repeat as
dictionaries."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from trueup.dataset.arrow import Row, parquet, pyarrow
from trueup.dataset.exporting import EVERY_KIND, Cut, ExportedFile, ExportRequest

KINDS = EVERY_KIND
HOLDS_NONE = True
FILE = "samples.parquet"
READERS = "pandas, Polars, DuckDB, Athena, Spark"
CUT = Cut(why="it is written by pyarrow, which is in no function's package")
# Some 20 MB before they are packed.
_ROWS = 65_536


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    yield ExportedFile(FILE, parquet(schema_of(request), _groups(request)))


def schema_of(request: ExportRequest) -> Any:
    """The file's metadata names the version and says what its labels mean."""
    arrow = pyarrow()
    word = arrow.dictionary(arrow.int32(), arrow.string())
    fields = [
        ("sample_id", arrow.string(), False),
        ("label", arrow.string(), False),
        ("split", word, False),
        ("group", arrow.string(), False),
        ("content_type", word, False),
        ("payload_uri", arrow.string(), False),
        ("posterior", arrow.float64(), False),
        ("agreement", arrow.float64(), False),
        ("weight", arrow.float64(), False),
        ("consensus_id", arrow.string(), True),
        ("selected_by", word, False),
        ("propensity", arrow.float64(), True),
        ("labelled_at", arrow.timestamp("us", tz="UTC"), True),
        ("captured_at", arrow.timestamp("us", tz="UTC"), True),
        ("slice", word, True),
        ("annotators", arrow.list_(arrow.string()), False),
        ("fingerprint", arrow.string(), True),
        ("since", arrow.int64(), False),
    ]
    told = {
        "trueup.project": request.project,
        "trueup.version": request.version.version_id,
        "trueup.kind": request.schema.kind,
        "trueup.schema_version": request.version.schema_version,
    }
    return arrow.schema([arrow.field(name, kind, nullable=empty) for name, kind, empty in fields], metadata=told)


def _groups(request: ExportRequest) -> Iterator[list[Row]]:
    samples = request.samples()
    while group := list(itertools.islice(samples, _ROWS)):
        yield [{name: getattr(each, name) for name in each.__struct_fields__} for each in group]
