"""Runs every test of the suite once for each implementation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.contract.implementations import Ports, in_memory, on_aws
from tests.contract.operating import Operating, operating_in_memory, operating_on_aws
from tests.moto_transactions import copy_once

copy_once()


@pytest.fixture(params=["memory", "aws"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Which implementations to run; moto is in force for those of AWS."""
    if request.param == "memory":
        yield "memory"
        return
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield "aws"


@pytest.fixture
def ports(world: str) -> Ports:
    return in_memory() if world == "memory" else on_aws()


@pytest.fixture
def operating(world: str) -> Operating:
    return operating_in_memory() if world == "memory" else operating_on_aws()
