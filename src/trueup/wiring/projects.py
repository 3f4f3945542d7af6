"""The projects that a function's package carries."""

from __future__ import annotations

import os
from pathlib import Path

from trueup.model import Project
from trueup.settings import (
    load_projects,
)


def packaged_projects(name: str) -> dict[str, Project]:
    """The projects document lies in the function's package; LAMBDA_TASK_ROOT says where that is."""
    return load_projects(Path(os.environ.get("LAMBDA_TASK_ROOT", ".")) / name)
