"""capture backfill."""

from __future__ import annotations

import json

from tests.unit.cli.conftest import FakeDeployed, Terminal

TIMES = ("--from", "2026-03-01T22", "--to", "2026-03-03T01")


def test_the_prefixes_are_days_and_the_hours_around_them(trueup: Terminal, place: FakeDeployed) -> None:
    found = json.loads(trueup("capture", "backfill", *TIMES, "--dry-run", "--json").stdout)
    folder = place.deployed["pets"].capture_uri.removeprefix(f"s3://{found['bucket']}/")
    root = f"{folder}/pets/AllTraffic/2026/03"
    assert found["prefixes"] == [f"{root}/01/22/", f"{root}/01/23/", f"{root}/02/", f"{root}/03/00/"]
    assert place.loop.workflows.started == {}


def test_it_is_started_once_a_person_says_so_and_tells_how_it_stands(trueup: Terminal, place: FakeDeployed) -> None:
    refused = trueup("capture", "backfill", *TIMES)
    assert (refused.exit_code, "--yes" in refused.stderr) == (2, True)
    said = trueup("capture", "backfill", *TIMES, "--yes")
    assert (said.exit_code, "it runs" in said.stdout) == (0, True), said.output
    (document,) = place.loop.workflows.started.values()
    assert set(document) == {"bucket", "prefixes"}
    assert "all files were announced" in trueup("capture", "backfill", *TIMES, "--yes").stdout
    assert len(place.loop.workflows.started) == 1
    other = trueup("capture", "backfill", *TIMES, "--endpoint", "other", "--variant", "B", "--yes", "--json")
    assert json.loads(other.stdout)["execution"]["began"] is True


def test_times_that_cannot_be_meant_are_told(trueup: Terminal) -> None:
    for start, end, says in (
        ("2026-03-02", "2026-03-01", "there is no hour"),
        ("2020-01-01", "2026-03-01", "too many for one run"),
        ("yesterday", "2026-03-01", "yesterday"),
    ):
        said = trueup("capture", "backfill", "--from", start, "--to", end, "--yes")
        assert (said.exit_code, says in said.stderr) == (2, True), said.output
