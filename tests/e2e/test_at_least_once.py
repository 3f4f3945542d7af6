"""Nothing is lost and nothing is doubled: two projects get the same captures and the same answers. One lives
undisturbed; the other's functions are killed in the middle, its S3 events and its answers' events come twice and
out of order. Their tables must be the same in the end."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ANNOTATORS, Cloud
from tests.e2e.people import Person, eventually
from tests.worlds import capture_line
from trueup.adapters.aws.table import Item
from trueup.model import TaskStatus

pytestmark = pytest.mark.e2e

FILES = {"one": 1, "two": 101, "three": 201, "four": 301}
LINES = 24
ASKED = len(FILES) * LINES // 2
CLASSES = ("cat", "dog", "fox")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
_HASHES = re.compile(r'"(?:source|target)_hash":"[0-9a-f]{64}"')
_ANSWERS = re.compile(r'\\"<answer [^>]+>\\"(,\\"<answer [^>]+>\\")*')
_SECONDS_HIDDEN = 3
_PATIENCE = 50


@pytest.fixture
def impatient(cloud: Cloud) -> Iterator[None]:
    """What a killed function held comes back after seconds instead of half an hour. A function that starts
    slowly lets a message pass several times then, which must not count as that many failures."""
    sqs, queues = cloud.operator.clients["sqs"], cloud.operator.deployment.queues
    urls, names = [queues["ingest"], queues["settle"]], ["VisibilityTimeout", "RedrivePolicy"]
    before = {url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for url in urls}
    for url, attributes in before.items():
        redrive = json.loads(attributes["RedrivePolicy"]) | {"maxReceiveCount": _PATIENCE}
        hasty = {"VisibilityTimeout": str(_SECONDS_HIDDEN), "RedrivePolicy": json.dumps(redrive)}
        sqs.set_queue_attributes(QueueUrl=url, Attributes=hasty)
    yield
    for url, attributes in before.items():
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


@pytest.mark.usefixtures("impatient")
def test_kills_repeats_and_disorder_change_nothing(cloud: Cloud) -> None:
    deliver(cloud, "calm", list(FILES))
    await_receipts(cloud, "calm")
    with killing(cloud, "CaptureIngest", lambda: half_ingested(cloud, "rough"), times=3) as ingest_kills:
        deliver(cloud, "rough", list(reversed(FILES)))
        announce_again(cloud, "rough")
        await_receipts(cloud, "rough")
    assert sum(ingest_kills) >= 1, "no kill met a file half ingested"

    people = [Person(cloud, name, opinion(number)) for number, name in enumerate(ANNOTATORS)]
    answer_all(cloud, "calm", people)
    with killing(cloud, "ConsensusSettle", lambda: in_flight(cloud, "settle"), times=4) as settle_kills:
        answer_all(cloud, "rough", people)
    assert sum(settle_kills) >= 1, "no kill met an answer half judged"
    settle_again(cloud, "rough")

    calm, rough = table_of(cloud, "calm"), table_of(cloud, "rough")
    assert sum('"TASK"' in each for each in calm) == ASKED
    assert_tasks_ended_in_each_way(cloud, "calm")
    assert_same_rows(rough, calm)
    assert dead_letters(cloud) == 0


def assert_same_rows(found: list[str], wanted: list[str]) -> None:
    """Shows only what differs: both lists have thousands of rows."""
    more, less = Counter(found) - Counter(wanted), Counter(wanted) - Counter(found)
    assert (sorted(more.elements()), sorted(less.elements())) == ([], [])


def assert_tasks_ended_in_each_way(cloud: Cloud, project: str) -> None:
    """The comparison means little if all tasks went the same way."""
    settled = cloud.operator.tasks.by_status(project, TaskStatus.SETTLED, 500)
    assert {len(each.answered_by) for each in settled} == {2, 3}
    assert cloud.operator.tasks.count(project, TaskStatus.REVIEW) > 0


def deliver(cloud: Cloud, project: str, names: list[str]) -> None:
    for name in names:
        cloud.operator.clients["s3"].put_object(
            Bucket=cloud.operator.deployment.captures_bucket, Key=key_of(project, name), Body=content(FILES[name])
        )


def key_of(project: str, name: str) -> str:
    return f"{project}/{project}/AllTraffic/2026/11/24/09/{name}.jsonl"


def content(first: int) -> bytes:
    """Captures of different uncertainty, one of them twice, and a line that is no capture."""
    lines = [
        capture_line(number, [0.34 + (number % 50) / 100, 0.33 - (number % 50) / 200, 0.33 - (number % 50) / 200])
        for number in range(first, first + LINES)
    ]
    return b"\n".join([*lines, lines[0], b"{not a capture}"]) + b"\n"


def announce_again(cloud: Cloud, project: str) -> None:
    """S3's events once more, twice, in another order, as EventBridge hands them to the queue."""
    names = [*FILES, *FILES]
    random.Random(1).shuffle(names)
    bucket = cloud.operator.deployment.captures_bucket
    for name in names:
        detail = {"bucket": {"name": bucket}, "object": {"key": key_of(project, name)}}
        send(cloud, "ingest", {"source": "aws.s3", "detail-type": "Object Created", "detail": detail})


