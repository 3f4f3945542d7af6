"""dataset tag, branch, log, merge, revert, blame, checkout, check, gc."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Protocol

import pytest
from msgspec.structs import replace

from tests.unit.cli.conftest import FakeDeployed, Terminal, check_golden
from trueup.capture.samples import sample_id
from trueup.model import DatasetPolicy, Payload

_DAY = 86_400


class Importing(Protocol):
    def __call__(self, branch: str = "main", **labels: str) -> None: ...


def named(animal: str) -> str:
    return sample_id(Payload(data=f"a {animal}".encode(), content_type="text/plain"))


@pytest.fixture
def bring(trueup: Terminal, place: FakeDeployed, tmp_path: Path) -> Importing:
    """Import labels of texts, an hour after what was before."""

    def bring(branch: str = "main", **labels: str) -> None:
        place.loop.clock.advance(3600)
        lines = [
            {"source": f"a {text}", "label": 0, "label-metadata": {"class-name": label}, "content-type": "text/plain"}
            for text, label in labels.items()
        ]
        path = tmp_path / f"{branch}.manifest"
        path.write_text("".join(f"{json.dumps(each)}\n" for each in lines))
        assert trueup("import", "augmented-manifest", str(path), "--branch", branch).exit_code == 0

    return bring


@pytest.fixture
def parted(trueup: Terminal, bring: Importing) -> Terminal:
    """v2 on main and v3 on relabel both changed what v1 says of the fox."""
    bring(cat="cat", dog="dog", fox="fox")
    trueup("dataset", "branch", "relabel", "--reason", "is every fox a fox?")
    bring(hen="fox", fox="cat")
    bring("relabel", fox="dog", cat="fox")
    return trueup


@pytest.mark.slow
def test_tags_are_given_listed_kept_and_taken_away(parted: Terminal) -> None:
    assert parted("dataset", "tag").stdout.startswith("no tag yet")
    assert parted("dataset", "tag", "frozen", "v1", "--reason", "for the paper").stdout == "frozen names v1 of pets\n"
    again = parted("dataset", "tag", "frozen", "v2")
    assert (again.exit_code, again.stdout) == (5, "")
    assert again.stderr == "trueup: the tag frozen names v1: add --force to move it to v2\n"
    assert parted("dataset", "tag", "frozen", "v2", "--force", "--reason", "corrected").exit_code == 0
    (tag,) = parted.json("dataset", "tag")
    assert (tag["name"], tag["reason"]) == ("frozen", "corrected")
    assert "corrected" in parted("dataset", "tag").stdout
    assert parted("dataset", "tag", "frozen", "--delete").exit_code == 2
    assert parted("dataset", "tag", "frozen", "--delete", "--yes").exit_code == 0
    assert parted.json("dataset", "tag") == []
    assert parted("dataset", "tag", "--delete").exit_code == 2


def test_branches_are_made_listed_and_deleted(parted: Terminal) -> None:
    assert [(each["name"], each["number"]) for each in parted.json("dataset", "branch")] == [
        ("main", 2),
        ("relabel", 3),
    ]
    said = parted("dataset", "branch").stdout
    assert "what models are trained on" in said
    assert "is every fox a fox?" in said
    assert parted("dataset", "branch", "relabel").exit_code == 5
    assert parted("dataset", "branch", "relabel", "--delete", "--yes").stdout.endswith("its head was v3\n")
    assert parted("dataset", "show", "relabel").exit_code == 4
    assert parted("dataset", "branch", "main", "--delete", "--yes").exit_code == 2


@pytest.mark.slow
def test_a_log_draws_what_was_done(parted: Terminal) -> None:
    parted("dataset", "merge", "relabel", "--theirs", "--reason", "the second pass is right")
    entries = parted.json("dataset", "log")
    told = [{**each, "by": each["by"].partition(":")[0], "reason": Path(each["reason"]).name} for each in entries]
    check_golden("dataset-log", told)
    lines = [line[:8].rstrip() for line in parted("dataset", "log").stdout.splitlines()]
    assert lines == ["*   v4", "|\\", "| * v3", "* | v2", "|/", "*   v1"]
    assert [each["number"] for each in parted.json("dataset", "log", "v3")] == [3, 1]
    assert [each["number"] for each in parted.json("dataset", "log", "--class", "fox")] == [4, 1]
    assert [each["number"] for each in parted.json("dataset", "log", "--sample", named("hen"))] == [2]
    assert [each["number"] for each in parted.json("dataset", "log", "--since", "2026-11-24T12:30")] == [4, 3]
    assert parted("dataset", "log", "--until", "2026-11-23").stdout == "no version is like that\n"
    assert parted("dataset", "log", "--since", "yesterday").exit_code == 2


@pytest.mark.slow
def test_a_merge_with_conflicts_lists_them_and_changes_nothing(parted: Terminal) -> None:
    result = parted("dataset", "merge", "relabel")
    assert result.exit_code == 5
    assert named("fox")[:16] in result.stdout
    assert "1 sample was changed in v3 and in v2, differently" in result.stderr
    (conflict,) = json.loads(parted("dataset", "merge", "relabel", "--json").stdout)["conflicts"]
    assert [conflict[each]["label"] for each in ("base", "ours", "theirs")] == ["fox", "cat", "dog"]
    assert parted.json("dataset", "show")["number"] == 2
    assert parted("dataset", "merge", "relabel", "--ours", "--theirs").exit_code == 2


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "label"), [("--ours", "cat"), ("--theirs", "dog"), ("--newest", "dog")])
def test_a_strategy_decides(parted: Terminal, strategy: str, label: str) -> None:
    said = parted("dataset", "merge", "relabel", strategy).stdout
    assert said.startswith("v4 of main merges v3, since v1:")
    assert "1 sample had been changed on both sides" in said
    lines = [json.loads(each) for each in parted("dataset", "export", "--format", "jsonl").stdout.splitlines()]
    assert {each["sample_id"]: each["label"] for each in lines}[named("fox")] == label
    assert re.search(r"parent +v2  \w{64}.*\nmerges +v3  \w{64}", parted("dataset", "show").stdout)
    again = parted.json("dataset", "merge", "relabel")
    assert again["kind"] == "current"
    assert "nothing to merge" in parted("dataset", "merge", "relabel").stdout


def test_a_branch_that_is_ahead_is_where_the_head_goes(trueup: Terminal, bring: Importing) -> None:
    bring(cat="cat")
    trueup("dataset", "branch", "relabel")
    bring("relabel", cat="fox")
    assert trueup("dataset", "merge", "relabel").stdout.startswith("the head of main is v2 now")
    assert trueup.json("dataset", "show")["number"] == 2


@pytest.mark.slow
def test_what_a_version_changed_is_taken_back(parted: Terminal, bring: Importing) -> None:
    bring(fox="dog")
    assert parted("dataset", "revert", "v2").exit_code == 5
    said = parted("dataset", "revert", "v2", "--keep-newer", "--reason", "hens are out").stdout
    assert said == "v5 of main: 1 removed; 3 in all\n1 sample changed since, and stays\n"
    assert parted.json("dataset", "show")["reason"] == "revert of v2: hens are out"
    assert parted.json("dataset", "revert", "v1..v4")["version"]["number"] == 6
    assert "the same content" in parted("dataset", "diff", "v1", "head").stdout
    assert "nothing is left" in parted("dataset", "revert", "v1..v4", "--keep-newer").stdout


def test_blame_tells_the_answers_behind_a_label(trueup: Terminal, lived: FakeDeployed) -> None:
    line = json.loads(trueup("dataset", "export", "--format", "jsonl").stdout.splitlines()[0])
    check_golden("dataset-blame", trueup.json("dataset", "blame", line["sample_id"]))
    said = trueup("dataset", "blame", line["sample_id"][:10]).stdout
    for part in (line["sample_id"], "three labels settled", "by dawid-skene at", "ada", "ben"):
        assert part in said
    assert trueup("dataset", "blame", "abc").exit_code == 2
    assert trueup("dataset", "blame", "0" * 12).exit_code == 4
    assert trueup("dataset", "blame", "0" * 64).exit_code == 4


def test_blame_follows_a_merge_to_who_gave_the_label(parted: Terminal) -> None:
    parted("dataset", "merge", "relabel", "--theirs")
    told = parted.json("dataset", "blame", named("fox"))["lives"]
    assert [(each["number"], each["line"]["label"], each["brought_by"]) for each in told] == [
        (3, "dog", 4),
        (1, "fox", None),
    ]
    assert "came along with v4" in parted("dataset", "blame", named("fox")).stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["v2", "main@2026-11-24T12:00", "relabel~", "2026-11-24T11:59", "frozen"])
def test_every_verb_takes_every_name(parted: Terminal, name: str) -> None:
    parted("dataset", "tag", "frozen", "v1")
    for verb in (("show", name), ("diff", name, "head"), ("export", name), ("verify", name), ("log", name)):
        assert parted("dataset", *verb).exit_code == 0
    assert parted("lineage", name).exit_code == 0


def test_a_checkout_is_verified_without_aws(parted: Terminal, place: FakeDeployed, tmp_path: Path) -> None:
    folder = tmp_path / "v2"
    assert parted("dataset", "checkout", "v2", "--to", str(folder)).stdout.startswith("v2: 4 samples in ")
    assert (folder / "payloads" / named("hen")[:2] / named("hen")).read_bytes() == b"a hen"
    assert len((folder / "samples.jsonl").read_bytes().splitlines()) == 4
    place.payloads.payloads.clear()
    assert parted.json("dataset", "checkout", "v2", "--to", str(folder))["payloads_written"] == 0
    assert parted("dataset", "check", str(folder)).stdout == "✓ pets v2: every hash and count holds\n"
    assert parted("dataset", "checkout", "v1", "--to", str(folder)).exit_code == 2
    assert parted("dataset", "checkout", "v1", "--to", str(tmp_path)).exit_code == 2
    assert parted("dataset", "check", str(tmp_path)).exit_code == 2


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("payloads", "the payload of sample"),
        ("segments", "does not hash to its name"),
        ("samples.jsonl", "samples.jsonl is not what the segments amount to"),
    ],
)
def test_a_checkout_that_was_changed_is_found_out(parted: Terminal, tmp_path: Path, file: str, says: str) -> None:
    folder = tmp_path / "v1"
    parted("dataset", "checkout", "v1", "--to", str(folder))
    place = folder / file
    spoilt = place if place.is_file() else next(each for each in place.rglob("*") if each.is_file())
    spoilt.write_bytes(spoilt.read_bytes() + b" ")
    (problem, *_) = parted.json("dataset", "check", str(folder), code=3)["problems"]
    assert says in problem
    assert says in parted("dataset", "check", str(folder)).stdout


@pytest.mark.slow
def test_a_checkout_that_was_interrupted_goes_on(parted: Terminal, place: FakeDeployed, tmp_path: Path) -> None:
    folder = tmp_path / "v1"
    uri = f"memory://pets/payloads/{named('fox')}"
    payload = place.payloads.payloads.pop(uri)
    assert parted("dataset", "checkout", "v1", "--to", str(folder)).exit_code == 4
    assert parted("dataset", "check", str(folder)).exit_code == 3
    place.payloads.payloads[uri] = payload
    assert parted("dataset", "checkout", "v1", "--to", str(folder)).exit_code == 0
    assert parted("dataset", "check", str(folder)).exit_code == 0
    bare = tmp_path / "bare"
    assert parted("dataset", "checkout", "v1", "--to", str(bare), "--no-payloads").exit_code == 0
    assert parted("dataset", "check", str(bare)).exit_code == 0


@pytest.mark.slow
def test_what_nobody_needs_is_collected(parted: Terminal, place: FakeDeployed) -> None:
    parted("dataset", "branch", "relabel", "--delete", "--yes")
    place.loop.clock.advance(2 * _DAY)
    place.projects = {"pets": replace(place.projects["pets"], dataset=DatasetPolicy(keep_versions=1))}
    said = parted("dataset", "gc", "--dry-run", "--kept").stdout
    assert "1 version would lose their content tomorrow: v3" not in said
    assert "1 version would lose its content tomorrow: v3" in said
    assert "head of main" in said
    assert parted("dataset", "gc").exit_code == 2
    check_golden("dataset-gc", parted.json("dataset", "gc", "--yes"))
    place.loop.clock.advance(2 * _DAY)
    assert "1 segment and 0 documents of no version were deleted" in parted("dataset", "gc", "--yes").stdout
    assert "(pruned)" in parted("dataset", "log", "v3").stdout
    assert "(pruned)" in parted("dataset", "list").stdout
    assert "pruned at" in parted("dataset", "show", "v3").stdout
    for verb in (("export", "v3"), ("diff", "v1", "v3")):
        result = parted("dataset", *verb)
        assert (result.exit_code, "v3 of pets was pruned" in result.stderr) == (4, True)
    assert parted.json("dataset", "verify")["pruned"] == {"pets": 1}
    assert parted("dataset", "verify").stdout.endswith("; 1 version without content\n")
