"""How a version is called on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.desk import Deployed
from trueup.errors import NotFoundError

if TYPE_CHECKING:
    from trueup.dataset.view import View
    from trueup.model import DatasetVersion


Version = Annotated[str, typer.Argument(metavar="VERSION", help="7, v7, an id or its beginning; head is the newest.")]


def version_at(look: Deployed, project: str, name: str) -> DatasetVersion:
    if name != "head":
        return look.datasets.version(project, name)
    head = look.datasets.head(project)
    if head is None:
        raise NotFoundError(f"project {project} has no dataset version yet")
    return head


def view_at(look: Deployed, version: DatasetVersion) -> View:
    """What a version holds."""
    from trueup.usecases.making_versions import view_of

    return view_of(look.datasets, version.project, version)
