"""Two hundred annotators at once against more and more open tasks, on the embedded AWS.

`python -m scripts.bench.queue_load` writes docs/benchmarks/queue.md and its plot. The use cases are those behind the
annotation API, over DynamoDB and SQS as ministack emulates them, in one process of Python: what it measures is whether
a claim's price follows the number of open tasks, and whether anything is granted twice or lost, not how fast AWS is.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from scripts.bench.rounds import BENCHMARKS, machine
from trueup.adapters.aws.annotation_queue import SqsAnnotationQueue
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.gold_store import DynamoGoldStore, DynamoStandingStore
from trueup.adapters.aws.ledgers import DynamoQueueStandings
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.annotation.tasks import open_task
from trueup.local.service import bare
from trueup.model import (
    ConsensusPolicy,
    LabelClass,
    LabelSchema,
    Prediction,
    Project,
    Sample,
    Selection,
    content_id,
)
from trueup.ports import Journal, Opening
from trueup.usecases.claim_task import ClaimTask
from trueup.usecases.serve_gold import ServeGold
from trueup.usecases.submit_annotation import Submission, SubmitAnnotation

SIZES = (1_000, 10_000, 100_000)
PEOPLE = 200
ROUNDS = 5
OVERLAP = 2
_TABLE = "load"
PROJECT = Project(
    name="load",
    endpoint_name="load",
    label_schema=LabelSchema(media="text", classes=(LabelClass(name="cat"), LabelClass(name="dog"))),
    consensus=ConsensusPolicy(overlap=OVERLAP, max_overlap=3),
)


@dataclass(frozen=True)
class Place:
    """The stores and use cases of one deployment of the bench."""

    tasks: DynamoTaskStore
    queue: SqsAnnotationQueue
    claim: ClaimTask
    submit: SubmitAnnotation


@dataclass(frozen=True)
class Load:
    """One size's figures: milliseconds of claims with nobody else about and with everybody, and what became of them."""

    open_tasks: int
    alone: float
    median: float
    slow: float
    claims: int
    answers: int


def place(url: str) -> Place:
    session = botocore.session.get_session()
    config = Config(
        max_pool_connections=PEOPLE, retries={"mode": "standard", "total_max_attempts": 8}, read_timeout=120
    )
    made = {
        name: session.create_client(
            name,
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )
        for name in ("dynamodb", "sqs")
    }
    _create_table(made["dynamodb"])
    queue_url = made["sqs"].create_queue(QueueName="load")["QueueUrl"]
    table, clock, projects = Table(made["dynamodb"], _TABLE), SystemClock(), {PROJECT.name: PROJECT}
    tasks, queue = DynamoTaskStore(table), SqsAnnotationQueue(made["sqs"], {PROJECT.name: queue_url})
    gold = ServeGold(projects, tasks, DynamoGoldStore(table), clock)
    claim = ClaimTask(projects, tasks, queue, clock, DynamoQueueStandings(table), gold, DynamoStandingStore(table))
    return Place(tasks, queue, claim, SubmitAnnotation(projects, tasks, queue, clock))


def _create_table(dynamodb: Any) -> None:
    """As infra/stacks/data.py makes it."""
    keys = [("pk", "HASH"), ("sk", "RANGE")]
    index = [("gsi1pk", "HASH"), ("gsi1sk", "RANGE")]
    schema = [{"AttributeName": name, "KeyType": kind} for name, kind in keys]
    indexed = [{"AttributeName": name, "KeyType": kind} for name, kind in index]
    dynamodb.create_table(
        TableName=_TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=schema,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys + index],
        GlobalSecondaryIndexes=[{"IndexName": "gsi1", "KeySchema": indexed, "Projection": {"ProjectionType": "ALL"}}],
    )


def fill(there: Place, first: int, last: int) -> None:
    """Open tasks first..last-1, with a message for each answer."""
    now = SystemClock().now()
    chunks = [range(start, min(start + 500, last)) for start in range(first, last, 500)]

    def put(numbers: Sequence[int]) -> None:
        openings = [_opening(number, now) for number in numbers]
        opened = there.tasks.open(openings, Journal(at=now))
        there.queue.send(PROJECT.name, [each for each in opened for _ in range(OVERLAP)])

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(put, chunks))


def _opening(number: int, now: Any) -> Opening:
    name = content_id("load", str(number))
    sample = Sample(
        project=PROJECT.name,
        sample_id=name,
        content_type="text/plain",
        size=3,
        payload_uri=f"s3://load/{name}",
        group=name,
        first_seen=now,
    )
    score = (number * 7919 % 10_007) / 10_007
    selection = Selection(
        project=PROJECT.name,
        sample_id=name,
        event_id=str(number),
        index=0,
        capture_uri="s3://load/file",
        capture_line=number,
        strategy="margin",
        score=score,
        threshold=0.0,
        propensity=1.0,
        reason="load",
        policy_version="load",
        prediction=Prediction(classes=("cat", "dog"), probabilities=(0.5, 0.5)),
        selected_at=now,
    )
    return Opening(sample=sample, selection=selection, task=open_task(PROJECT.name, sample, selection, now, PROJECT))


def measure(there: Place, size: int) -> Load:
    """Some claims by one person, then everybody at once. Raises ValueError when anything is granted twice or lost."""
    alone = [_work(there, f"alone-{size}-{each}", []) for each in range(10)]
    grants: list[tuple[str, str, str]] = []
    start = threading.Barrier(PEOPLE)

    def person(number: int) -> list[float]:
        start.wait()
        return [_work(there, f"person-{size}-{number}", grants) for _ in range(ROUNDS)]

    with ThreadPoolExecutor(PEOPLE) as workers:
        waited = sorted(each for one in workers.map(person, range(PEOPLE)) for each in one)
    _check(there, grants)
    return Load(
        open_tasks=size,
        alone=statistics.median(alone),
        median=statistics.median(waited),
        slow=waited[int(0.95 * len(waited))],
        claims=len(grants),
        answers=len(grants),
    )


