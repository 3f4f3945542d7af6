"""JSON Lines, CSV and Parquet: pandas, DuckDB, pyarrow and `datasets` find what the version holds."""

from __future__ import annotations

import io
from pathlib import Path

import duckdb
import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from tests.shelf import NONE, shelf
from tests.unit.labels.schemas import KINDS
from trueup.dataset import arrow
from trueup.model import Kind, LabelledSample


@pytest.mark.parametrize("kind", KINDS)
def test_pandas_reads_parquet(kind: Kind) -> None:
    made = shelf(kind, NONE)
    frame = pd.read_parquet(io.BytesIO(made.single("parquet")))
    assert list(frame["label"]) == [each.label for each in made.samples]
    assert list(frame["split"]) == [each.split for each in made.samples]
    assert str(frame["labelled_at"].dtype) == "datetime64[us, UTC]"
    assert frame["split"].dtype == "category"
    assert list(frame["labelled_at"]) == [each.labelled_at for each in made.samples]


def test_parquet_rows_are_the_samples() -> None:
    """Nothing is lost, and the file says which version it is of."""
    made = shelf("boxes", NONE)
    table = pq.read_table(io.BytesIO(made.single("parquet")))
    assert msgspec.convert(table.to_pylist(), list[LabelledSample]) == made.samples
    assert table.schema.metadata[b"trueup.version"].decode() == made.version.version_id
    assert table.schema.field("labelled_at").type == pa.timestamp("us", tz="UTC")


def test_no_field_of_a_sample_is_forgotten() -> None:
    fields = set(LabelledSample.__struct_fields__)
    made = shelf("classification")
    assert set(pq.read_schema(io.BytesIO(made.single("parquet"))).names) == fields
    assert set(made.single("csv").decode().splitlines()[0].split(",")) == fields


def test_row_groups_leave_as_they_are_full() -> None:
    """A group's bytes are there before the next group is asked for."""
    schema = pa.schema([("number", pa.int64())])
    asked = []

    def groups() -> object:
        for number in range(3):
            asked.append(number)
            yield [{"number": each} for each in range(number * 1000, number * 1000 + 1000)]

    pieces = arrow.parquet(schema, groups())  # type: ignore[arg-type]
    first = next(pieces)
    assert first == b"PAR1"
    assert asked == [0]
    data = first + b"".join(pieces)
    read = pq.ParquetFile(io.BytesIO(data))
    assert read.num_row_groups == 3
    assert read.read()["number"].to_pylist() == list(range(3000))


def test_datasets_and_pandas_read_json_lines(tmp_path: Path) -> None:
    made = shelf("classification")
    made.into(tmp_path, "jsonl")
    loaded = load_dataset("json", data_files=str(tmp_path / "samples.jsonl"), split="train", cache_dir=tmp_path / "c")
    assert loaded["label"] == [each.label for each in made.samples]
    frame = pd.read_json(tmp_path / "samples.jsonl", lines=True)
    assert list(frame["sample_id"]) == [each.sample_id for each in made.samples]


READ = {
    "csv": "read_csv(?, all_varchar = true)",
    "jsonl": "read_json(?, format = 'newline_delimited')",
    "parquet": "read_parquet(?)",
}


@pytest.mark.parametrize("form", READ)
@pytest.mark.parametrize("kind", KINDS)
def test_duckdb_queries_them(tmp_path: Path, form: str, kind: Kind) -> None:
    """By a reader that shares no code with what wrote them."""
    made = shelf(kind, NONE)
    made.into(tmp_path, form)
    text = 'sample_id, CAST(label AS VARCHAR), CAST(split AS VARCHAR), "group", CAST(agreement AS DOUBLE)'
    query = f"SELECT {text} FROM {READ[form]} ORDER BY sample_id"
    rows = duckdb.execute(query, [str(tmp_path / f"samples.{form}")]).fetchall()
    assert rows == [(each.sample_id, each.label, each.split, each.group, each.agreement) for each in made.samples]


@pytest.mark.parametrize("kind", KINDS)
def test_pandas_reads_csv(kind: Kind) -> None:
    """With quotes, commas and line ends within labels; nothing is lost."""
    made = shelf(kind, NONE)
    frame = pd.read_csv(io.BytesIO(made.single("csv")), dtype={"slice": str}, keep_default_na=False, na_values=[""])
    rows = [
        {name: value for name, value in row.items() if not pd.isna(value)} for row in frame.to_dict(orient="records")
    ]
    assert msgspec.convert(rows, list[LabelledSample]) == made.samples
