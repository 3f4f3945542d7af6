"""policy simulate: the real use case over captures of the past."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.cli.conftest import FakeDeployed, Terminal
from tests.worlds import capture_line
from trueup.model import Payload
from trueup.selection.strategies import STRATEGIES


def captures(folder: Path, days: int = 2, count: int = 60) -> Path:
    """A folder of capture files, one a day, whose records are all different and of all degrees of doubt."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for day in range(days):
        lines = []
        for number in range(count):
            record = json.loads(capture_line(number, rng.dirichlet(np.ones(3)).tolist(), f"text {day} {number}"))
            record["eventMetadata"] |= {
                "eventId": f"e{day}-{number}",
                "inferenceTime": f"2026-11-{20 + day}T09:00:00Z",
            }
            lines.append(json.dumps(record))
        (folder / f"{day}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def policy(path: Path, **fields: Any) -> str:
    path.write_text(json.dumps(fields))
    return str(path)


def test_what_a_policy_would_have_bought(trueup: Terminal, tmp_path: Path) -> None:
    mine = policy(tmp_path / "mine.json", rate=0.5, audit_share=0.2, budget={"per_day": 20})
    ((name, found),) = (
        (each["name"], each["simulation"])
        for each in trueup.json("policy", "simulate", "--captures", str(captures(tmp_path / "in")), "--policy", mine)
    )
    assert (name, found["files"], found["captures"], found["predictions"]) == ("mine", 2, 120, 120)
    # A file of 60 at one half wants 30, but no more than a day may buy.
    assert (sum(found["wanted"].values()), sum(found["granted"].values())) == (40, 40)
    assert len(found["bought"]) == 40
    assert len({each["sample_id"] for each in found["bought"]}) == 40
    assert [each["at"][:10] for each in found["bought"]] == ["2026-11-20"] * 20 + ["2026-11-21"] * 20
    audits = [each for each in found["bought"] if each["strategy"] == "random"]
    assert all(0 < each["propensity"] < 1 for each in audits)
    assert {Path(each["file"]).name for each in found["bought"]} == {"0.jsonl", "1.jsonl"}


def test_two_policies_stand_beside_each_other(trueup: Terminal, tmp_path: Path) -> None:
    folder = captures(tmp_path / "in")
    first = policy(tmp_path / "margin.json", rate=0.1, audit_share=0.0)
    second = policy(tmp_path / "chance.json", strategy="random", rate=0.2)
    said = trueup("policy", "simulate", "--captures", str(folder), "--policy", first, "--policy", second)
    assert said.exit_code == 0, said.output
    rows = {tuple(line.split("  ")[0].split()): line.split()[-2:] for line in said.stdout.splitlines() if line}
    assert rows["labels", "bought"] == ["12", "24"]
    assert rows["by", "margin"] == ["12", "0"]
    assert rows["by", "random"] == ["0", "24"]
    assert "2026-11-20 09:00" in said.stdout
    assert "█" * 40 in said.stdout


def test_a_project_compares_with_its_present_policy_and_nothing_is_written(
    trueup: Terminal, place: FakeDeployed, tmp_path: Path
) -> None:
    place.objects.objects["s3://old/pets/1.jsonl"] = Payload(
        data=(captures(tmp_path / "in") / "0.jsonl").read_bytes(), content_type="application/json"
    )
    before = place.loop.state()
    mine = policy(tmp_path / "mine.json", rate=0.1)
    found = trueup.json("policy", "simulate", "--captures", "s3://old/", "--policy", mine, "--project", "pets")
    assert [each["name"] for each in found] == ["mine", "present policy"]
    assert found[1]["simulation"]["policy"]["rate"] == place.projects["pets"].selection.rate
    assert place.loop.state() == before


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"strategy": "nope"}, "selection.strategy is 'nope': use one of bald, "),
        ({"picker": "nope"}, "selection.picker is 'nope': use one of facility_location, "),
        ({"decoder": "nope"}, "selection.decoder is 'nope': use one of passes, "),
        ({"rat": 0.1}, "selection.rat is not a known key; known are: answer, "),
        ({"rate": "much"}, "selection.rate is text: use a number or null"),
        ({"rate": 2}, "selection.rate is 2.0: use more than 0 and at most 1"),
        ({"audit_share": -0.1}, "selection.audit_share is -0.1: use at least 0 and at most 1"),
        ({"error_rate": 0.6}, "selection.error_rate is 0.6: use more than 0 and at most 0.5"),
        (
            {"shares": {"margin": 0.7, "novelty": 0.4}},
            'selection.shares is {"margin":0.7,"novelty":0.4}: use names',
        ),
        ({"shares": {"random": 0.1}}, 'selection.shares is {"random":0.1}: use names of other strategies'),
        ({"shares": {"novelty": 0}}, 'selection.shares is {"novelty":0.0}: use names of other strategies'),
        ({"budget": {"per_hour": -1}}, "selection.budget.per_hour is -1: use at least 0 and at most 1,000,000,000"),
        ({"budget": {"reasons": {"audit": {"total": -1}}}}, "selection.budget.reasons is "),
        ({"budget": {"reasons": {"nope": {"per_day": 1}}}}, "use names of strategies, or audit, override or truth"),
        ({"slice_by": "user"}, "selection.slice_by is 'user': use a name after attribute:"),
    ],
)
def test_a_wrong_policy_is_told(trueup: Terminal, tmp_path: Path, given: dict[str, Any], says: str) -> None:
    folder = captures(tmp_path / "in")
    said = trueup("policy", "simulate", "--captures", str(folder), "--policy", policy(tmp_path / "p.json", **given))
    assert said.exit_code == 2, said.output
    assert says in said.stderr
    assert "p.json: selection." in said.stderr
    assert "doctor" not in said.stderr


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_every_strategy_can_be_simulated_on_files_with_any_name(
    trueup: Terminal, tmp_path: Path, strategy: str
) -> None:
    mine = policy(tmp_path / "mine.json", strategy=strategy, rate=0.1, audit_share=0.0)
    (found,) = trueup.json("policy", "simulate", "--captures", str(captures(tmp_path / "in")), "--policy", mine)
    # Disagreement needs another variant's captures.
    expected = set() if strategy == "disagreement" else {strategy}
    assert {each["strategy"] for each in found["simulation"]["bought"]} == expected


