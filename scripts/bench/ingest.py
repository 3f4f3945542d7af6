"""How fast capture files are read: the whole ingest use case beside two usual designs.

    uv run --with orjson python -m scripts.bench.ingest [--rounds 7] [--write]

trueup does more than its peers here: it recognises what the answers are, checks every record, finds events that come
again, counts and sketches by class, chooses the 100 most worth asking about with an audit sample, and opens their
tasks (in memory: what AWS takes is not measured). The peers parse and score.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.bench import peers
from scripts.bench.corpora import CLASSES, CORPORA, corpus
from scripts.bench.rounds import BENCHMARKS, ROOT, Figures, interleaved, machine, ratio, table
from trueup.adapters import memory
from trueup.capture.lines import whole_lines
from trueup.model import Budget, CaptureFile, LabelClass, LabelSchema, Project, Quarantined, SelectionPolicy
from trueup.ports import CaptureArchive
from trueup.usecases.compare_variants import CompareVariants
from trueup.usecases.ingest_captures import IngestCaptures

_FOLDER = ROOT / ".cache" / "bench"
_PEERS = {"json": peers.plain_json, "orjson + numpy": peers.orjson_and_numpy}
_OURS = "trueup"
# Ratios that we want: docs/benchmarks/README.md.
_GOALS = {
    ("tabular", "json"): 4.0,
    ("binary", "json"): 4.0,
    ("image", "json"): 4.0,
    ("tabular", "orjson + numpy"): 1.3,
    ("binary", "orjson + numpy"): 2.0,
    ("image", "orjson + numpy"): 1.3,
}
_MEMORY_MB = 64


@dataclass(frozen=True)
class Disk(CaptureArchive):
    """One file of this machine."""

    path: Path

    def blocks(self, file: CaptureFile) -> Iterator[bytes]:  # noqa: ARG002
        with self.path.open("rb", buffering=0) as stream:
            yield from whole_lines(stream.readinto)

    def quarantine(self, file: CaptureFile, items: Sequence[Quarantined], part: int = 1) -> str:
        raise ValueError(f"{file.uri}, part {part}: {items[0].reason}")


def ingest(name: str, path: Path) -> int:
    """The use case on one file. Returns the number of predictions."""
    world, clock = memory.World(), memory.FixedClock()
    schema = LabelSchema(classes=tuple(LabelClass(name=str(each)) for each in range(CLASSES[name])))
    policy = SelectionPolicy(budget=Budget(per_day=100))
    archive = Disk(path)
    use_case = IngestCaptures(
        projects={"bench": Project(name="bench", endpoint_name="bench", label_schema=schema, selection=policy)},
        archive=archive,
        ledger=memory.MemoryCaptureLedger(world),
        payloads=memory.MemoryPayloadStore(),
        tasks=memory.MemoryTaskStore(world),
        queue=memory.MemoryAnnotationQueue(clock),
        clock=clock,
        knowledge=memory.MemoryKnowledgeStore(),
        variants=CompareVariants(memory.MemoryCaptureListing(memory.MemoryCaptureArchive()), archive),
        standings=memory.MemoryQueueStandings(world),
        runs=memory.MemoryRunStore(world),
    )
    receipt = use_case(CaptureFile(project="bench", endpoint="e", variant="v", bucket="b", key=name))
    if receipt.selected != 100 or receipt.captures != receipt.lines:
        raise ValueError(f"not what was to be measured: {receipt}")
    return receipt.predictions


def measure(contender: str, name: str, path: Path) -> dict[str, float]:
    """Once to warm up, then once: CPU seconds and peak memory of this process."""
    work = ingest if contender == _OURS else _PEERS[contender]
    for _ in range(2):
        start = time.process_time()
        records = work(name, path)
        seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"records_per_second": records / seconds, "memory_mb": peak}


def compare(name: str, rounds: int) -> dict[str, Figures]:
    path = corpus(name, _FOLDER)
    command = [sys.executable, "-m", "scripts.bench.ingest", "--corpus", str(path), "--name", name, "--contender"]
    return interleaved({each: [*command, each] for each in (*_PEERS, _OURS)}, rounds)


def report(found: dict[str, dict[str, Figures]], rounds: int) -> str:
    rows, goals = [], []
    for name, figures in found.items():
        for contender, each in figures.items():
            rows.append(
                [
                    name,
                    contender,
                    f"{each.median('records_per_second'):,.0f}",
                    f"± {each.spread('records_per_second'):.0%}",
                    f"{each.median('memory_mb'):.0f}",
                ]
            )
        for peer in _PEERS:
            reached, wanted = ratio(figures[_OURS], figures[peer], "records_per_second"), _GOALS[name, peer]
            goals.append([name, peer, f"{reached:.2f} ×", f"{wanted} ×", "yes" if reached >= wanted else "no"])
        used = figures[_OURS].median("memory_mb")
        goals.append([name, "memory", f"{used:.0f} MB", f"{_MEMORY_MB} MB", "yes" if used <= _MEMORY_MB else "no"])
    head = ["corpus", "contender", "records a second of CPU", "spread", "peak MB"]
    return "\n".join(
        [
            "# Reading capture files",
            "",
            f"`python -m scripts.bench.ingest`, medians of {rounds} rounds in turn, one core. {machine()}.",
            "",
            (__doc__ or "").partition("\n\n")[2].partition("\n\n")[2].strip(),
            "",
            table(head, rows),
            "",
            "trueup to each peer, round by round:",
            "",
            table(["corpus", "peer", "reached", "goal", "met"], goals),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="keep the report in docs/benchmarks/ingest.md")
    parser.add_argument("--only", choices=CORPORA, help="one corpus")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--corpus", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--name", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contender:
        print(json.dumps(measure(given.contender, given.name, given.corpus)))
        return
    names = [given.only] if given.only else list(CORPORA)
    text = report({name: compare(name, given.rounds) for name in names}, given.rounds)
    print(text)
    if given.write:
        BENCHMARKS.mkdir(exist_ok=True)
        (BENCHMARKS / "ingest.md").write_text(text)


if __name__ == "__main__":
    main()
