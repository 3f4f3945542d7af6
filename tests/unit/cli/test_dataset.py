"""dataset list, show, diff, export, import, verify."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from tests.unit.cli.conftest import FakeDeployed, Terminal, check_golden
from trueup.cli.exits import Exit
from trueup.dataset.exports import EXPORTS
from trueup.model import Payload


def manifest_line(name: str, label: int, **source: str) -> str:
    return json.dumps({**source, "label": label, "label-metadata": {"class-name": name}, "content-type": "text/plain"})


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "fox.txt").write_text("a fox in a file")
    path = tmp_path / "labels.manifest"
    lines = [
        manifest_line("cat", 0, source="a cat in the line"),
        manifest_line("fox", 2, **{"source-ref": "fox.txt"}),
        manifest_line("dog", 1, **{"source-ref": "s3://old-bucket/dog.txt"}),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_versions_are_listed_and_shown(trueup: Terminal, lived: FakeDeployed) -> None:
    (version,) = trueup.json("dataset", "list")
    assert (version["number"], version["samples"]) == (1, 3)
    check_golden("dataset-show", trueup.json("dataset", "show", "v1"))
    assert "three labels settled" in trueup("dataset", "list").stdout
    assert "3, 3 new, 0 relabelled" in trueup("dataset", "show").stdout


def test_a_version_that_is_not_there_is_not_found(trueup: Terminal, lived: FakeDeployed) -> None:
    assert trueup("dataset", "show", "v9").exit_code == 4


def test_a_project_without_versions_says_so(trueup: Terminal) -> None:
    assert trueup("dataset", "show").exit_code == 4
    assert trueup("dataset", "list").stdout.startswith("no version yet")
    assert trueup.json("dataset", "list") == []


def test_labels_come_from_the_line_a_file_and_an_object(trueup: Terminal, place: FakeDeployed, manifest: Path) -> None:
    place.objects.objects["s3://old-bucket/dog.txt"] = Payload(data=b"a dog in S3", content_type="text/plain")
    said = trueup.json("dataset", "import", str(manifest))
    assert (said["lines"], said["version"]["added"]) == (3, 3)
    assert {each.data for each in place.payloads.payloads.values()} == {
        b"a cat in the line",
        b"a fox in a file",
        b"a dog in S3",
    }
    again = trueup("dataset", "import", str(manifest))
    assert again.exit_code == 0
    assert "no new version" in again.stdout


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (manifest_line("fox", 2, **{"source-ref": "missing.txt"}), "line 1: missing.txt cannot be read"),
        (manifest_line("wolf", 9, source="a wolf"), "'wolf' is not a class"),
        ("{", "line 1 is not JSON"),
        ('{"source": "unlabelled"}', "carries the attribute 'label'"),
    ],
)
def test_a_bad_manifest_changes_nothing(
    trueup: Terminal, place: FakeDeployed, tmp_path: Path, line: str, says: str
) -> None:
    path = tmp_path / "bad.manifest"
    path.write_text(line + "\n")
    result = trueup("dataset", "import", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert place.datasets.head("pets") is None


def test_diff_tells_what_was_added(trueup: Terminal, lived: FakeDeployed, manifest: Path) -> None:
    lived.objects.objects["s3://old-bucket/dog.txt"] = Payload(data=b"a dog in S3", content_type="text/plain")
    trueup("dataset", "import", str(manifest))
    changes = trueup.json("dataset", "diff", "v1", "v2")["changes"]
    assert sorted(each["after"] for each in changes) == ["cat", "dog", "fox"]
    said = trueup("dataset", "diff", "1").stdout
    assert said.startswith("v1 → v2  3 added")
    assert "the same content" in trueup("dataset", "diff", "1", "1").stdout


@pytest.mark.parametrize("form", sorted(EXPORTS))
def test_every_format_is_exported_to_stdout_and_to_a_file(
    trueup: Terminal, lived: FakeDeployed, tmp_path: Path, form: str
) -> None:
    to_stdout = trueup("dataset", "export", "--format", form)
    file = tmp_path / "out"
    to_file = trueup("dataset", "export", "v1", "--format", form, "--to", str(file))
    assert to_file.stdout == f"3 samples written to {file}\n"
    assert to_stdout.stdout_bytes == file.read_bytes()
    assert file.read_bytes().count(b"cat") >= 3


def test_an_export_holds_one_split(trueup: Terminal, lived: FakeDeployed) -> None:
    head = trueup.json("dataset", "show")
    for split in ("train", "validation", "test"):
        lines = trueup("dataset", "export", "--format", "jsonl", "--split", split).stdout.splitlines()
        assert len(lines) == head["split_counts"].get(split, 0)


def test_an_unknown_format_names_those_there_are(trueup: Terminal, lived: FakeDeployed) -> None:
    result = trueup("dataset", "export", "--format", "parquet")
    assert result.exit_code == 2
    assert "augmented-manifest, csv, jsonl" in result.stderr


def test_verify_is_clean(trueup: Terminal, lived: FakeDeployed) -> None:
    assert trueup.json("dataset", "verify") == {"versions": {"pets": 1}, "pruned": {"pets": 0}, "problems": []}
    assert trueup("dataset", "verify").stdout == "✓ pets: 1 version, every hash and count holds\n"


def test_verify_finds_a_changed_payload_and_a_changed_segment(trueup: Terminal, lived: FakeDeployed) -> None:
    uri, payload = next(iter(lived.payloads.payloads.items()))
    sample = json.loads(trueup("dataset", "export", "--format", "jsonl").stdout.splitlines()[0])
    uri = sample["payload_uri"]
    lived.payloads.payloads[uri] = msgspec.structs.replace(payload, data=b"tampered")
    (problem,) = trueup.json("dataset", "verify", code=3)["problems"]
    assert problem.startswith(f"pets: version 1: the payload of sample {sample['sample_id'][:12]} hashes to")
    assert trueup.json("dataset", "verify", "--no-payloads")["problems"] == []
    for name in lived.datasets.objects:
        if "/segments/" in name:
            lived.datasets.objects[name] += b"\n"
    result = trueup("dataset", "verify", "v1", "--no-payloads")
    assert result.exit_code == 3
    assert "does not hash to its name" in result.stdout


def test_samples_are_found_by_a_condition_or_sql(trueup: Terminal, lived: FakeDeployed) -> None:
    found = trueup.json("dataset", "query", 'class = "cat" and agreement >= 0.5')
    assert [each["label"] for each in found] == ["cat"] * 3
    assert trueup.json("dataset", "query", 'class = "cow"') == []
    counted = trueup.json("dataset", "query", "--sql", "SELECT label, count(*) AS n FROM samples GROUP BY 1")
    assert counted == [{"label": "cat", "n": 3}]
    assert trueup.json("dataset", "query", 'class = "cat"', "--athena") == found
    said = trueup("dataset", "query", 'class = "cat"', "--limit", "2").stdout
    assert "2 rows; there are more" in said
    assert "no sample" in trueup("dataset", "query", "slice is not null").stdout
    assert "agreement" in trueup("dataset", "query", "--columns").stdout


def test_a_condition_that_cannot_be_read_is_shown(trueup: Terminal, lived: FakeDeployed) -> None:
    for arguments, says in ((("clas = 'cat'",), "did you mean class?"), ((), "either a condition or --sql")):
        refused = trueup("dataset", "query", *arguments)
        assert refused.exit_code == Exit.USAGE
        assert says in refused.stderr


def test_a_card_and_a_diff_are_written_as_files_say(trueup: Terminal, lived: FakeDeployed, tmp_path: Path) -> None:
    assert trueup("dataset", "card").stdout.startswith("# Pets in words, version 1\n")
    page = tmp_path / "card.html"
    assert trueup("dataset", "card", "--to", str(page)).exit_code == 0
    assert page.read_text().startswith("<!doctype html>")
    assert trueup.json("dataset", "card")["by_people"] == 3
    assert trueup("dataset", "card", "--to", str(tmp_path)).exit_code == Exit.USAGE
    told = trueup.json("dataset", "diff", "1", "1", "--summary")
    assert (told["counts"], told["classes"]) == ({}, {})
    assert trueup("dataset", "diff", "1", "--html", str(page)).exit_code == 0
    assert "The same content." in page.read_text()


def test_many_functions_verify_what_one_does(trueup: Terminal, lived: FakeDeployed) -> None:
    assert trueup.json("dataset", "verify", "--in-cloud") == {
        "versions": {"pets": 1},
        "pruned": {"pets": 0},
        "problems": [],
    }
    (version,) = lived.datasets.versions("pets")
    del lived.datasets.objects[f"memory://pets/segments/{version.segments[0].sha256}"]
    (problem, *_) = trueup.json("dataset", "verify", "1", "--in-cloud", code=3)["problems"]
    assert "is missing" in problem
