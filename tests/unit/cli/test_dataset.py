"""dataset list, show, diff, export, verify."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.unit.cli.conftest import FakeDeployed, Terminal, check_golden
from tests.unit.dataset.test_versions import line
from tests.worlds import NOW
from trueup.cli.dataset.compare import say_changes
from trueup.cli.exits import Exit
from trueup.dataset.diff import Changed, changes_between
from trueup.dataset.formats import FORMATS
from trueup.dataset.versions import Making, next_version
from trueup.dataset.view import View
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
    shown = trueup("dataset", "show").stdout
    assert "3, 3 new, 0 relabelled" in shown
    assert re.search(r"parent +none *\n", shown)
    assert re.search(r"made +\S+ \S+ on main by trueup: three labels settled", shown)


def test_a_version_that_is_not_there_is_not_found(trueup: Terminal, lived: FakeDeployed) -> None:
    assert trueup("dataset", "show", "v9").exit_code == 4


def test_a_project_without_versions_says_so(trueup: Terminal) -> None:
    assert trueup("dataset", "show").exit_code == 4
    assert trueup("dataset", "list").stdout.startswith("no version yet")
    assert trueup.json("dataset", "list") == []


def test_diff_tells_what_was_added(trueup: Terminal, lived: FakeDeployed, manifest: Path) -> None:
    lived.objects.objects["s3://old-bucket/dog.txt"] = Payload(data=b"a dog in S3", content_type="text/plain")
    trueup("import", "augmented-manifest", str(manifest))
    changes = trueup.json("dataset", "diff", "v1", "v2")["changes"]
    assert sorted(each["after"] for each in changes) == ["cat", "dog", "fox"]
    said = trueup("dataset", "diff", "1").stdout
    assert said.startswith("v1 → v2  3 added")
    assert "the same content" in trueup("dataset", "diff", "1", "1").stdout


def test_a_diff_is_said_as_it_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """The next part is looked for when what the last one told is written."""
    before, after = ([line(number, label) for number in range(9)] for label in ("cat", "a\u2028dog"))
    making = Making(project="pets", number=1, at=NOW, reason="test")
    version, said = next_version(None, {}, before, (), (), making), ""

    def parts() -> Iterator[Changed]:
        nonlocal said
        for each in changes_between(View.of_lines(before), View.of_lines(after), rows=2):
            yield each
            said += capsys.readouterr().out
            assert each.keys.ids()[-1] in said

    say_changes(version, version, parts(), summary=False)
    said += capsys.readouterr().out
    document = json.loads(said)
    assert said == json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    assert [each["sample_id"] for each in document["changes"]] == [each.sample_id for each in before]
    assert document["counts"] == {"relabelled": 9}


HELD = sorted(name for name, each in FORMATS.items() if "classification" in each.KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("form", [each for each in HELD if FORMATS[each].FILE])
def test_a_single_file_goes_to_stdout_to_a_file_and_into_a_directory(
    trueup: Terminal, lived: FakeDeployed, tmp_path: Path, form: str
) -> None:
    to_stdout = trueup("dataset", "export", "--format", form)
    assert (to_stdout.exit_code, to_stdout.stderr) == (0, "")
    file = tmp_path / "out"
    to_file = trueup("dataset", "export", "v1", "--format", form, "--to", str(file))
    assert to_file.stdout == f"3 samples written to {file}\n"
    assert to_stdout.stdout_bytes == file.read_bytes()
    told = trueup.json("dataset", "export", "--format", form, "--to", f"{tmp_path}/folder/")
    assert (told["samples"], told["files"], told["bytes"]) == (3, 1, len(file.read_bytes()))
    assert (tmp_path / "folder" / FORMATS[form].FILE).read_bytes() == file.read_bytes()
    assert trueup("dataset", "export", "--format", form, "--to", "s3://bucket/pets/out").exit_code == 0
    assert lived.sinks["s3://bucket/pets/"].files == {"out": file.read_bytes()}


@pytest.mark.parametrize("form", HELD)
def test_every_format_goes_into_a_directory_and_s3(
    trueup: Terminal, lived: FakeDeployed, tmp_path: Path, form: str
) -> None:
    into_folder = trueup("dataset", "export", "--format", form, "--to", f"{tmp_path}/")
    assert into_folder.stdout.startswith(f"3 samples written to {tmp_path}/: ")
    assert trueup("dataset", "export", "--format", form, "--to", "s3://bucket/pets/").exit_code == 0
    files = {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()}
    assert files == lived.sinks["s3://bucket/pets/"].files.keys()
    report = json.loads((tmp_path / "trueup-export.json").read_bytes())
    assert (report["format"], report["number"], report["samples"]) == (form, 1, 3)


def test_a_file_of_the_folder_that_one_is_in(
    trueup: Terminal, lived: FakeDeployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        trueup("dataset", "export", "--format", "csv", "--to", "here.csv").stdout == "3 samples written to here.csv\n"
    )
    assert [each.name for each in tmp_path.iterdir()] == ["here.csv"]


def test_a_directory_that_holds_something_is_replaced_with_force(
    trueup: Terminal, lived: FakeDeployed, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    refused = trueup("dataset", "export", "--format", "webdataset", "--to", str(tmp_path))
    assert refused.exit_code == 5
    assert refused.stderr == (
        "trueup: the place to export to is not empty: choose another, or replace an earlier export with --force\n"
    )
    assert trueup("dataset", "export", "-f", "webdataset", "-o", str(tmp_path), "--force").exit_code == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--format", "coco", "--to", "x"), "coco holds boxes, polygons and mask, not classification: use one of"),
        (("--format", "webdataset"), "webdataset makes several files: name a directory or an s3:// prefix with --to"),
        (("--format", "jsonl", "--json"), "stdout is where it is written: add --to"),
        (("--format", "jsonl", "--to", "/proc/nothing/x"), "/proc/nothing/x cannot be written"),
        (("--format", "excel"), "there is no format 'excel': use one of augmented-manifest, coco, conll"),
        (("--format", "jsonl", "--split", "test"), "has no test sample; it has: "),
    ],
)
def test_what_cannot_be_exported_says_why(
    trueup: Terminal, lived: FakeDeployed, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    result = trueup("dataset", "export", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_many_functions_export_into_the_dataset_bucket(trueup: Terminal, lived: FakeDeployed) -> None:
    version = lived.datasets.head("pets")
    assert version is not None
    home = f"s3://dataset/pets/exports/{version.version_id}/"
    told = trueup("dataset", "export", "--format", "jsonl", "--in-cloud").stdout
    assert told.startswith(f"3 samples written to {home}jsonl/: 2 files, ")
    files = dict(lived.sinks[f"{home}jsonl/"].files)
    assert json.loads(files.pop("trueup-export.json"))["samples"] == 3
    assert b"".join(files[name] for name in sorted(files)) == trueup("dataset", "export", "-f", "jsonl").stdout_bytes
    again = trueup("dataset", "export", "--format", "jsonl", "--in-cloud")
    assert (again.exit_code, "is not empty" in again.stderr) == (5, True)
    forced = trueup.json("dataset", "export", "--format", "jsonl", "--in-cloud", "--force")
    assert (forced["samples"], forced["files"]) == (3, len(files))
    assert trueup.json("dataset", "export", "-f", "csv", "--in-cloud", "--to", f"{home}mine")["format"] == "csv"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--format", "parquet"), "cannot be written by many functions: it is written by pyarrow"),
        (("--format", "jsonl", "--to", "s3://mine/x/"), "name a folder below s3://dataset/pets/exports/"),
        (("--format", "jsonl", "--to", "here"), "name a folder below s3://dataset/pets/exports/"),
        (("--format", "jsonl", "--split", "test"), "has no test sample"),
    ],
)
def test_what_functions_cannot_export_is_said_before_any_starts(
    trueup: Terminal, lived: FakeDeployed, arguments: tuple[str, ...], says: str
) -> None:
    result = trueup("dataset", "export", "--in-cloud", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


@pytest.mark.parametrize("form", ["ground-truth", "huggingface", "webdataset"])
def test_what_was_exported_is_imported(trueup: Terminal, lived: FakeDeployed, tmp_path: Path, form: str) -> None:
    trueup("dataset", "export", "--format", form, "--to", str(tmp_path))
    told = trueup.json("import", form, str(tmp_path), "--dry-run", "--keep-splits")
    assert (told["known"], told["new"], told["problems"]) == (3, 0, 0)
    assert told["splits"] == trueup.json("dataset", "show")["split_counts"]


def test_formats_are_listed(trueup: Terminal) -> None:
    told = trueup.json("dataset", "formats")
    assert [each["format"] for each in told] == list(FORMATS)
    text = trueup("dataset", "formats").stdout
    assert all(each in text for each in FORMATS)


def test_an_export_holds_one_split(trueup: Terminal, lived: FakeDeployed) -> None:
    head = trueup.json("dataset", "show")
    for split, number in head["split_counts"].items():
        lines = trueup("dataset", "export", "--format", "jsonl", "--split", split).stdout.splitlines()
        assert len(lines) == number


def test_verify_is_clean(trueup: Terminal, lived: FakeDeployed) -> None:
    assert trueup.json("dataset", "verify") == {
        "versions": {"pets": 1},
        "pruned": {"pets": 0},
        "problems": [],
        "forgotten": [],
    }
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


@pytest.mark.slow
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
        "forgotten": [],
    }
    (version,) = lived.datasets.versions("pets")
    del lived.datasets.objects[f"memory://pets/segments/{version.segments[0].sha256}"]
    (problem, *_) = trueup.json("dataset", "verify", "1", "--in-cloud", code=3)["problems"]
    assert "is missing" in problem
