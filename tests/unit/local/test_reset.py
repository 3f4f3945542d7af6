"""Forgetting an embedded AWS deletes what is its own, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.errors import ConflictError
from trueup.local import service


def test_a_directory_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    service.down(tmp_path)
    with pytest.raises(ConflictError, match=r"thesis\.txt"):
        service.reset(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("name", ["ministack.log", "deployment.json"])
def test_what_was_started_or_prepared_is_forgotten(tmp_path: Path, name: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / name).write_text("")
    service.reset(state)
    assert not state.exists()
