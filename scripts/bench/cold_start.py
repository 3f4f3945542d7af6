"""How much a first answer takes: capture_ingest and annotation_api beside a function as it is usually written.

    uv run --with boto3 --with "aws-lambda-powertools[all]" python -m scripts.bench.cold_start [--rounds 9] [--write]

Each is a fresh process that imports the handler, answers one event against S3, DynamoDB and SQS on this machine's own
interface, and stops. Figures are CPU milliseconds, user and system, above those of an interpreter that does nothing.
Ours run from the packages that infra/packaging.py makes for this machine and see nothing else, the usual one from the
environment of this bench; all byte code is compiled before. The usual function does less than capture_ingest does: one
GET, 200 scores, one put, one message, four calls in all; capture_ingest makes twelve, with a receipt, a budget, the
sample, its task and its lineage.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from infra.packaging import Packager
from scripts.bench import cold_call
from scripts.bench.cold_call import BUCKET, KEY, MODULES
from scripts.bench.corpora import corpus
from scripts.bench.loopback import loopback
from scripts.bench.rounds import BENCHMARKS, ROOT, Figures, interleaved, machine, ratio, table
from trueup.model import LabelClass, LabelSchema, Project, SelectionPolicy
from trueup.settings import CaptureIngestSettings

_USUAL, _BARE, _BARE_ALONE = "usual", "bare interpreter", "bare interpreter without an environment"
_GOAL = 0.4
# This environment holds more than a package does, and some libraries import what they happen to find.
_WITH_ENVIRONMENT, _ALONE = ("-P",), ("-P", "-S")
OURS = tuple(each for each in MODULES if each != _USUAL)
# As infra/constructs/loop_function.py sets it for every function.
FASTER = {"OPENBLAS_NUM_THREADS": "1"}
_RECORDS = 200


@dataclass(frozen=True)
class Contender:
    """A process: what it runs, where, with what in its environment."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]

    def run(self) -> Mapping[str, float]:
        """CPU and peak memory of the process, which must succeed."""
        process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env={**_neither_set(os.environ), **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(self.command)} ended with {process.returncode}: {said.decode()[-2000:]}")
        kilobytes = re.search(r"VmHWM:\s+(\d+) kB", said.decode())
        peak = int(kilobytes[1]) / 1024 if kilobytes else 0.0
        return {"cpu_ms": 1000 * (used.ru_utime + used.ru_stime), "memory_mb": peak}


def _neither_set(environ: Mapping[str, str]) -> dict[str, str]:
    """What makes numpy faster is in the environment of ours alone, whatever shell this is called from."""
    return {name: value for name, value in environ.items() if name not in FASTER}


def compare(rounds: int) -> dict[str, Figures]:
    with corpus("tabular", ROOT / ".cache" / "bench").open("rb") as file:
        body = b"".join(next(file) for _ in range(_RECORDS))
    with loopback({f"/{BUCKET}/{KEY}": body}) as server:

        def run(contender: Contender) -> Mapping[str, float]:
            server.items.clear()
            return contender.run()

        contenders = _contenders(server.url)
        for each in contenders.values():
            run(each)
        return interleaved(contenders, rounds, run)


def _contenders(url: str) -> dict[str, Contender]:
    environment, packager = _environment(url), Packager("host", msgspec.json.encode([_project()]))

    def call(name: str, folder: Path, options: Sequence[str], more: Mapping[str, str]) -> Contender:
        command = [sys.executable, *options, str(Path(cold_call.__file__)), name]
        return Contender(command, folder, {**environment, **more, "PYTHONPATH": str(folder)})

    def bare(options: Sequence[str]) -> Contender:
        return Contender([sys.executable, *options, "-c", "import os; os._exit(0)"], ROOT, environment)

    ours = {name: call(name, packager.package(name), _ALONE, FASTER) for name in OURS}
    usual = {_USUAL: call(_USUAL, ROOT, _WITH_ENVIRONMENT, {})}
    return {_BARE: bare(_WITH_ENVIRONMENT), _BARE_ALONE: bare(_ALONE), **usual, **ours}


def _project() -> Project:
    """One sample of a file is asked about."""
    names = tuple(LabelClass(name=str(each)) for each in range(10))
    policy = SelectionPolicy(rate=1 / _RECORDS, audit_share=0.0)
    return Project(name="bench", endpoint_name="e", label_schema=LabelSchema(classes=names), selection=policy)


def _environment(url: str) -> dict[str, str]:
    settings = CaptureIngestSettings(
        stage="bench",
        table_name="trueup",
        captures_bucket=BUCKET,
        dataset_bucket="dataset",
        annotation_queue_urls={"bench": f"{url}/queue/bench"},
    )
    return {
        # annotation_api's settings are among these, and the usual function reads two of them.
        **settings.to_env(),
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "bench",
        # Else byte code of the usual function is made anew by each process.
        "PYTHONDONTWRITEBYTECODE": "",
    }


def report(found: Mapping[str, Figures], rounds: int) -> str:
    above = {name: _above(found[name], found[_BARE if name == _USUAL else _BARE_ALONE]) for name in MODULES}
    rows = []
    for name in MODULES:
        share = ratio(above[name], above[_USUAL], "ms")
        met = "" if name == _USUAL else "yes" if share <= _GOAL else "no"
        wanted = "" if name == _USUAL else f"{_GOAL:.0%}"
        memory = found[name].median("memory_mb")
        rows.append([name, f"{above[name].median('ms'):.0f}", f"{memory:.0f}", f"{share:.0%}", wanted, met])
    return "\n".join(
        [
            "# Cold starts",
            "",
            f"`python -m scripts.bench.cold_start`, medians of {rounds} rounds in turn. {machine()}.",
            "",
            (__doc__ or "").partition("--write]\n\n")[2].strip(),
            "",
            table(["function", "CPU ms", "peak MB", "of the usual", "goal", "met"], rows),
            "",
        ]
    )


def _above(figures: Figures, bare: Figures) -> Figures:
    nothing = bare.median("cpu_ms")
    return Figures(figures.name, [{"ms": each["cpu_ms"] - nothing} for each in figures.rounds])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--write", action="store_true", help="keep the report in docs/benchmarks/cold_start.md")
    given = parser.parse_args()
    text = report(compare(given.rounds), given.rounds)
    print(text)
    if given.write:
        BENCHMARKS.mkdir(exist_ok=True)
        (BENCHMARKS / "cold_start.md").write_text(text)


if __name__ == "__main__":
    main()
