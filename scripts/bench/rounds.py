"""Contenders in turn, each in a process of its own, several rounds of them: what differs between the rounds differs
for all."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "docs" / "benchmarks"


@dataclass(frozen=True)
class Figures:
    """One contender's rounds: each a mapping of figure to value."""

    name: str
    rounds: Sequence[Mapping[str, float]]

    def median(self, figure: str) -> float:
        return statistics.median(each[figure] for each in self.rounds)

    def spread(self, figure: str) -> float:
        """Half the distance of the quartiles, over the median."""
        values = sorted(each[figure] for each in self.rounds)
        low, high = values[len(values) // 4], values[(3 * len(values)) // 4]
        return (high - low) / 2 / self.median(figure)


def ratio(ours: Figures, peer: Figures, figure: str) -> float:
    """The median over the rounds of ours over the peer's, round by round."""
    pairs = zip(ours.rounds, peer.rounds, strict=True)
    return statistics.median(mine[figure] / theirs[figure] for mine, theirs in pairs)


def printed(command: Sequence[str]) -> Mapping[str, float]:
    """The JSON object of figures that a command prints last. numpy has one thread, as the functions are deployed."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    figures: Mapping[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def interleaved(
    commands: Mapping[str, Any],
    rounds: int,
    run: Callable[[Any], Mapping[str, float]] = printed,
) -> dict[str, Figures]:
    """Runs each command, which is what `run` takes, once a round. The order turns from round to round."""
    found: dict[str, list[Mapping[str, float]]] = {name: [] for name in commands}
    names = list(commands)
    for number in range(rounds):
        for name in [*names[number % len(names) :], *names[: number % len(names)]]:
            print(f"  round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
            found[name].append(run(commands[name]))
    return {name: Figures(name, each) for name, each in found.items()}


def machine() -> str:
    """What it was measured on."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    total = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return (
        f"{os.cpu_count()} cores of {model}, {total / 2**20:.0f} GB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, whose columns but the first are figures."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows])
