"""The function that collects garbage, as it is wired, on moto."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from moto import mock_aws

from tests.contract.implementations import DATASET, TABLE, clients_of_moto
from tests.contract.shelves import Fuse, shelf_in
from tests.unit.usecases.refs import Shelf
from trueup.adapters.memory import FixedClock
from trueup.settings import DatasetCollectSettings, render_projects
from trueup.wiring.collect_garbage import collect_garbage


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield shelf_in("aws", Fuse())


def test_what_crashed_commits_left_is_collected_and_nothing_else(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put({1: "cat"})
    shelf.put({1: "dog"})
    lost = shelf.datasets.put_segment("pets", b"left behind\n")
    beside = clients_of_moto()["s3"]
    beside.put_object(Bucket=DATASET, Key="pets/payloads/ab/abc", Body=b"an input")
    projects = tmp_path / "projects.json"
    projects.write_bytes(render_projects([shelf.config]))
    settings = DatasetCollectSettings(
        stage="dev", table_name=TABLE, dataset_bucket=DATASET, projects_file=str(projects)
    )
    collect = collect_garbage(settings, clients_of_moto())
    assert collect("pets").segments == 0
    later = replace(collect, clock=FixedClock(datetime.now(UTC) + timedelta(days=2)))
    assert (later("pets").segments, later("pets").segments) == (1, 0)
    assert lost not in {each.name for each in shelf.stored.parts("pets")}
    assert beside.get_object(Bucket=DATASET, Key="pets/payloads/ab/abc")["Body"].read() == b"an input"
    assert shelf.problems() == []
