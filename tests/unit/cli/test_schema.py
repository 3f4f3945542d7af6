"""schema import, migrate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.unit.cli.conftest import FakeDeployed, Terminal, check_golden
from trueup.model import LabelClass

CATEGORIES = {"document-version": "2018-11-28", "labels": [{"label": "billing"}, {"label": "other"}]}


def test_another_tools_labels_are_printed_as_a_schema(trueup: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    file.write_text(json.dumps(CATEGORIES))
    said = json.loads(trueup("schema", "import", str(file), "--from", "ground-truth").stdout)
    assert said == {"kind": "classification", "media": "image", "classes": [{"name": "billing"}, {"name": "other"}]}
    file.write_text('<View><Text name="t"/><Labels name="l" toName="t"><Label value="PER"/></Labels></View>')
    assert json.loads(trueup("schema", "import", str(file), "--from", "label-studio").stdout)["kind"] == "spans"


def test_what_a_deployment_would_refuse_is_refused(trueup: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    file.write_text(json.dumps({**CATEGORIES, "labels": [{"label": "one"}]}))
    said = trueup("schema", "import", str(file), "--from", "ground-truth")
    assert said.exit_code == 2
    assert "label_schema.classes is a list of 1" in said.stderr
    assert trueup("schema", "import", str(tmp_path / "gone"), "--from", "ground-truth").exit_code == 2
    file.write_text("<View/>")
    said = trueup("schema", "import", str(file), "--from", "label-studio")
    assert (said.exit_code, "no control tag" in said.stderr) == (2, True)


def deploy(place: FakeDeployed, renamed: dict[str, str], *classes: str) -> None:
    found = place.projects["pets"]
    named = tuple(LabelClass(name=each) for each in classes)
    schema = replace(found.label_schema, classes=named, renamed=renamed)
    place.projects = {"pets": replace(found, label_schema=schema)}


@pytest.fixture
def now_felines(lived: FakeDeployed) -> FakeDeployed:
    """Its three cats are to be called otherwise."""
    deploy(lived, {"cat": "feline"}, "feline", "dog", "fox")
    return lived


def test_a_dry_run_tells_which_labels_would_change(trueup: Terminal, now_felines: FakeDeployed) -> None:
    said = trueup("schema", "migrate", "--dry-run")
    assert said.exit_code == 0
    assert said.stdout.endswith("\n\n3 of 3 labels would change; nothing was written\n")
    assert any(each.split() == ["cat", "feline", "3"] for each in said.stdout.splitlines())
    assert [each["number"] for each in trueup.json("dataset", "list")] == [1]


def test_the_dataset_is_relabelled_once(trueup: Terminal, now_felines: FakeDeployed) -> None:
    told = trueup.json("schema", "migrate")
    by, _, name = told["version"]["by"].partition(":")
    assert name, "it is not told who did it"
    check_golden("schema-migrate", {**told, "version": {**told["version"], "by": by}})
    assert trueup.json("dataset", "show")["class_counts"] == {"feline": 3}
    assert trueup.json("dataset", "verify", "--no-payloads")["problems"] == []
    said = trueup("schema", "migrate", "--project", "pets")
    assert (said.exit_code, said.stdout) == (0, "3 labels read, none with an old name: no new version\n")


def test_a_migration_tells_what_it_made(trueup: Terminal, now_felines: FakeDeployed) -> None:
    assert trueup("schema", "migrate").stdout.endswith("\nv2: 3 relabelled, 3 in all\n")
    version = now_felines.projects["pets"].label_schema.version
    assert ["schema", version] in [each.split() for each in trueup("dataset", "show").stdout.splitlines()]


def test_exports_call_classes_as_their_version_does(trueup: Terminal, now_felines: FakeDeployed) -> None:
    """Before the migration and after it."""
    assert names_of(trueup, "v1") == {"cat"}
    assert trueup("schema", "migrate").exit_code == 0
    assert names_of(trueup, "v1") == {"cat"}
    assert names_of(trueup, "v2") == {"feline"}


def names_of(trueup: Terminal, version: str) -> set[str]:
    lines = trueup("dataset", "export", version).stdout.splitlines()
    return {json.loads(each)["label-metadata"]["class-name"] for each in lines}


def test_unknown_names_are_problems_and_nothing_is_written(trueup: Terminal, lived: FakeDeployed) -> None:
    deploy(lived, {}, "feline", "dog", "fox")
    said = trueup("schema", "migrate")
    assert said.exit_code == 3
    assert any(each.split() == ["cat", "unknown", "3"] for each in said.stdout.splitlines())
    assert "nothing was written: add the unknown names to label_schema.classes" in said.stdout
    assert trueup.json("schema", "migrate", code=3)["unknown"] == {"cat": 3}
    assert [each["number"] for each in trueup.json("dataset", "list")] == [1]


def test_a_project_without_versions_has_nothing_to_migrate(trueup: Terminal) -> None:
    assert trueup("schema", "migrate").exit_code == 4
