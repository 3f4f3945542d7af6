"""What is too much for one function: the same workflow, function and tables as in the cloud."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Cloud
from tests.e2e.people import eventually
from tests.e2e.terminal import trueup, trueup_json
from trueup.model import Node, NodeKind

pytestmark = pytest.mark.e2e


def test_many_functions_verify_a_version(cloud: Cloud, moods: str) -> None:
    told = trueup_json("dataset", "verify", "1", "--project", moods, "--in-cloud")
    assert (told["versions"], told["problems"]) == ({moods: 1}, [])


def test_many_functions_export_a_version(cloud: Cloud, moods: str) -> None:
    """Below its own prefix of the dataset bucket, with their own role."""
    told = trueup_json("dataset", "export", "v1", "--project", moods, "--format", "webdataset", "--in-cloud")
    assert (told["samples"], told["files"]) == (60, 2)
    bucket, version = cloud.operator.deployment.dataset_bucket, cloud.operator.datasets.version(moods, "1")
    place = f"s3://{bucket}/{moods}/exports/{version.version_id}/lines/"
    command = ("dataset", "export", "v1", "--project", moods, "--format", "jsonl")
    trueup(*command, "--in-cloud", "--to", place)
    sink = cloud.operator.sink(place)
    assert sink.read("samples-000000.jsonl") == trueup(*command).encode()
    report = json.loads(sink.read("trueup-export.json"))
    assert [each["path"] for each in report["written"]] == ["samples-000000.jsonl"]
    trueup(*command, "--in-cloud", "--to", place, code=5)
    trueup(*command, "--in-cloud", "--to", place, "--force")


def test_many_functions_commit_what_is_imported(cloud: Cloud, tmp_path: Path) -> None:
    said = [{"type": "choices", "from_name": "l", "to_name": "t", "value": {"choices": ["cat"]}}]
    answers = [{"completed_by": {"email": who}, "result": said} for who in ("ada@example.com", "ben@example.com")]
    tasks = [
        {"data": {"text": f"an import {number}", "who": f"p{number % 3}"}, "annotations": answers}
        for number in range(9)
    ]
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps(tasks))
    command = ("import", "label-studio", str(labels), "--project", "reviewed", "--group", "who", "--in-cloud")
    assert trueup_json(*command)["version"]["added"] == 9
    datasets = cloud.operator.datasets
    head = datasets.head("reviewed")
    assert head is not None
    groups = datasets.groups("reviewed", head.version_id)
    assert groups is not None
    assert groups.counts[""] == head.split_counts
    arrows = cloud.operator.lineage.edges_to("reviewed", Node(kind=NodeKind.VERSION, id=head.version_id))
    (brought,) = [each.source for each in arrows if each.source.kind == NodeKind.IMPORT]
    assert len(cloud.operator.lineage.edges_to("reviewed", brought)) == 9
    assert trueup_json(*command)["version"] is None
    assert trueup_json("dataset", "verify", "1", "--project", "reviewed")["problems"] == []


def test_every_segment_of_a_version_is_copied_for_athena(cloud: Cloud, moods: str) -> None:
    version = cloud.operator.datasets.version(moods, "1")
    place = cloud.operator.deployment.dataset_bucket

    def copied() -> bool:
        prefix = f"tables/versions/project={moods}/"
        listed = cloud.operator.clients["s3"].list_objects_v2(Bucket=place, Prefix=prefix).get("Contents", [])
        return any(each["Key"].endswith(f"/{version.number:010d}.jsonl") for each in listed)

    eventually(copied)
    for each in version.segments:
        key = f"tables/lines/project={moods}/{each.sha256}.parquet"
        data = cloud.operator.clients["s3"].get_object(Bucket=place, Key=key)["Body"].read()
        assert data[:4] == data[-4:] == b"PAR1"
