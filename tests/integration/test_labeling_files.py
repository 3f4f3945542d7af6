"""The dataset bucket as a labeling backend sees it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.contract.implementations import REGION, clients_of_moto
from trueup.adapters.aws.labeling_files import S3LabelingFiles
from trueup.errors import InputError, NotFoundError

BUCKET = "trueup-dataset"


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3LabelingFiles]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        s3 = clients_of_moto()["s3"]
        s3.create_bucket(Bucket=BUCKET)
        yield S3LabelingFiles(s3, BUCKET, REGION)


def test_what_was_put_is_there(files: S3LabelingFiles) -> None:
    for data in (b"{}", b'{"t1": "it is empty"}'):
        files.put("pets/labeling/b1/refused.json", data)
        assert files.get("pets/labeling/b1/refused.json") == data
    assert files.payload(f"s3://{BUCKET}/pets/labeling/b1/refused.json") == data


def test_what_is_not_there_is_not_found(files: S3LabelingFiles) -> None:
    with pytest.raises(NotFoundError):
        files.get("pets/labeling/b2/refused.json")
    with pytest.raises(NotFoundError):
        files.payload(f"s3://{BUCKET}/pets/payloads/1")


@pytest.mark.parametrize("uri", ["s3://another/pets/payloads/1", f"s3://{BUCKET}-2/pets/payloads/1", "/etc/passwd"])
def test_nothing_else_is_read(files: S3LabelingFiles, uri: str) -> None:
    with pytest.raises(InputError, match="is not in the bucket"):
        files.payload(uri)
