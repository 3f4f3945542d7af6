from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.contract.implementations import CAPTURES, DATASET, create_table
from tests.moto_transactions import copy_once
from trueup.adapters.aws.clients import Clients

copy_once()


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Of an account with a deployment's table and buckets, empty."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        found = Clients()
        create_table(found["dynamodb"])
        for bucket in (DATASET, CAPTURES):
            found["s3"].create_bucket(Bucket=bucket)
        yield found
