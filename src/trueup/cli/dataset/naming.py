"""How a version is called on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.desk import Deployed

if TYPE_CHECKING:
    from trueup.dataset.view import View
    from trueup.model import DatasetVersion


_NAMES = "7, v7, an id or its beginning, a branch, a tag, main@2026-11-01, or v7~2; head is the newest of main."
Version = Annotated[str, typer.Argument(metavar="VERSION", help=_NAMES)]
Branch = Annotated[str, typer.Option("--branch", "-b", help="Which branch.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]


def version_at(look: Deployed, project: str, name: str) -> DatasetVersion:
    """By any of its names (trueup.dataset.naming). Raises NotFoundError, InputError."""
    return look.find_version(project, name)


def content_at(look: Deployed, project: str, name: str) -> DatasetVersion:
    """One whose content is there. Raises NotFoundError also when it was pruned."""
    version = version_at(look, project, name)
    view_at(look, version)
    return version


def view_at(look: Deployed, version: DatasetVersion) -> View:
    """What a version holds. Raises NotFoundError when its content was pruned."""
    return look.find_version.view(version.project, version)
