"""Versions of a dataset of a million lines: ours beside DVC, Delta Lake, Polars and DuckDB.

    python -m scripts.bench.dataset [--rounds 5] [--write]

The change adds 3,000 lines, removes 2,000 and relabels 5,000. The peers live in an environment of their own under
.cache/bench, made at the first run; each contender runs in a process of its own, in turn. Seconds are of CPU, of all
threads and children. Peers have the same lines without what follows from the id (groups, URIs of payloads) and without
constant columns: DVC as one file, Delta Lake and the diffs as Parquet (zstd). Files come out of the page cache. Ours
starts with nothing read, hashes what it reads where the product does, and makes an object of every change that a diff
finds; Polars and DuckDB make a table of them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from scripts.bench.rounds import BENCHMARKS, ROOT, Figures, interleaved, machine, ratio, table

_FOLDER = ROOT / ".cache" / "bench" / "dataset"
_PYTHON = _FOLDER / "peers" / "bin" / "python"
_PEERS = ("dvc==3.67.1", "deltalake==1.6.6", "polars==2.1.0", "duckdb==2.0.1", "pyarrow", "msgspec", "numpy")
_OURS = (
    "commit",
    "commit of fifty",
    "diff, related",
    "diff, related, as a summary",
    "diff, segments in common",
    "diff, unrelated",
    "diff, unrelated, hashed",
    "hashing",
    "verify",
    "checkpoint",
    "iteration",
    "export, JSON Lines",
)
_THEIRS = ("DVC add, JSON Lines", "DVC add, Parquet", "Delta Lake merge", "Polars diff", "DuckDB diff")
# Ours, theirs, the figure, and how many times ours is to be smaller, if that is a goal.
_GOALS: tuple[tuple[str, str, str, float | None], ...] = (
    ("commit", "DVC add, JSON Lines", "bytes", 500.0),
    ("commit", "DVC add, Parquet", "bytes", None),
    ("commit", "Delta Lake merge", "bytes", 100.0),
    ("diff, related", "Polars diff", "seconds", 100.0),
    ("diff, unrelated", "Polars diff", "seconds", 10.0),
    ("diff, unrelated", "DuckDB diff", "seconds", None),
    ("verify", "hashing", "seconds", 0.5),
)
_LAMBDA_MB = 1_769
_LAMBDA_SECONDS = 900
# us-east-1, USD: a GB-second on arm64, a thousand requests, a GB in S3 for a month, a thousand state transitions.
_GB_SECOND, _GETS, _PUTS, _GB_MONTH, _TRANSITIONS = 0.0000133334, 0.0004, 0.005, 0.023, 0.025
# What one function reads from S3 in a second; not measured here.
_S3_MB = 80.0
_MANY = 100_000_000
# What one call uploads of a large file.
_UPLOADED = 8 * 1024 * 1024


def measure(contender: str) -> dict[str, float]:
    """CPU seconds, peak memory of the process, and what the work tells of itself."""
    if contender in _THEIRS:
        from scripts.bench import dataset_peers

        found = dataset_peers.WORKS[contender](_FOLDER)
    else:
        from scripts.bench import dataset_ours

        found = dataset_ours.WORKS[contender](_FOLDER)
    return {**found, "memory_mb": _peak_mb()}


def _peak_mb() -> float:
    """Peak resident memory of this program. What getrusage tells begins with the parent's, which forked it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(each.split()[1]) for each in lines if each.startswith("VmHWM")) / 1024


def compare(rounds: int) -> dict[str, Figures]:
    _prepare()
    command = ["-m", "scripts.bench.dataset", "--contender"]
    commands = {each: [sys.executable, *command, each] for each in _OURS}
    commands |= {each: [str(_PYTHON), *command, each] for each in _THEIRS}
    return interleaved(commands, rounds)


def _prepare() -> None:
    _FOLDER.mkdir(parents=True, exist_ok=True)
    if not _PYTHON.exists():
        subprocess.run(["uv", "venv", "-q", _FOLDER / "peers"], check=True)
        subprocess.run(["uv", "pip", "install", "-q", "--python", _PYTHON, *_PEERS], check=True)
    if not (_FOLDER / "before.jsonl").exists():
        subprocess.run([_PYTHON, "-m", "scripts.bench.dataset", "--prepare", "theirs"], cwd=ROOT, check=True)
    if not (_FOLDER / "change.json").exists():
        for name in ("ours", "apart"):
            shutil.rmtree(_FOLDER / name, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "scripts.bench.dataset", "--prepare", "ours"], cwd=ROOT, check=True)
    shutil.rmtree(_FOLDER / "changed", ignore_errors=True)
    measure("hashing")


def prepare(whose: str) -> None:
    from scripts.bench.dataset_rows import SAMPLES, changed, rows

    before = rows(SAMPLES, 1, 1)
    after, change = changed(before)
    if whose == "ours":
        from scripts.bench import dataset_ours

        dataset_ours.prepare(_FOLDER, before, after, change)
    else:
        from scripts.bench import dataset_peers

        dataset_peers.prepare(_FOLDER, before, after, change)


