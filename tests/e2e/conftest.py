from __future__ import annotations

import pytest

from scripts.demo_world import first_model
from tests.conftest import Cloud
from tests.e2e.pets import labels


@pytest.fixture(scope="session")
def moods(cloud: Cloud) -> str:
    """A project with a version and a first model on an endpoint without data capture. Tests that change what the
    endpoint serves put it back."""
    first_model(cloud.operator, "moods", labels(20))
    return "moods"
