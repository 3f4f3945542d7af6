"""A day with a dataset at the terminal: labels come, are argued about, named, split, asked, handed on, taken back, and
what nobody needs any more goes. Whatever a verb says is held against what an export of the version holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.conftest import Cloud
from tests.e2e.people import Person, eventually
from tests.e2e.pets import SOUNDS
from tests.worlds import capture_line
from trueup.adapters.memory import FixedClock
from trueup.capture.samples import sample_id
from trueup.cli.app import app
from trueup.cli.desk import real_desk
from trueup.model import Payload, TaskStatus
from trueup.wiring.operations import Operations, operations

pytestmark = pytest.mark.e2e

PROJECT, BUCKET = "reviewed", "acme-labels"
ASKED = "a day's cat purrs"
Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Later(Operations):
    """The deployment some days on, by the clock of whoever looks at it."""

    days: int = 0

    @property
    def clock(self) -> Any:
        return FixedClock(datetime.now(UTC) + timedelta(days=self.days))


@dataclass
class Terminal:
    """The command line in this process, with a folder of its own and one set of clients."""

    place: Operations
    folder: Path
    days: int = 0

    def __call__(self, *words: str, code: int = 0) -> str:
        """What a verb says of the project. Raises AssertionError when it ends with another code."""
        done = self._run(words, code)
        return done.stdout if code == 0 else done.output

    def _run(self, words: tuple[str, ...], code: int) -> Any:
        later = Later(self.place.deployment, self.place.deployed, self.place.clients, days=self.days)
        desk = replace(real_desk(), connect=lambda _: later if self.days else self.place)
        done = CliRunner().invoke(app, ["--stage", "e2e", *words, "--project", PROJECT], obj=desk)
        assert done.exit_code == code, f"{words} ended with {done.exit_code}: {done.output}{done.exception!r}"
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self._run((*words, "--json"), code).stdout)

    def rows(self, version: str) -> Rows:
        """What a version holds, by sample."""
        lines = self("dataset", "export", version, "--format", "jsonl").splitlines()
        return {each["sample_id"]: each for each in map(json.loads, lines)}

    def bring(self, name: str, rows: list[dict[str, str]], *words: str) -> Any:
        """The version that labels in a bucket of ours become."""
        body = "".join(json.dumps(each) + "\n" for each in rows).encode()
        self.place.clients["s3"].put_object(Bucket=BUCKET, Key=f"{name}.jsonl", Body=body)
        return self.json("import", "jsonl", f"s3://{BUCKET}/{name}.jsonl", *words)["version"]


@pytest.fixture
def trueup(cloud: Cloud, tmp_path: Path) -> Iterator[Terminal]:
    cloud.operator.clients["s3"].create_bucket(Bucket=BUCKET)
    place = operations("e2e")
    yield Terminal(place, tmp_path)
    # A collection some days on also says that commits which began before then are to begin again.
    place.refs.sweep_before(PROJECT, datetime.now(UTC) - timedelta(days=1))


def test_a_day_with_a_dataset(cloud: Cloud, trueup: Terminal) -> None:
    asked = people_answer(cloud, trueup)
    brought = labels_come(trueup)
    gold = two_opinions_are_merged(trueup)
    splits_change_and_nothing_leaks(trueup, gold)
    questions_are_answered(trueup)
    it_is_handed_on(trueup, gold)
    it_is_taken_back(trueup)
    what_nobody_needs_goes(trueup, brought, gold)
    where_it_came_from(trueup, asked)


def people_answer(cloud: Cloud, trueup: Terminal) -> str:
    """A capture is asked about, and what somebody says is a version by itself; the task."""
    key = f"{PROJECT}/{PROJECT}/AllTraffic/{datetime.now(UTC):%Y/%m/%d/%H}/day.jsonl"
    body = capture_line(90_000, text=ASKED) + b"\n"
    cloud.operator.clients["s3"].put_object(Bucket=cloud.operator.deployment.captures_bucket, Key=key, Body=body)
    name, tasks = named(ASKED), cloud.operator.tasks
    task = eventually(lambda: next((each for each in open_tasks(cloud) if each.sample_id == name), None))
    people = [Person(cloud, each, lambda data: "cat" if b"cat" in data else "fox") for each in ("dev", "cleo")]
    eventually(lambda: [each.work_off(PROJECT) for each in people] and settled(cloud, task.task_id))
    eventually(lambda: not tasks.uncommitted(PROJECT, 9) and not tasks.count(PROJECT, TaskStatus.SETTLING))
    (line,) = [each for each in trueup.rows("head").values() if each["sample_id"] == name]
    assert (line["label"], line["selected_by"]) == ("cat", "margin")
    return str(task.task_id)


def labels_come(trueup: Terminal) -> Any:
    before = trueup.rows("head")
    rows = sounds()
    version = trueup.bring("pets", rows)
    assert (version["added"], version["relabelled"]) == (60, 0)
    held = trueup.rows(f"v{version['number']}")
    assert held.keys() == before.keys() | {named(each["text"]) for each in rows}
    assert {each["text"]: each["label"] for each in rows} == texts_of(held, rows)
    assert houses_apart(held)
    assert trueup.bring("pets", rows) is None, "the same labels made another version"
    assert "import of jsonl s3://acme-labels/pets.jsonl" in trueup("dataset", "log")
    return version


def two_opinions_are_merged(trueup: Terminal) -> Any:
    """Of five foxes that a branch calls dogs, two are cats to main: a conflict, which is decided; the merge."""
    foxes = [each for each in sounds() if each["label"] == "fox"]
    trueup("dataset", "branch", "relabel", "--reason", "is every fox a fox?")
    theirs = trueup.bring("dogs", called("dog", foxes[:5]), "--branch", "relabel")
    ours = trueup.bring("cats", called("cat", foxes[3:8]))
    assert (theirs["branch"], theirs["relabelled"], ours["branch"], ours["relabelled"]) == ("relabel", 5, "main", 5)
    conflicts = trueup.json("dataset", "merge", "relabel", code=5)["conflicts"]
    sides = ("base", "ours", "theirs")
    assert {each["sample_id"]: tuple(each[side]["label"] for side in sides) for each in conflicts} == {
        named(each["text"]): ("fox", "cat", "dog") for each in foxes[3:5]
    }
    assert head(trueup)["version_id"] == ours["version_id"], "a merge in conflict wrote something"

    merged = trueup.json("dataset", "merge", "relabel", "--theirs", "--reason", "the second look counts")["version"]
    assert (merged["parent"], merged["merged"]) == (ours["version_id"], theirs["version_id"])
    said = texts_of(trueup.rows("head"), foxes)
    assert Counter(said.values()) == {"dog": 5, "cat": 3, "fox": 12}
    assert [said[each["text"]] for each in foxes[:8]] == ["dog"] * 5 + ["cat"] * 3
    blamed = trueup.json("dataset", "blame", named(foxes[4]["text"]))["lives"]
    assert (blamed[0]["number"], blamed[0]["line"]["label"]) == (theirs["number"], "dog")
    assert "|\\" in trueup("dataset", "log"), "no merge is drawn"
    trueup("dataset", "branch", "relabel", "--delete", "--yes")

    trueup("dataset", "branch", "try", f"v{ours['number']}")
    trueup.bring("try", [{"text": "it quacks", "label": "fox"}], "--branch", "try")
    trueup("dataset", "branch", "try", "--delete", "--yes")
    trueup("dataset", "tag", "gold", "--reason", "test set of the paper")
    assert "--force" in trueup("dataset", "tag", "gold", f"v{ours['number']}", code=5)
    return merged


def splits_change_and_nothing_leaks(trueup: Terminal, gold: Any) -> None:
    before = trueup.rows("gold")
    tested = {name for name, each in before.items() if each["split"] == "test"}
    frozen = trueup.json("dataset", "freeze", "gold", "--as", "frozen-day", "--yes")
    assert frozen["version_id"] == gold["version_id"]
    words = ("dataset", "split", "--method", "group", "--salt", "another draw")
    planned = trueup.json(*words, "--dry-run")
    assert head(trueup)["version_id"] == gold["version_id"], "a dry run split the dataset"
    version = trueup.json(*words)["version"]
    after = trueup.rows("head")
    moved = {name for name in after if after[name]["split"] != before[name]["split"]}
    assert moved
    assert version["moved"] == len(moved) == planned["moved"]
    assert {after[name]["split"] for name in tested} == {"test"}, "a frozen test set leaked"
    assert houses_apart(after)
    assert labels_in(after) == labels_in(before)
    told = trueup.json("dataset", "diff", "gold", "head")
    assert {each["sample_id"] for each in told["changes"]} == moved
    assert told["counts"] == {"moved": len(moved)}


def questions_are_answered(trueup: Terminal) -> None:
    rows = trueup.rows("head").values()
    found = trueup.json("dataset", "query", 'class = "dog" and split = "train" and agreement >= 0.5')
    assert {each["sample_id"] for each in found} == {
        each["sample_id"] for each in rows if (each["label"], each["split"]) == ("dog", "train")
    }
    counted = trueup.json("dataset", "query", "--sql", "SELECT split, count(*) AS n FROM samples GROUP BY split")
    assert {each["split"]: each["n"] for each in counted} == Counter(each["split"] for each in rows)
    asked = trueup.json("dataset", "query", 'selected_by = "margin" and class = "cat"', "--version", "gold")
    assert named(ASKED) in {each["sample_id"] for each in asked}
    assert "column" in trueup("dataset", "query", 'clas = "dog"', code=2)


def it_is_handed_on(trueup: Terminal, gold: Any) -> None:
    """An export to a bucket is what the version holds, also to whoever brings it back."""
    place = f"s3://{BUCKET}/gold/"
    said = trueup.json("dataset", "export", "gold", "--format", "jsonl", "--to", place)
    assert said["samples"] == gold["samples"]
    stored = trueup.place.clients["s3"].get_object(Bucket=BUCKET, Key="gold/samples.jsonl")["Body"].read()
    assert {each["sample_id"]: each for each in map(json.loads, stored.splitlines())} == trueup.rows("gold")
    trueup("dataset", "export", "gold", "--format", "jsonl", "--to", place, code=5)
    back = trueup.json("import", "jsonl", place, "--dry-run")
    assert (back["new"], back["known"], back["relabelled"]) == (0, gold["samples"], 0)
    page = trueup.folder / "diff.html"
    trueup("dataset", "diff", "gold~1", "gold", "--html", str(page))
    assert "relabelled" in page.read_text()


def it_is_taken_back(trueup: Terminal) -> None:
    trueup("dataset", "revert", "head", "--reason", "the draw of before was well")
    assert trueup.json("dataset", "diff", "gold", "head")["changes"] == []
    assert said_and_split(trueup.rows("head")) == said_and_split(trueup.rows("gold"))


def what_nobody_needs_goes(trueup: Terminal, brought: Any, gold: Any) -> None:
    kept, number = trueup.rows("gold"), brought["number"]
    for trueup.days, where in ((2, "pruned"), (4, "gone")):
        (collected,) = trueup.json("dataset", "gc", "--yes")
        assert number in collected[where]
        assert gold["number"] in {each["number"] for each in collected["kept"]}
    assert collected["segments"] >= 1, "the branch that was thrown away left its labels"
    trueup.days = 0
    assert "pruned" in trueup("dataset", "show", f"v{number}")
    assert "pruned" in trueup("dataset", "export", f"v{number}", "--format", "jsonl", code=4)
    assert trueup.rows("gold") == kept
    verified = trueup.json("dataset", "verify")
    assert verified["problems"] == []
    assert verified["pruned"][PROJECT] >= 2


def where_it_came_from(trueup: Terminal, task: str) -> None:
    capture, name = "event-90000#0", named(ASKED)
    down = nodes(trueup.json("lineage", f"capture:{capture}", "--down")["down"])
    assert {f"sample:{name}", f"selection:{name}", f"task:{task}"} <= down
    assert {each.partition(":")[0] for each in down} >= {"annotation", "consensus", "version"}
    (version,) = [each for each in trueup.json("dataset", "log", "--sample", name) if each["added"]]
    assert f"version:{version['version_id']}" in down
    up = nodes(trueup.json("lineage", f"v{version['number']}", "--up")["up"])
    assert {f"capture:{capture}", f"task:{task}", f"endpoint:{PROJECT}"} <= up
    (traced,) = trueup.json("lineage", "models", f"task:{task}")["labels"]
    assert (traced["held"]["label"], traced["learners"]) == ("cat", [])
    (answer, *_) = trueup.json("dataset", "blame", name)["lives"][0]["settled"]["annotations"]
    assert answer["label"] == "cat"


def sounds() -> list[dict[str, str]]:
    """Sixty labels of seven houses, each a group."""
    return [
        {"text": f"it {words[number % 3]} {number}", "label": name, "group": f"house {number % 7}"}
        for name, words in SOUNDS.items()
        for number in range(20)
    ]


def called(label: str, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{**each, "label": label} for each in rows]


def named(text: str) -> str:
    return sample_id(Payload(data=text.encode(), content_type="text/plain"))


def texts_of(held: Rows, rows: list[dict[str, str]]) -> dict[str, str]:
    return {each["text"]: held[named(each["text"])]["label"] for each in rows}


def houses_apart(rows: Rows) -> bool:
    """Whether each house is in one split, and each split has some."""
    splits: dict[str, set[str]] = {}
    for each in rows.values():
        splits.setdefault(each["group"], set()).add(each["split"])
    return {len(each) for each in splits.values()} == {1} and len(set().union(*splits.values())) > 1


def labels_in(rows: Rows) -> dict[str, str]:
    return {name: each["label"] for name, each in rows.items()}


def said_and_split(rows: Rows) -> dict[str, tuple[str, str]]:
    """Rows but for the version that set them."""
    return {name: (each["label"], each["split"]) for name, each in rows.items()}


def head(trueup: Terminal) -> Any:
    return trueup.json("dataset", "show")


def open_tasks(cloud: Cloud) -> list[Any]:
    return cloud.operator.tasks.by_status(PROJECT, TaskStatus.OPEN, 100)


def settled(cloud: Cloud, task: str) -> bool:
    return cloud.operator.tasks.get(PROJECT, task).status is TaskStatus.SETTLED


def nodes(tree: dict[str, Any]) -> set[str]:
    return {tree["id"]}.union(*(nodes(each) for each in tree["branches"]))