def report(found: Mapping[str, Figures], rounds: int) -> str:
    return "\n".join(
        [
            "# Versions of a dataset of a million lines",
            "",
            f"`python -m scripts.bench.dataset`, medians of {rounds} rounds in turn. {machine()}; "
            f"peers: {', '.join(_PEERS[:4])}.",
            "",
            (__doc__ or "").partition("[--write]\n\n")[2].strip(),
            "",
            table(["work", "CPU seconds", "spread", "peak MB", "bytes written", "bytes read"], _rows(found)),
            "",
            table(["ours", "beside", "figure", "times as small", "goal", "met"], _goals(found)),
            "",
            _small(found["commit of fifty"]),
            "",
            _plan(found),
            "",
        ]
    )


def _rows(found: Mapping[str, Figures]) -> list[list[str]]:
    return [
        [
            name,
            f"{each.median('seconds'):.3g}",
            f"± {each.spread('seconds'):.0%}",
            f"{each.median('memory_mb'):.0f}" if not name.startswith("DVC") else "",
            _told(each, "bytes"),
            _told(each, "read"),
        ]
        for name, each in found.items()
    ]


def _told(figures: Figures, name: str) -> str:
    return f"{figures.median(name):,.0f}" if name in figures.rounds[0] else ""


def _goals(found: Mapping[str, Figures]) -> list[list[str]]:
    rows = []
    for ours, theirs, figure, goal in _GOALS:
        reached = 1 / ratio(found[ours], found[theirs], figure)
        wanted, met = ("", "") if goal is None else (f"{goal:g} ×", "yes" if reached >= goal else "no")
        rows.append([ours, theirs, figure, f"{reached:,.3g} ×", wanted, met])
    most = max((found[each].median("memory_mb"), each) for each in _OURS)
    met = "yes" if most[0] <= _LAMBDA_MB else "no"
    rows.append([f"the most memory: {most[1]}", "a Lambda", "MB", f"{most[0]:.0f}", f"{_LAMBDA_MB:,}", met])
    return rows


def _small(figures: Figures) -> str:
    cold, warm = (
        f"{1000 * figures.median(f'{each}_seconds'):.1f} ms of CPU, {figures.median(f'{each}_bytes'):,.0f} bytes "
        f"written and {figures.median(f'{each}_read'):,.0f} read"
        for each in ("cold", "warm")
    )
    return f"A commit of fifty labels on the million: {cold} when nothing is read yet; {warm} by the same again."


def _plan(found: Mapping[str, Figures]) -> str:
    """What it takes at a hundred times the size, and where one function ends."""
    per_line = found["hashing"].median("read") / 1_000_000
    gigabytes = _MANY * per_line / 1e9
    segments = _MANY // 250_000
    rows = []
    lines = found["export, JSON Lines"].median("bytes") / 1_000_000
    for name, contender, reads, written, puts in (
        ("verify", "verify", 1, 0.0, 0),
        ("diff, unrelated", "diff, unrelated, hashed", 2, 0.0, 0),
        ("checkpoint of everything", "checkpoint", 1, per_line, segments),
        ("every line as an object", "iteration", 1, 0.0, 0),
        ("export, JSON Lines", "export, JSON Lines", 1, lines, int(_MANY * lines / _UPLOADED)),
    ):
        moved = per_line * reads + written
        each = found[contender].median("seconds") + moved / _S3_MB
        ends = int(_LAMBDA_SECONDS / each)
        functions = 1 if each * 100 <= _LAMBDA_SECONDS else -(-_MANY // (ends * 1_000_000))
        gets = segments * reads
        dollars = each * 100 * _LAMBDA_MB / 1024 * _GB_SECOND + gets / 1000 * _GETS + puts / 1000 * _PUTS
        dollars += functions / 1000 * _TRANSITIONS
        rows.append(
            [
                name,
                f"{gets + puts:,}",
                f"{_MANY * moved / 1e9:.1f}",
                f"{each * 100:,.0f}",
                f"{dollars:.3f}",
                f"{ends:,} million",
                f"{functions}",
            ]
        )
    columns = ["work on 100 million lines", "calls of S3", "GB", "seconds", "USD", "one Lambda ends at", "functions"]
    text = (
        f"## A hundred million lines\n\nPlanned, not run: the rates above, and {_S3_MB:.0f} MB a second from S3 to a "
        f"function of {_LAMBDA_MB:,} MB (one core). They are {segments} segments, {gigabytes:.1f} GB, "
        f"{gigabytes * _GB_MONTH:.2f} USD a month. A commit of 10,000 changes writes "
        f"{found['commit'].median('bytes') / 1000:,.0f} kB and a diff along the history reads as much, as at a "
        "million. Its look-up reads the segments that may hold a changed id, which with ids spread evenly are all of "
        f"them: {gigabytes:.1f} GB, {_MANY * per_line / _S3_MB / 1e6:,.0f} seconds."
    )
    return f"{text}\n\n{table(columns, rows)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--contender", choices=(*_OURS, *_THEIRS))
    parser.add_argument("--prepare", choices=("ours", "theirs"))
    parser.add_argument("--write", action="store_true", help="keep the report in docs/benchmarks/dataset.md")
    given = parser.parse_args()
    if given.contender:
        print(json.dumps(measure(given.contender)))
    elif given.prepare:
        prepare(given.prepare)
    else:
        text = report(compare(given.rounds), given.rounds)
        print(text)
        if given.write:
            (BENCHMARKS / "dataset.md").write_text(text)


if __name__ == "__main__":
    main()
