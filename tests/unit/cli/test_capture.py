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


def answered(path: Path, answer: str, kind: str = "application/json") -> str:
    """A capture file of one record with this answer."""
    record = json.loads(capture_line(1))
    output = record["captureData"]["endpointOutput"]
    output["data"], output["observedContentType"] = answer, kind
    path.write_text(json.dumps(record))
    return str(path)


def lines_of(text: str) -> list[Any]:
    return [json.loads(each) for each in text.splitlines()]


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return {name: rounded(each) for name, each in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("path", sorted(DATA.glob("realtime_*.jsonl")), ids=lambda each: each.stem)
def test_documented_captures_are_decoded_or_told(trueup: Terminal, path: Path) -> None:
    said = trueup("capture", "decode", str(path), "--json")
    read, told = lines_of(said.stdout), said.stderr.splitlines()
    assert said.exit_code == (3 if told else 0), said.output
    assert len({each["event_id"] for each in read}) + len(told) == len(path.read_bytes().splitlines())
    quarantined = [each.removeprefix(f"{path}:") for each in told]
    check_golden(f"capture-{path.stem}", {"read": [rounded(each) for each in read], "quarantined": quarantined})
    assert trueup("capture", "score", str(path), "--json").stdout == said.stdout


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


def zipped(count: int) -> bytes:
    return gzip.compress(b"\n".join(capture_line(number) for number in range(count)), mtime=0)


@pytest.mark.parametrize("damage", [b"", b"\xff" * 8])
def test_a_damaged_file_is_read_up_to_there_and_those_after_it_too(
    trueup: Terminal, tmp_path: Path, damage: bytes
) -> None:
    cut, whole = tmp_path / "cut.gz", tmp_path / "whole.jsonl"
    cut.write_bytes(zipped(5000)[:-1000] + damage)
    whole.write_bytes(capture_line(9999))
    said = trueup("capture", "decode", str(cut), str(whole), "--json")
    assert said.exit_code == 3, said.output
    read = [each["event_id"] for each in lines_of(said.stdout)]
    assert read == [*(f"event-{number}" for number in range(len(read) - 1)), "event-9999"]
    assert said.stderr.splitlines()[-1].startswith(f"{cut}:")
    assert ": the file is cut off or damaged after " in said.stderr.splitlines()[-1]


def test_predictions_are_told_before_the_file_is_at_its_end(trueup: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "captures.jsonl"
    file.write_bytes(capture_line(1))
    said = trueup("capture", "decode", str(file), str(tmp_path / "none"), "--json")
    assert said.exit_code == 2
    assert [each["event_id"] for each in lines_of(said.stdout)] == ["event-1"]


def test_an_empty_file_has_no_predictions(trueup: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "empty.jsonl"
    file.write_bytes(b"")
    for verb in ("decode", "score"):
        said = trueup("capture", verb, str(file))
        assert (said.exit_code, said.stdout, said.stderr) == (0, "no predictions\n", "")
        assert trueup("capture", verb, str(file), "--json").stdout == ""


def test_a_label_alone_has_no_score(trueup: Terminal, tmp_path: Path) -> None:
    file = answered(tmp_path / "labels.jsonl", '["cat"]')
    (found,) = lines_of(trueup("capture", "decode", file, "--classes", "cat,dog", "--json").stdout)
    assert (found["kind"], found["label"], found["probabilities"], found["margin"]) == ("labels", "cat", None, None)
    assert "no probability" in trueup("capture", "decode", file, "--classes", "cat,dog").stdout
    assert trueup("capture", "score", file, "--classes", "cat,dog").stdout.splitlines()[-1].split()[-1] == "-"


def test_labels_alone_are_read_where_nobody_names_the_classes(trueup: Terminal, tmp_path: Path) -> None:
    found = lines_of(trueup("capture", "decode", answered(tmp_path / "a.jsonl", '["ham", "spam"]'), "--json").stdout)
    assert [(each["kind"], each["label"], each["decoder"]) for each in found] == [
        ("labels", "ham", "json_labels"),
        ("labels", "spam", "json_labels"),
    ]


def test_who_is_quite_sure_has_no_entropy(trueup: Terminal, tmp_path: Path) -> None:
    file = answered(tmp_path / "sure.jsonl", "1.0", "text/csv")
    assert '"entropy":0.0' in trueup("capture", "score", file, "--json").stdout


def test_a_number_that_is_no_probability_leads_to_the_decoder_for_numbers(trueup: Terminal, tmp_path: Path) -> None:
    said = trueup("capture", "decode", answered(tmp_path / "n.jsonl", "23.5", "text/csv"))
    assert said.exit_code == 3
    assert "[23.5] are not probabilities between 0 and 1; the decoder regression reads numbers" in said.stderr


def test_boxes_come_as_objects_and_count_by_the_least_decided(trueup: Terminal, tmp_path: Path) -> None:
    rows = {"prediction": [[1, 0.9, 0, 0, 0.5, 0.5], [1, 0.6, 0.5, 0.5, 1, 1], [0, 0.05, 0, 0, 1, 1]]}
    file = answered(tmp_path / "boxes.jsonl", json.dumps(rows))
    (found,) = lines_of(trueup("capture", "score", file, "--classes", "cat,dog", "--json").stdout)
    assert (found["kind"], found["classes"], found["probabilities"]) == ("detections", ["dog", "cat"], [0.9, 0.05])
    assert found["objects"][1] == {"label": "dog", "score": 0.6, "box": [0.5, 0.5, 1.0, 1.0], "unit": "share"}
    assert found["margin"] == pytest.approx(0.8)
    assert "dog 0.900  dog 0.600  cat 0.050" in trueup("capture", "decode", file, "--classes", "cat,dog").stdout


def test_nothing_found_is_no_label(trueup: Terminal, tmp_path: Path) -> None:
    file = answered(tmp_path / "nothing.jsonl", '{"prediction": []}')
    (found,) = lines_of(trueup("capture", "decode", file, "--json").stdout)
    absent = ("label", "classes", "probabilities", "objects", "margin", "entropy", "least_confidence")
    assert {name: found[name] for name in absent} == dict.fromkeys(absent)
    assert "nothing found" in trueup("capture", "decode", file).stdout


def test_a_regression_has_its_value(trueup: Terminal, tmp_path: Path) -> None:
    file = answered(tmp_path / "numbers.jsonl", "3.5,3,4\n2,1,2.5", "text/csv")
    first, second = lines_of(trueup("capture", "decode", file, "--decoder", "regression", "--json").stdout)
    assert (first["kind"], first["label"], first["value"], first["interval"]) == ("regression", None, 3.5, [3, 4])
    assert (second["record"], second["margin"]) == (1, None)
    assert "3.5 in 3 to 4" in trueup("capture", "decode", file, "--decoder", "regression").stdout
    bare = answered(tmp_path / "bare.jsonl", "2.5", "text/csv")
    assert " 2.5 " in trueup("capture", "decode", bare, "--decoder", "regression").stdout


def test_what_a_model_wrote_cannot_steer_the_terminal(trueup: Terminal, tmp_path: Path) -> None:
    file = answered(tmp_path / "text.jsonl", json.dumps([{"generated_text": "\x1b[31m[bold]yes[/bold]"}]))
    said = trueup("capture", "decode", file).stdout
    assert "\x1b" not in said
    assert "·[31m[bold]yes[/bold]" in said


def test_an_unknown_decoder_is_told_with_those_there_are(trueup: Terminal, tmp_path: Path) -> None:
    said = trueup("capture", "decode", answered(tmp_path / "a.jsonl", "[1]"), "--decoder", "nope")
    assert said.exit_code == 2
    assert "chat_completions" in said.stderr
