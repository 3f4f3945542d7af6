"""What is too much for one function: the same workflow, function and tables as in the cloud."""

from __future__ import annotations

import pytest

from tests.conftest import Cloud
from tests.e2e.people import eventually
from tests.e2e.terminal import trueup_json

pytestmark = pytest.mark.e2e


def test_many_functions_verify_a_version(cloud: Cloud, moods: str) -> None:
    told = trueup_json("dataset", "verify", "1", "--project", moods, "--in-cloud")
    assert (told["versions"], told["problems"]) == ({moods: 1}, [])


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
