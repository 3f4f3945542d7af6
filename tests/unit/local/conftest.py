from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_world import InMemoryWorld, stand_in
from trueup.local.launcher.sagemaker.service import SageMaker


@pytest.fixture
def world(tmp_path: Path) -> InMemoryWorld:
    return InMemoryWorld(tmp_path)


@pytest.fixture
def sagemaker(world: InMemoryWorld) -> Iterator[SageMaker]:
    service = stand_in(world)
    yield service
    service.close()
