"""Marks of contract tests."""

from __future__ import annotations

import pytest

# Of tests that take long on AWS alone, as moto plays it; on the fakes they are quick.
slow_on_aws = pytest.mark.parametrize("world", ["memory", pytest.param("aws", marks=pytest.mark.slow)], indirect=True)
