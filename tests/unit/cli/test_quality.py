"""quality: consensus, agreement and skill from a file of answers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Terminal
from trueup.quality.methods import METHODS

ANSWERS = [("a", "ada", "cat"), ("a", "ben", "cat"), ("a", "cleo", "dog"), ("b", "ada", "dog"), ("b", "ben", "dog")]


def answers(path: Path, triples: list[tuple[Any, Any, Any]] | None = None) -> str:
    rows = [
        json.dumps({"sample": sample, "annotator": annotator, "label": label})
        for sample, annotator, label in (ANSWERS if triples is None else triples)
    ]
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def lines_of(text: str) -> list[Any]:
    return [json.loads(each) for each in text.splitlines()]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers_a_line_for_each_sample(trueup: Terminal, tmp_path: Path, method: str) -> None:
    file = answers(tmp_path / "answers.jsonl")
    said = trueup("quality", "consensus", file, "--method", method, "--json")
    assert said.exit_code == 0, said.output
    found = lines_of(said.stdout)
    assert [(each["sample"], each["label"], each["answers"]) for each in found] == [("a", "cat", 3), ("b", "dog", 2)]
    assert all(0.5 < each["posterior"] < 1 for each in found)
    assert "posterior" in trueup("quality", "consensus", file, "--method", method).stdout


@pytest.mark.parametrize("metric", ["percent", "cohen", "fleiss", "krippendorff", "gwet"])
@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_agreement(trueup: Terminal, tmp_path: Path, metric: str, level: str) -> None:
    rated = [(row, name, 1 + (row + (name == "cleo" and row % 3 == 0)) % 4) for row in range(40) for name in "ab"]
    rated += [(row, "cleo", 1 + (row + (row % 3 == 0)) % 4) for row in range(40)]
    said = trueup(
        "quality", "agreement", answers(tmp_path / "a.jsonl", rated), "--metric", metric, "--level", level, "--json"
    )
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    assert (found["metric"], found["level"], found["samples"], found["annotators"]) == (metric, level, 40, 3)
    assert 0 < found["low"] <= found["value"] <= found["high"] < 1


@pytest.mark.slow
def test_agreement_by_class_and_in_a_table(trueup: Terminal, tmp_path: Path) -> None:
    file = answers(tmp_path / "a.jsonl")
    found = json.loads(trueup("quality", "agreement", file, "--by-class", "--metric", "percent", "--json").stdout)
    assert found["value"] == pytest.approx(0.5)
    assert [each["label"] for each in found["classes"]] == ["cat", "dog"]
    said = trueup("quality", "agreement", file, "--by-class")
    assert [each.split()[0] for each in said.stdout.splitlines()[2:]] == ["all", "cat", "dog", "2"]


def test_ordinal_labels_need_an_order(trueup: Terminal, tmp_path: Path) -> None:
    words = [("a", "ada", "low"), ("a", "ben", "mid"), ("b", "ada", "high"), ("b", "ben", "high")]
    file = answers(tmp_path / "a.jsonl", words)
    told = trueup("quality", "agreement", file, "--level", "ordinal")
    assert (told.exit_code, "give --order LOWEST,…,HIGHEST" in told.stderr) == (2, True), told.output
    told = trueup("quality", "agreement", file, "--level", "interval")
    assert (told.exit_code, "no number; --level interval" in told.stderr) == (2, True), told.output
    told = trueup("quality", "agreement", file, "--level", "ordinal", "--order", "low,mid")
    assert (told.exit_code, "does not name high" in told.stderr) == (2, True), told.output
    told = trueup("quality", "agreement", file, "--level", "ordinal", "--order", "low,mid,high", "--json")
    assert json.loads(told.stdout)["value"] > 0


def test_annotators_worst_first(trueup: Terminal, tmp_path: Path) -> None:
    triples = [
        (str(row), name, "cat" if (row % 2 == 0) != (name == "zoe") else "dog")
        for row in range(30)
        for name in ("ada", "ben", "zoe")
    ]
    file = answers(tmp_path / "a.jsonl", triples)
    found = lines_of(trueup("quality", "annotators", file, "--method", "majority", "--json").stdout)
    assert [each["annotator"] for each in found] == ["zoe", "ada", "ben"]
    assert all(each["low"] < each["skill"] < each["high"] and each["answers"] == 30 for each in found)
    assert found[0]["high"] < found[1]["low"]
    assert trueup("quality", "annotators", file).stdout.splitlines()[0].split()[0] == "annotator"


def test_the_later_answer_of_an_annotator_counts(trueup: Terminal, tmp_path: Path) -> None:
    file = answers(tmp_path / "a.jsonl", [("a", "ada", "cat"), ("a", "ada", "dog"), ("b", "ada", 3.0), ("c", "ada", 3)])
    found = lines_of(trueup("quality", "consensus", file, "--json").stdout)
    assert [(each["sample"], each["label"], each["answers"]) for each in found] == [
        ("a", "dog", 1),
        ("b", "3", 1),
        ("c", "3", 1),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"sample": "a", "annotator": "ada"}', "line 2: field `label` is missing"),
        ('{"sample": "a", "annotator": null, "label": "x"}', "line 2: field `annotator`: Expected"),
        ('["a"]', "line 2: this is no such JSON object"),
        ("{", "line 2: this is no such JSON object"),
    ],
)
def test_a_wrong_line_is_named_with_its_field(trueup: Terminal, tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "wrong.jsonl"
    file.write_text('{"sample": "a", "annotator": "ada", "label": "x"}\n' + line + "\n")
    for verb in ("consensus", "agreement", "annotators"):
        said = trueup("quality", verb, str(file), "--json")
        assert (said.exit_code, said.stdout) == (2, "")
        assert f"{file}, {says}" in said.stderr
        assert 'write it as {"sample"' in said.stderr


def test_wrong_wishes_are_told(trueup: Terminal, tmp_path: Path) -> None:
    file = answers(tmp_path / "a.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    for words, says in (
        (("consensus", file, "--method", "nope"), "methods: "),
        (("agreement", file, "--metric", "nope"), "there are percent, cohen"),
        (("agreement", file, "--level", "nope"), "there are nominal, ordinal"),
        (("agreement", answers(tmp_path / "one.jsonl", [("a", "ada", "cat")])), "no sample has two answers"),
        (("consensus", str(tmp_path / "empty.jsonl")), "holds no answer"),
        (("consensus", str(tmp_path / "none.jsonl")), "cannot be read"),
    ):
        said = trueup("quality", *words)
        assert (said.exit_code, says in said.stderr) == (2, True), said.output


def test_a_hyphen_reads_stdin(trueup: Terminal, tmp_path: Path) -> None:
    text = Path(answers(tmp_path / "a.jsonl")).read_text()
    said = trueup("quality", "consensus", "-", "--json", keys=text)
    assert [each["label"] for each in lines_of(said.stdout)] == ["cat", "dog"]
    assert "stdin, line 1: " in trueup("quality", "consensus", "-", keys="{").stderr


def test_labels_that_nobody_gave_leave_doubt(trueup: Terminal, tmp_path: Path) -> None:
    file = answers(tmp_path / "a.jsonl", [("a", "ada", "cat"), ("a", "ben", "cat")])
    (alone,) = lines_of(trueup("quality", "consensus", file, "--json").stdout)
    (among,) = lines_of(trueup("quality", "consensus", file, "--classes", "cat,dog,fox", "--json").stdout)
    assert alone["posterior"] == 1
    assert 0.8 < among["posterior"] < 1
    wrong = trueup("quality", "consensus", file, "--classes", "dog,fox")
    assert (wrong.exit_code, "'cat' is none of the classes dog, fox" in wrong.stderr) == (2, True), wrong.output


def test_crowdlab_listens_to_predictions(trueup: Terminal, tmp_path: Path) -> None:
    file, said = answers(tmp_path / "a.jsonl"), tmp_path / "said.jsonl"
    said.write_text('{"sample": "a", "probabilities": {"cat": 0.1, "dog": 0.9}}\n')
    words = ("quality", "consensus", file, "--method", "crowdlab", "--json")
    before, after = (lines_of(trueup(*words, *more).stdout)[0] for more in ((), ("--predictions", str(said))))
    assert after != before
    for text, says in (
        ('{"sample": "a"}', "line 1: field `probabilities` is missing"),
        ('{"sample": "a", "probabilities": {"cat": -1}}', "field `probabilities` of sample 'a' must give"),
    ):
        said.write_text(text)
        told = trueup(*words, "--predictions", str(said))
        assert (told.exit_code, says in told.stderr) == (2, True), told.output


def test_zipped_files_are_read(trueup: Terminal, tmp_path: Path) -> None:
    file = Path(answers(tmp_path / "a.jsonl"))
    zipped = tmp_path / "a.jsonl.gz"
    zipped.write_bytes(gzip.compress(file.read_bytes()))
    plain = trueup("quality", "consensus", str(file), "--json").stdout
    assert trueup("quality", "consensus", str(zipped), "--json").stdout == plain
