"""What a model package tells of the data that it learned from."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.lineage.test_mirror import run, version
from tests.worlds import project
from trueup.local.launcher.sagemaker.validation import check_request
from trueup.retraining.plan import Exports, Surroundings, package_metadata, retraining_plan

WRITTEN = Exports(
    train="s3://data/pets/exports/7/train.manifest",
    validation=None,
    test="s3://data/pets/exports/7/test.manifest",
    payloads="s3://data/pets/exports/7/payloads.json",
    test_payloads="s3://data/pets/exports/7/test-payloads.json",
)
AROUND = Surroundings(
    dataset_bucket="data",
    key_arn="arn:aws:kms:us-east-1:111122223333:key/1",
    role_arn="arn:aws:iam::111122223333:role/sagemaker",
    code_uri="s3://data/code/1/sourcedir.tar.gz",
    image_uri="111122223333.dkr.ecr.us-east-1.amazonaws.com/image:1",
    model_package_group="trueup-dev-pets",
)


def test_a_package_names_its_version_and_where_that_lies() -> None:
    found = package_metadata(project(), run(), version(7, 120), WRITTEN)
    assert found["trueup-version"] == version(7, 120).version_id
    assert found["trueup-version-number"] == "7"
    assert found["trueup-root"] == "c" * 64
    assert found["trueup-labels"] == "cat=120"
    assert found["trueup-manifest"] == WRITTEN.train
    assert "trueup-label-schema" not in found


@pytest.mark.parametrize("name", ['a, "quoted" {class}', "Größe", "猫", "a=b", "x" * 256])
def test_whatever_classes_are_called_sagemaker_takes_it(name: str) -> None:
    """As the stand-in checks it against SageMaker's service model, and as that model's pattern says."""
    named = version(7, 120, class_counts={name: 60, **{f"class {each}": each for each in range(60)}})
    plan = retraining_plan(project(), run(rule="a, rule"), named, None, WRITTEN, AROUND)
    check_request("CreateModelPackage", plan["package"])
    metadata = plan["package"]["CustomerMetadataProperties"]
    assert len(metadata) <= 50
    for value in metadata.values():
        assert 0 < len(value) <= 256
        assert all(each.isalnum() or each in " _.:/=+-@" for each in value), value
    assert plan["package"]["SourceUri"] == WRITTEN.train


def test_the_plan_of_a_run_is_the_same_each_time() -> None:
    first, again = (retraining_plan(project(), run(), version(7, 120), None, WRITTEN, AROUND) for _ in range(2))
    assert msgspec.json.encode(first) == msgspec.json.encode(again)
