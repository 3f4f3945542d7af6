"""The function that does parts of versions, as it is wired, on moto: commits, verifies, exports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from moto import mock_aws

from tests.contract.implementations import DATASET, TABLE, clients_of_moto
from tests.contract.shelves import Fuse, shelf_in
from tests.unit.usecases.refs import Shelf
from trueup.adapters.aws.export_sink import S3ExportSink
from trueup.dataset.segments import segments_of
from trueup.model import LabelledSample, content_id
from trueup.settings import VersionPartSettings, render_projects
from trueup.usecases.bulk.exporting import home_of
from trueup.usecases.bulk.jobs import Bulk, Concluded
from trueup.usecases.bulk.run import BulkVersions, in_memory
from trueup.wiring.bulk_versions import bulk_versions, place_of


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield shelf_in("aws", Fuse())


@pytest.fixture
def bulk(shelf: Shelf, tmp_path: Path) -> BulkVersions:
    projects = tmp_path / "projects.json"
    projects.write_bytes(render_projects([shelf.config]))
    settings = VersionPartSettings(
        stage="dev", table_name=TABLE, dataset_bucket=DATASET, projects_file=str(projects), part_rows=3
    )
    return bulk_versions(settings, clients_of_moto())


def done(bulk: BulkVersions, **asked: Any) -> Concluded:
    job = Bulk(project="pets", **asked)
    return msgspec.convert(in_memory(bulk, {"job": msgspec.to_builtins(job)}), Concluded)


def line(number: int, split: Any) -> LabelledSample:
    name = content_id(str(number))
    return LabelledSample(
        sample_id=name, label="cat", split=split, group="ann", content_type="text/plain", payload_uri=f"s3://b/{name}"
    )


def test_a_version_is_made_checked_and_exported_by_many(shelf: Shelf, bulk: BulkVersions) -> None:
    """Of a group that parts put into two splits at first."""
    lines = sorted((line(number, "train") for number in range(12)), key=lambda each: each.sample_id)
    staged = list(segments_of([msgspec.structs.replace(lines[0], split="test"), *lines[1:]]))
    for each in staged:
        shelf.datasets.put_segment("pets", each.data)
    made = done(bulk, verb="commit", run="c", staged=tuple(each.segment for each in staged), reason="by many")
    version = shelf.datasets.version("pets", made.version)
    assert (made.parts, version.split_counts) == (4, {"test": 12})
    groups = shelf.datasets.groups("pets", made.version)
    assert groups is not None
    assert (groups.counts, sum(each.rows for each in groups.parts)) == ({"": {"test": 12}, "cat": {"test": 12}}, 1)
    assert done(bulk, verb="verify", run="v", version=made.version).problems == ()
    place = f"{home_of(DATASET, version)}lines/"
    told = done(bulk, verb="export", run="e", version=made.version, form="jsonl", to=place).export
    assert told is not None
    sink = S3ExportSink(clients_of_moto()["s3"], place)
    shards = [sink.read(f"samples-{number:06d}.jsonl") or b"" for number in range(4)]
    assert (told.samples, sum(each.count(b"\n") for each in shards)) == (12, 12)
    assert sink.read("trueup-export.json") is not None


def test_a_map_is_told_where_its_parts_are() -> None:
    assert place_of("s3://bucket/pets/reports/bulk/r/1/parts.json") == {
        "bucket": "bucket",
        "key": "pets/reports/bulk/r/1/parts.json",
    }