def test_a_file_without_a_record_is_counted_and_no_hindrance(trueup: Terminal, tmp_path: Path) -> None:
    folder, mine = captures(tmp_path / "in", days=1), policy(tmp_path / "mine.json", rate=0.5)
    (folder / "empty.jsonl").write_bytes(b"")
    (folder / "strange.jsonl").write_text("no record\n")
    ((found),) = trueup.json("policy", "simulate", "--captures", str(folder), "--policy", mine)
    figures = found["simulation"]
    assert (figures["files"], figures["captures"], figures["quarantined"]) == (3, 60, 1)


@pytest.mark.parametrize("damage", [b"", b"\xff" * 8])
def test_a_damaged_file_is_named_and_left_out(trueup: Terminal, tmp_path: Path, damage: bytes) -> None:
    folder, mine = captures(tmp_path / "in", days=1, count=2000), policy(tmp_path / "mine.json", rate=0.1)
    whole = gzip.compress((folder / "0.jsonl").read_bytes())
    (folder / "1.jsonl.gz").write_bytes(whole[: len(whole) // 2] + damage)
    said = trueup("policy", "simulate", "--captures", str(folder), "--policy", mine)
    assert said.exit_code == 3, said.output
    assert "1.jsonl.gz is cut off or damaged: " in said.stderr
    assert "1 file, 2,000 captures" in said.stdout
    assert ["labels", "bought", "200"] in [line.split() for line in said.stdout.splitlines()]
    alone = trueup("policy", "simulate", "--captures", str(folder / "1.jsonl.gz"), "--policy", mine)
    assert alone.exit_code == 3, alone.output


def test_wrong_paths_are_told(trueup: Terminal, tmp_path: Path) -> None:
    mine, empty = policy(tmp_path / "mine.json"), tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "blank.jsonl").write_text("\nno record\n")
    for path, says in (
        (empty, "no capture file"),
        (tmp_path / "gone", "cannot be read"),
        (mine, "no readable capture record"),
    ):
        said = trueup("policy", "simulate", "--captures", str(path), "--policy", mine)
        assert (said.exit_code, says in said.stderr) == (2, True), said.output
    said = trueup(
        "policy", "simulate", "--captures", str(tmp_path / "blank.jsonl"), "--policy", str(tmp_path / "blank.jsonl")
    )
    assert (said.exit_code, "is no policy" in said.stderr) == (2, True), said.output
