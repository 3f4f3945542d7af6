"""capture decode and score, over the documented records."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Terminal, check_golden
from tests.worlds import capture_half, capture_line
from trueup.model import Payload

DATA = Path(__file__).resolve().parents[2] / "data"
READABLE = ("realtime_xgb_binary_csv", "realtime_xgb_softprob_csv", "realtime_linear_learner_json")


def lines_of(text: str) -> list[Any]:
    return [json.loads(each) for each in text.splitlines()]


def rounded(reading: dict[str, Any]) -> dict[str, Any]:
    scores = {name: round(reading[name], 6) for name in ("least_confidence", "margin", "entropy")}
    return {**reading, **scores, "probabilities": [round(each, 6) for each in reading["probabilities"]]}


@pytest.mark.parametrize("name", READABLE)
def test_documented_captures_are_decoded(trueup: Terminal, name: str) -> None:
    said = trueup("capture", "decode", str(DATA / f"{name}.jsonl"), "--json")
    assert said.exit_code == 0, said.output
    check_golden(f"capture-{name}", [rounded(each) for each in lines_of(said.stdout)])


@pytest.mark.parametrize("path", sorted(DATA.glob("realtime_*.jsonl")), ids=lambda each: each.stem)
def test_every_line_is_read_or_told(trueup: Terminal, path: Path) -> None:
    said = trueup("capture", "decode", str(path), "--json")
    told = said.stderr.splitlines()
    events = {each["event_id"] for each in lines_of(said.stdout)}
    assert len(events) + len(told) == len(path.read_bytes().splitlines())
    assert said.exit_code == (3 if told else 0)
    assert all(each.startswith(f"{path}:") for each in told)


def test_scores_rank_the_most_unsure_first(trueup: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "captures.jsonl.gz"
    sure, unsure = capture_line(1, [0.9, 0.05, 0.05]), capture_line(2, [0.4, 0.35, 0.25])
    file.write_bytes(gzip.compress(b"\n".join([sure, unsure])))
    table = trueup("capture", "score", str(file), "--classes", "cat,dog,fox")
    assert table.exit_code == 0
    assert [each.split()[0] for each in table.stdout.splitlines()[2:]] == ["event-2", "event-1"]
    first, second = lines_of(trueup("capture", "score", str(file), "--classes", "cat,dog,fox", "--json").stdout)
    assert first["classes"] == ["cat", "dog", "fox"]
    assert first["margin"] == pytest.approx(1 - 0.85)
    assert second["least_confidence"] == pytest.approx(0.6)


def test_what_cannot_be_read_is_told_by_file_and_line(trueup: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    lines = [capture_line(1), b"{not a capture}", capture_half(3, "endpointInput"), capture_line(4, [5.0, 1.0, 2.0])]
    file.write_bytes(b"\n".join(lines))
    said = trueup("capture", "decode", str(file), "--json")
    assert said.exit_code == 3
    assert [each["event_id"] for each in lines_of(said.stdout)] == ["event-1"]
    told = sorted(said.stderr.splitlines())
    assert [each.removeprefix(f"{file}:").split(":")[0] for each in told] == ["2", "3", "4"]
    assert "no output" in told[1]


def test_a_project_lends_its_classes_and_aws_its_objects(trueup: Terminal) -> None:
    uri = "s3://captures/pets/a.jsonl"
    trueup.place.objects.objects[uri] = Payload(data=capture_line(1), content_type="application/jsonlines")
    (found,) = lines_of(trueup("capture", "decode", uri, "--project", "pets", "--json").stdout)
    assert found["classes"] == list(trueup.place.projects["pets"].label_schema.names)
    assert trueup("capture", "decode", "s3://captures/pets/none.jsonl").exit_code == 4


def test_files_that_cannot_be_opened_are_named(trueup: Terminal, tmp_path: Path) -> None:
    missing = trueup("capture", "decode", str(tmp_path / "none"))
    assert missing.exit_code == 2
    assert "none cannot be read: No such file or directory" in missing.stderr
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(capture_line(1) * 100)[:60])
    damaged = trueup("capture", "decode", str(cut))
    assert damaged.exit_code == 2
    assert "is cut off or damaged" in damaged.stderr


def test_a_label_alone_has_no_score(trueup: Terminal, tmp_path: Path) -> None:
    record = json.loads(capture_line(1))
    record["captureData"]["endpointOutput"]["data"] = '["cat"]'
    file = tmp_path / "labels.jsonl"
    file.write_text(json.dumps(record))
    (found,) = lines_of(trueup("capture", "decode", str(file), "--classes", "cat,dog", "--json").stdout)
    assert (found["kind"], found["label"], found["margin"]) == ("labels", "cat", None)
    assert "none given" in trueup("capture", "decode", str(file), "--classes", "cat,dog").stdout
    assert trueup("capture", "score", str(file), "--classes", "cat,dog").stdout.splitlines()[-1].split()[-1] == "-"
