"""Write a version in a format that others read."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import count, say
from trueup.cli.dataset.naming import Version, version_at, view_at
from trueup.cli.desk import desk_of, project_of
from trueup.cli.options import OneProject
from trueup.errors import InputError

if TYPE_CHECKING:
    pass


class Split(enum.StrEnum):
    ALL = "all"
    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


def export(
    context: typer.Context,
    version: Version = "head",
    form: Annotated[str, typer.Option("--format", "-f", help="A format of `trueup.dataset.exports`.")] = (
        "augmented-manifest"
    ),
    split: Annotated[Split, typer.Option(help="Which samples.")] = Split.ALL,
    to: Annotated[Path | None, typer.Option("--to", "-o", help="File (default: stdout).")] = None,
    project: OneProject = "",
) -> None:
    """Write a version as augmented-manifest, csv or jsonl."""
    from trueup.dataset.exports import EXPORTS

    if form not in EXPORTS:
        raise InputError(f"there is no format {form!r}: use one of {', '.join(sorted(EXPORTS))}", field="--format")
    look = desk_of(context).look()
    name = project_of(look, project)
    content = view_at(look, version_at(look, name, version))
    chosen = [each for each in content if split in (Split.ALL, each.split)]
    data = EXPORTS[form](chosen, look.projects[name].label_schema, name)
    if to is None:
        typer.echo(data, nl=False)
        return
    try:
        to.write_bytes(data)
    except OSError as error:
        raise InputError(f"{to} cannot be written: {error.strerror}", field="--to") from error
    say(f"{count(len(chosen), 'sample')} written to {to}")
