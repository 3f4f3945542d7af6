"""Label schemas on the desk. No AWS is needed."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from trueup.cli.console import say_json
from trueup.errors import ConfigurationError, InputError
from trueup.labels.importing import document, from_ground_truth, from_label_studio
from trueup.settings import parse_project

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


class Tool(enum.StrEnum):
    LABEL_STUDIO = "label-studio"
    GROUND_TRUTH = "ground-truth"


class JobKind(enum.StrEnum):
    """What Ground Truth's built-in tasks ask."""

    CLASSIFICATION = "classification"
    MULTILABEL = "multilabel"
    BOXES = "boxes"
    MASK = "mask"
    SPANS = "spans"


@app.command("import")
def import_schema(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Labeling configuration (XML) or label category file.")],
    tool: Annotated[Tool, typer.Option("--from", help="Whose it is.")],
    kind: Annotated[JobKind, typer.Option(help="Of Ground Truth: what its job asked.")] = JobKind.CLASSIFICATION,
) -> None:
    """Print another tool's labels as the label_schema of a project."""
    try:
        data = file.read_bytes()
        made = from_label_studio(data.decode()) if tool is Tool.LABEL_STUDIO else from_ground_truth(data, kind.value)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}", field="FILE") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}", field=error.field) from error
    schema = document(made)
    # What a deployment would refuse is refused here.
    action = {} if made.kind == "classification" else {"triggers": {"action": "notify"}}
    parse_project({"name": "p", "endpoint_name": "p", "label_schema": schema, **action}, str(file))
    say_json(schema)
