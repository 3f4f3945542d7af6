"""How much a first answer takes: capture_ingest and annotation_api beside a function as it is usually written.

    uv run --with boto3 --with "aws-lambda-powertools[all]" python -m scripts.bench.cold_start [--rounds 9] [--write]

Each is a fresh process that imports the handler, answers one event against S3, DynamoDB and SQS on this machine's own
interface, and stops. Figures are CPU milliseconds, user and system, above those of an interpreter that does nothing;
byte code is compiled before, as it is in the packages that are deployed. The usual function does less than
capture_ingest does: one GET, 200 scores, one put, one message, four calls in all; capture_ingest makes nine, with a
receipt, a budget, the sample, its task and its lineage.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from scripts.bench.cold_call import BUCKET, KEY, MODULES
from scripts.bench.corpora import corpus
from scripts.bench.loopback import loopback
from scripts.bench.rounds import BENCHMARKS, ROOT, Figures, interleaved, machine, ratio, table
from trueup.model import LabelClass, LabelSchema, Project, SelectionPolicy
from trueup.settings import CaptureIngestSettings

_USUAL, _BARE = "usual", "bare interpreter"
_GOAL = 0.4
# As infra/constructs/loop_function.py sets it for every function.
FASTER = {"OPENBLAS_NUM_THREADS": "1"}
_RECORDS = 200


def milliseconds(command: Sequence[str], environment: Mapping[str, str]) -> Mapping[str, float]:
    """CPU of a process that must succeed, and its peak memory."""
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = process.stdout.read() if process.stdout else b""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said.decode()[-2000:]}")
    return {"cpu_ms": 1000 * (used.ru_utime + used.ru_stime), "memory_mb": used.ru_maxrss / 1024}


def compare(rounds: int, folder: Path) -> dict[str, Figures]:
    with corpus("tabular", ROOT / ".cache" / "bench").open("rb") as file:
        body = b"".join(next(file) for _ in range(_RECORDS))
    with loopback({f"/{BUCKET}/{KEY}": body}) as server:
        environment = _environment(server.url, folder)

        def run(command: Sequence[str]) -> Mapping[str, float]:
            server.items.clear()
            ours = {} if command[-1] == _USUAL else FASTER
            return milliseconds(command, {**environment, **ours})

        commands: dict[str, list[str]] = {_BARE: [sys.executable, "-c", "import os; os._exit(0)"]}
        for each in MODULES:
            commands[each] = [sys.executable, "-m", "scripts.bench.cold_call", each]
        for command in commands.values():
            run(command)
        return interleaved(commands, rounds, run)


def _environment(url: str, folder: Path) -> dict[str, str]:
    names = tuple(LabelClass(name=str(each)) for each in range(10))
    # One sample of the file is asked about.
    policy = SelectionPolicy(rate=1 / _RECORDS, audit_share=0.0)
    project = Project(name="bench", endpoint_name="e", label_schema=LabelSchema(classes=names), selection=policy)
    (folder / "projects.json").write_bytes(msgspec.json.encode([project]))
    settings = CaptureIngestSettings(
        stage="bench",
        table_name="trueup",
        captures_bucket=BUCKET,
        dataset_bucket="dataset",
        annotation_queue_urls={"bench": f"{url}/queue/bench"},
        projects_file=str(folder / "projects.json"),
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
    }


def report(found: Mapping[str, Figures], rounds: int) -> str:
    bare = found[_BARE].median("cpu_ms")
    above = {
        name: Figures(name, [{"ms": each["cpu_ms"] - bare} for each in figures.rounds])
        for name, figures in found.items()
    }
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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--write", action="store_true", help="keep the report in docs/benchmarks/cold_start.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = report(compare(given.rounds, Path(folder)), given.rounds)
    print(text)
    if given.write:
        BENCHMARKS.mkdir(exist_ok=True)
        (BENCHMARKS / "cold_start.md").write_text(text)


if __name__ == "__main__":
    main()