def settle_again(cloud: Cloud, project: str) -> None:
    """Every answer's event once more, out of order."""
    task_ids = [each.task_id for each in cloud.operator.tasks.answers(project, 1000)]
    random.Random(2).shuffle(task_ids)
    for task_id in task_ids:
        send(cloud, "settle", {"detail": {"data": {"project": project, "task_id": task_id}}})
    eventually(lambda: waiting(cloud, "settle") == 0)


def opinion(number: int) -> Callable[[bytes], str]:
    """What annotator `number` says: all see the same animal, but the second errs on every third payload, the
    third on every sixth, and the fourth has yet another opinion there."""

    def label(payload: bytes) -> str:
        digest = int(hashlib.sha256(payload).hexdigest(), 16)
        errs = (number == 1 and digest % 3 == 0) or (number in (2, 3) and digest % 6 == 0)
        return CLASSES[(digest + (number if errs else 0)) % 3]

    return label


def answer_all(cloud: Cloud, project: str, people: list[Person]) -> None:
    """One after the other, so that both histories hold the same answers in the same order."""
    for number, person in enumerate(people):
        answer_what_is_open(cloud, project, person)
        if number:
            eventually(lambda: waiting(cloud, "settle") == 0 and asked_everywhere(cloud, project), 120)


def answer_what_is_open(cloud: Cloud, project: str, person: Person) -> None:
    asked, done = cloud.operator.tasks.count(project, TaskStatus.OPEN), 0

    def answered() -> bool:
        """An invitation may be hidden for a moment, so people come back."""
        nonlocal done
        done += person.work_off(project)
        return done == asked

    eventually(answered, 120, lambda: f"{person.name} answered {done} of {asked}; {left_open(cloud, project)}")


def left_open(cloud: Cloud, project: str) -> str:
    """What people still wait for, when they wait in vain."""
    found = cloud.operator.tasks.by_status(project, TaskStatus.OPEN, 500)
    told = [f"{each.task_id[:8]} {len(each.answered_by)}/{each.overlap} {len(each.leases)}" for each in found]
    return f"settle queue {waiting(cloud, 'settle')}, open: {told}"


def asked_everywhere(cloud: Cloud, project: str) -> bool:
    open_tasks = cloud.operator.tasks.by_status(project, TaskStatus.OPEN, 500)
    return all(each.overlap > len(each.answered_by) for each in open_tasks)


def await_receipts(cloud: Cloud, project: str) -> None:
    eventually(lambda: len(items(cloud, f"P#{project}#FILE#", "RECEIPT")) == len(FILES), 120)
    eventually(lambda: waiting(cloud, "ingest") == 0)


def half_ingested(cloud: Cloud, project: str) -> bool:
    started = {each["pk"] for each in items(cloud, f"P#{project}#FILE#", "BUDGET")}
    return bool(started - {each["pk"] for each in items(cloud, f"P#{project}#FILE#", "RECEIPT")})


def in_flight(cloud: Cloud, queue: str) -> bool:
    return figure(cloud, queue, "ApproximateNumberOfMessagesNotVisible") > 0


@contextmanager
def killing(cloud: Cloud, function: str, busy: Callable[[], bool], times: int) -> Iterator[list[bool]]:
    """Kill the workers of a function while it is busy; the list says of each kill whether work was left undone."""
    met: list[bool] = []
    over = threading.Event()

    def hunt() -> None:
        while not over.is_set() and len(met) < times:
            if not busy():
                over.wait(0.02)
                continue
            killed = kill_workers(cloud, function)
            if killed:
                met.append(busy())
                over.wait(_SECONDS_HIDDEN + 0.5)

    hunter = threading.Thread(target=hunt, daemon=True)
    hunter.start()
    yield met
    over.set()
    hunter.join(10)


