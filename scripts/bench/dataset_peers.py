"""What others do with the same million lines: DVC, Delta Lake, Polars, DuckDB. Runs in an environment of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.bench.dataset_rows import Columns, documents

_COMPARED = ("posterior", "agreement", "consensus_id", "selected_by", "propensity", "labelled_at")


def prepare(folder: Path, before: Columns, after: Columns, change: Columns) -> None:
    """The files that they work on, as JSON Lines and as Parquet (zstd)."""
    import msgspec
    import polars as pl  # type: ignore[import-not-found]

    for name, columns in {"before": before, "after": after, "change": change}.items():
        pl.DataFrame(columns).write_parquet(folder / f"{name}.parquet", compression="zstd")
        if name != "change":
            with (folder / f"{name}.jsonl").open("wb") as file:
                file.writelines(msgspec.json.encode(each) + b"\n" for each in documents(columns))


def dvc(kind: str) -> Callable[[Path], dict[str, float]]:
    def work(folder: Path) -> dict[str, float]:
        """`dvc add` of the file after the change, where that before it is added already."""
        place = _fresh(folder / f"dvc-{kind}")
        run = Path(sys.executable).with_name("dvc")
        environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}

        def call(*words: str) -> float:
            start = os.times()
            subprocess.run([run, *words], cwd=place, env=environment, check=True, stdout=subprocess.DEVNULL)
            end = os.times()
            return end.children_user + end.children_system - start.children_user - start.children_system

        call("init", "--no-scm", "-q")
        shutil.copyfile(folder / f"before.{kind}", place / f"lines.{kind}")
        call("add", "-q", f"lines.{kind}")
        (place / f"lines.{kind}").unlink()
        shutil.copyfile(folder / f"after.{kind}", place / f"lines.{kind}")
        held = _bytes(place / ".dvc" / "cache")
        seconds = call("add", "-q", f"lines.{kind}")
        return {"seconds": seconds, "bytes": _bytes(place / ".dvc" / "cache") - held}

    return work


def delta_merge(folder: Path) -> dict[str, float]:
    """A merge that updates, deletes and inserts."""
    import polars as pl
    from deltalake import DeltaTable, write_deltalake  # type: ignore[import-not-found]

    place = _fresh(folder / "delta")
    change = pl.read_parquet(folder / "change.parquet")
    write_deltalake(place, pl.read_parquet(folder / "before.parquet").to_arrow())
    held = _bytes(place)
    source = change.to_arrow()
    names = [each for each in change.columns if each != "op"]
    start = time.process_time()
    merge = DeltaTable(place).merge(source, "t.sample_id = s.sample_id", source_alias="s", target_alias="t")
    merge = merge.when_matched_delete("s.op = 'remove'")
    merge = merge.when_matched_update({each: f"s.{each}" for each in names})
    merge.when_not_matched_insert({each: f"s.{each}" for each in names}).execute()
    return {"seconds": time.process_time() - start, "bytes": _bytes(place) - held}


def polars_diff(folder: Path) -> dict[str, float]:
    import polars as pl

    start = time.process_time()
    one, other = (pl.read_parquet(folder / f"{each}.parquet") for each in ("before", "after"))
    both = one.join(other, on="sample_id", how="full", suffix="_after")
    relabelled, moved = (pl.col(each) != pl.col(f"{each}_after") for each in ("label", "split"))
    restated = pl.any_horizontal([pl.col(each).ne_missing(pl.col(f"{each}_after")) for each in _COMPARED])
    kind = (
        pl.when(pl.col("sample_id").is_null())
        .then(pl.lit("added"))
        .when(pl.col("sample_id_after").is_null())
        .then(pl.lit("removed"))
        .when(relabelled)
        .then(pl.lit("relabelled"))
        .when(moved)
        .then(pl.lit("moved"))
        .when(restated)
        .then(pl.lit("restated"))
    )
    chosen = [pl.coalesce("sample_id", "sample_id_after").alias("id"), "label", "label_after", "split", "split_after"]
    found = both.select(*chosen, kind=kind).filter(pl.col("kind").is_not_null()).sort("id")
    return {"seconds": time.process_time() - start, "found": len(found)}


def duckdb_diff(folder: Path) -> dict[str, float]:
    import duckdb  # type: ignore[import-not-found]

    differs = " OR ".join(f"a.{each} IS DISTINCT FROM b.{each}" for each in _COMPARED)
    query = f"""
        SELECT coalesce(a.sample_id, b.sample_id) AS id, a.label, b.label AS label_after, a.split, b.split AS split_after,
            CASE WHEN a.sample_id IS NULL THEN 'added' WHEN b.sample_id IS NULL THEN 'removed'
                WHEN a.label <> b.label THEN 'relabelled' WHEN a.split <> b.split THEN 'moved' ELSE 'restated' END AS kind
        FROM '{folder}/before.parquet' a FULL JOIN '{folder}/after.parquet' b ON a.sample_id = b.sample_id
        WHERE a.sample_id IS NULL OR b.sample_id IS NULL OR a.label <> b.label OR a.split <> b.split OR {differs}
        ORDER BY id"""
    start = time.process_time()
    found = duckdb.sql(query).fetchnumpy()
    return {"seconds": time.process_time() - start, "found": len(found["id"])}


WORKS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "DVC add, JSON Lines": dvc("jsonl"),
    "DVC add, Parquet": dvc("parquet"),
    "Delta Lake merge": delta_merge,
    "Polars diff": polars_diff,
    "DuckDB diff": duckdb_diff,
}


def _fresh(place: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return place


def _bytes(place: Path) -> int:
    return sum(each.stat().st_size for each in place.rglob("*") if each.is_file())