def _work(there: Place, who: str, grants: list[tuple[str, str, str]]) -> float:
    """Claim and answer once; the milliseconds of the claim."""
    began = time.perf_counter()
    claimed = there.claim(PROJECT.name, who)
    took = 1000 * (time.perf_counter() - began)
    if claimed is None:
        raise ValueError(f"{who} got nothing of an open queue")
    given = Submission(
        project=PROJECT.name,
        task_id=claimed.task.task_id,
        annotator=who,
        label="cat",
        lease_token=claimed.lease.token,
        seconds_spent=1.0,
    )
    if there.submit(given).repeated or not there.submit(given).repeated:
        raise ValueError("an answer was not counted once")
    grants.append((claimed.task.task_id, who, claimed.lease.token))
    return took


def _check(there: Place, grants: Sequence[tuple[str, str, str]]) -> None:
    """Every grant is one answer in the table, and no task has more people than slots."""
    if len(grants) != PEOPLE * ROUNDS or len({token for *_, token in grants}) != len(grants):
        raise ValueError("a slot was granted twice")
    if Counter((task, who) for task, who, _ in grants).most_common(1)[0][1] > 1:
        raise ValueError("somebody was asked twice")
    for name in {task for task, *_ in grants}:
        stored = [each.annotator for each in there.tasks.annotations(PROJECT.name, name)]
        wanted = {who for task, who, _ in grants if task == name}
        task = there.tasks.get(PROJECT.name, name)
        if not wanted <= set(stored) or len(stored) != len(set(stored)) or len(task.answered_by) > task.overlap:
            raise ValueError(f"task {name}: {stored} answered, {task.answered_by} counted, of {task.overlap}")


def page(found: Sequence[Load]) -> str:
    first, last = found[0], found[-1]
    rows = "\n".join(
        f"| {each.open_tasks:,} | {each.alone:.0f} | {each.median:.0f} | {each.slow:.0f} | {each.claims:,} |"
        for each in found
    )
    return f"""# Claims under load

`python -m scripts.bench.queue_load`. {machine()}.

{PEOPLE} annotators claim and answer at once, {ROUNDS} times each, through the use cases behind the annotation API, on a
table and a queue of the embedded AWS, both processes on the same two cores. Every grant must be one answer in the
table, sent twice and counted once; nobody gets a task twice, no task more people than it has slots: otherwise the bench
ends with an error. Milliseconds are those of a claim: of one person with nobody else about, and the median and the 95th
percentile with everybody at once, who wait for each other's turns on the processor.

| open tasks | alone, ms | all at once, median ms | 95 % | grants |
| ---: | ---: | ---: | ---: | ---: |
{rows}

From {first.open_tasks:,} to {last.open_tasks:,} open tasks a claim takes {last.alone / first.alone:.2f} times as long
alone, and {last.median / first.median:.2f} times as long with everybody at once. No double grant, no lost answer.

![Milliseconds of a claim by open tasks](queue.svg)
"""


_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 260, 60, 40


def plot(found: Sequence[Load]) -> str:
    """Both medians, by the sizes in turn."""
    most = max(each.median for each in found) * 1.15
    step = (_WIDTH - _LEFT - 80) / max(1, len(found) - 1)
    across = [_LEFT + 40 + place * step for place in range(len(found))]
    ticks = "".join(_tick(most * part, most) for part in (0, 0.25, 0.5, 0.75, 1))
    names = "".join(_text(x, _HEIGHT - 14, f"{each.open_tasks:,}") for x, each in zip(across, found, strict=True))
    together = _line(across, [each.median for each in found], most, "#1f6f4a", f"{PEOPLE} at once, median ms")
    alone = _line(across, [each.alone for each in found], most, "#a35a00", "alone, ms")
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12"'
    ground = f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{ground}{ticks}{names}{together}{alone}</svg>\n'


def _down(value: float, most: float) -> float:
    return _HEIGHT - _BOTTOM - value / most * (_HEIGHT - _BOTTOM - 20)


def _tick(value: float, most: float) -> str:
    y = _down(value, most)
    line = f'<line x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ccc"/>'
    return line + _text(_LEFT - 8, y + 4, f"{value:.0f}", "end")


def _text(x: float, y: float, words: str, anchor: str = "middle", color: str = "#111") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{color}">{words}</text>'


def _line(across: Sequence[float], values: Sequence[float], most: float, color: str, name: str) -> str:
    places = [(x, _down(value, most)) for x, value in zip(across, values, strict=True)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"/>' for x, y in places)
    label = _text(places[-1][0], places[-1][1] - 10, name, "end", color)
    return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>{dots}{label}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="open tasks, ascending")
    sizes = [int(each) for each in parser.parse_args().sizes.split(",")]
    found, filled = [], 0
    with tempfile.TemporaryDirectory() as folder, bare(Path(folder) / "aws", print) as url:
        os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
        there = place(url)
        for size in sizes:
            began = time.perf_counter()
            fill(there, filled, size)
            filled = size
            print(f"{size:,} tasks are open after {time.perf_counter() - began:.0f} s", flush=True)
            found.append(measure(there, size))
            print(found[-1], flush=True)
    (BENCHMARKS / "queue.md").write_text(page(found))
    (BENCHMARKS / "queue.svg").write_text(plot(found))


if __name__ == "__main__":
    main()
