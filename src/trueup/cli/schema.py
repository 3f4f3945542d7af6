"""Label schemas on the desk, and the dataset under one that has other names. Only the latter needs AWS."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import count, paint_table, safe, say, say_json
from trueup.cli.desk import desk_of, project_of
from trueup.cli.exits import Exit
from trueup.cli.options import DryRun, Json, OneProject
from trueup.errors import ConfigurationError, InputError
from trueup.labels.importing import document, from_ground_truth, from_label_studio
from trueup.settings import parse_project

if TYPE_CHECKING:
    from trueup.usecases.migrate_labels import Migration

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


@app.command()
def migrate(context: typer.Context, project: OneProject = "", dry_run: DryRun = False, as_json: Json = False) -> None:
    """Relabel the dataset's newest version under the names that classes have today. Exit code 3 when some of its names
    are unknown."""
    look = desk_of(context).look()
    found = look.migrate_labels(project_of(look, project), dry_run=dry_run)
    if as_json:
        say_json(found)
    else:
        _paint_migration(found)
    if found.unknown:
        raise typer.Exit(Exit.PROBLEMS)


def _paint_migration(found: Migration) -> None:
    rows = [[safe(name), safe(found.renamed[name]), f"{labels:,}"] for name, labels in found.names.items()]
    rows += [[safe(name), "unknown", f"{labels:,}"] for name, labels in found.unknown.items()]
    if rows:
        paint_table(["before", "today", "labels"], rows, ("labels",))
        say()
    say(_outcome(found))


def _outcome(found: Migration) -> str:
    if found.unknown:
        return (
            "nothing was written: add the unknown names to label_schema.classes, or to label_schema.renamed with what "
            "they are called today; deploy, and run the same command again"
        )
    if found.version is not None:
        return f"v{found.version.number}: {found.relabelled:,} relabelled, {found.version.samples:,} in all"
    if found.relabelled:
        return f"{found.relabelled:,} of {count(found.looked_at, 'label')} would change; nothing was written"
    return f"{count(found.looked_at, 'label')} read, none with an old name: no new version"
