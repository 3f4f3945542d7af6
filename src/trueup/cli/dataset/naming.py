"""How a version is called on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.desk import Deployed
from trueup.errors import NotFoundError

if TYPE_CHECKING:
    from trueup.model import DatasetVersion, LabelledSample


Version = Annotated[str, typer.Argument(metavar="VERSION", help="7, v7, an id or its beginning; head is the newest.")]


def version_at(look: Deployed, project: str, name: str) -> DatasetVersion:
    if name != "head":
        return look.datasets.version(project, name)
    head = look.datasets.head(project)
    if head is None:
        raise NotFoundError(f"project {project} has no dataset version yet")
    return head


def content_at(look: Deployed, version: DatasetVersion) -> dict[str, LabelledSample]:
    from trueup.dataset.versions import content_of

    return content_of(version, lambda sha256: look.datasets.segment(version.project, sha256))