def kill_workers(cloud: Cloud, function: str) -> int:
    port = f"127.0.0.1:{cloud.operator.clients['sqs'].meta.endpoint_url.rsplit(':', 1)[-1]}"
    killed = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        names = [each for each in environment if each.startswith(b"AWS_LAMBDA_FUNCTION_NAME=")]
        ours = any(port.encode() in each for each in environment)
        if ours and any(function.encode() in each for each in names):
            os.kill(int(process.name), signal.SIGKILL)
            killed += 1
    return killed


def items(cloud: Cloud, prefix: str, sk: str | None = None) -> list[Item]:
    dynamodb = cloud.operator.clients["dynamodb"]
    pages = dynamodb.get_paginator("scan").paginate(TableName=cloud.operator.deployment.table)
    found = [{key: next(iter(value.values())) for key, value in raw.items()} for page in pages for raw in page["Items"]]
    return [each for each in found if each["pk"].startswith(prefix) and (sk is None or each["sk"] == sk)]


def table_of(cloud: Cloud, project: str) -> list[str]:
    """All that the table holds of a project, with ids that hash the project's name replaced by what they stand
    for, and without times. Left out: annotators' skills, which depend on when they were fitted, by design."""
    names = symbols(cloud, project)
    pattern = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))
    rows = [each for each in items(cloud, f"P#{project}#") if not each["pk"].endswith(("#SKILL", "#HEAD"))]
    rows += [each for each in items(cloud, "EVENT#") if f'"project":"{project}"' in each["data"]]
    return sorted(
        _in_order(_TIME.sub("<time>", pattern.sub(lambda found: names[found[0]], _text(each)))) for each in rows
    )


def _in_order(text: str) -> str:
    """A consensus lists its answers by id."""
    return _ANSWERS.sub(lambda found: ",".join(sorted(found[0].split(","))), text)


def _text(row: Item) -> str:
    """An outbox item is named by its content's hash, which holds the project's; an arrow tells hashes of records, which
    hold it and times."""
    kept = {key: value for key, value in row.items() if key not in ("gsi1sk", "expires_at")}
    if "data" in row:
        kept["data"] = _HASHES.sub('"<hash>"', row["data"])
    if row["pk"].startswith("EVENT#"):
        kept["pk"] = "EVENT"
        kept["data"] = re.sub(r'"event_id":"[^"]+"', '"event_id":""', kept["data"])
    return json.dumps(kept, sort_keys=True)


def symbols(cloud: Cloud, project: str) -> dict[str, str]:
    tasks = cloud.operator.tasks
    found = {f'"{project}': '"<project>', f"P#{project}#": "P#<project>#", f"/{project}/": "/<project>/"}
    found[f"/{project}/{project}/"] = "/<project>/<endpoint>/"
    found[f"endpoint:{project}"] = "endpoint:<endpoint>"
    for receipt in items(cloud, f"P#{project}#FILE#", "RECEIPT"):
        name = json.loads(receipt["data"])["file"]["key"].rsplit("/", 1)[-1]
        found[receipt["pk"].rsplit("#", 1)[-1]] = f"<file {name}>"
    for each in tasks.answers(project, 1000):
        found[each.task_id] = f"<task {each.sample_id}>"
        found[each.annotation_id] = f"<answer {each.sample_id} {each.annotator} {each.label}>"
        consensus = tasks.consensus(project, each.task_id)
        if consensus is not None:
            found[consensus.consensus_id] = f"<consensus {each.sample_id} {consensus.label}>"
    return found


def send(cloud: Cloud, queue: str, body: dict[str, Any]) -> None:
    url = cloud.operator.deployment.queues[queue]
    cloud.operator.clients["sqs"].send_message(QueueUrl=url, MessageBody=json.dumps(body))


def waiting(cloud: Cloud, queue: str) -> int:
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return sum(figure(cloud, queue, each) for each in names)


def figure(cloud: Cloud, queue: str, name: str) -> int:
    url = cloud.operator.deployment.queues[queue]
    answer = cloud.operator.clients["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def dead_letters(cloud: Cloud) -> int:
    sqs, name = cloud.operator.clients["sqs"], "ApproximateNumberOfMessages"
    urls = cloud.operator.deployment.dlqs.values()
    answers = [sqs.get_queue_attributes(QueueUrl=each, AttributeNames=[name]) for each in urls]
    return sum(int(each["Attributes"][name]) for each in answers)
