"""Lineage for a catalog that comes later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.openlineage import Marquez, judged, serving, validator
from tests.unit.cli.conftest import FakeDeployed, Terminal


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "API_KEY", "ENDPOINT", "NAMESPACE", "DISABLED"):
        monkeypatch.delenv(f"OPENLINEAGE_{name}", raising=False)


@pytest.fixture
def marquez() -> Iterator[Marquez]:
    with serving() as server:
        yield server


def lines(text: str) -> list[dict[str, Any]]:
    return [judged(json.loads(each)) for each in text.splitlines()]


def test_history_goes_to_stdout_and_nothing_else_does(trueup: Terminal, lived: FakeDeployed) -> None:
    result = trueup("openlineage", "export")
    assert result.exit_code == 0, result.output
    told = lines(result.stdout)
    assert [f"{each['job']['name']} {each['eventType']}" for each in told] == [
        "pets.annotate START",
        "pets.annotate COMPLETE",
        "pets.commit_version START",
        "pets.commit_version COMPLETE",
        "pets.retrain START",
        "pets.train START",
    ]
    assert {each["job"]["namespace"] for each in told} == {"trueup://dev"}


def test_a_file_holds_the_same(trueup: Terminal, lived: FakeDeployed, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    result = trueup("openlineage", "export", "--to", str(path), "--project", "pets")
    assert f"6 events of pets: {path}" in result.output.replace("\n", "")
    assert path.read_text() == trueup("openlineage", "export").stdout
    result = trueup("openlineage", "export", "--to", str(tmp_path / "none" / "events.jsonl"))
    assert result.exit_code == 2
    assert "cannot be written: No such file or directory" in result.stderr


def test_a_server_is_told_by_the_standard_variables(
    trueup: Terminal, lived: FakeDeployed, marquez: Marquez, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", marquez.url)
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "secret")
    monkeypatch.setenv("OPENLINEAGE_ENDPOINT", "lineage")
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "mine")
    assert trueup("openlineage", "export").exit_code == 0
    assert set(marquez.keys) == {"Bearer secret"}
    assert set(marquez.paths) == {"/lineage"}
    assert [json.loads(each)["job"]["namespace"] for each in marquez.taken] == ["mine"] * 6
    monkeypatch.setenv("OPENLINEAGE_DISABLED", " True ")
    result = trueup("openlineage", "export")
    assert "nobody was told" in result.output
    assert len(marquez.taken) == 6


def test_a_refusal_is_told_in_a_sentence(trueup: Terminal, lived: FakeDeployed, marquez: Marquez) -> None:
    marquez.answers = [(400, {})]
    result = trueup("openlineage", "export", "--to", marquez.url)
    assert result.exit_code == 6
    assert "answered 400 to the START of pets.annotate" in result.stderr


def test_a_server_that_cannot_take_it_now_is_not_mistaken_for_aws(
    trueup: Terminal, lived: FakeDeployed, marquez: Marquez
) -> None:
    marquez.answers = [(503, {"Retry-After": "0"})] * 4
    result = trueup("openlineage", "export", "--to", marquez.url)
    assert result.exit_code == 6
    assert "once it answers, export --to it again" in result.stderr
    assert "AWS" not in result.stderr


def test_the_schema_of_our_facet_is_one(trueup: Terminal) -> None:
    found = json.loads(trueup("openlineage", "schema").stdout)
    assert found["$id"].endswith("TrueupAnnotationDatasetFacet")
    validator("https://openlineage.io/spec/2-0-2/OpenLineage.json").check_schema(found)
