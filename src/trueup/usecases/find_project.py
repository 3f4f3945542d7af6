"""Look a project up by the name that a caller gave."""

from __future__ import annotations

from collections.abc import Mapping

from trueup.errors import NotFoundError
from trueup.model import Project


def project_named(projects: Mapping[str, Project], name: str) -> Project:
    """Raises NotFoundError that lists the projects there are."""
    project = projects.get(name)
    if project is None:
        raise NotFoundError(f"there is no project {name!r}; projects: {', '.join(sorted(projects))}")
    return project
