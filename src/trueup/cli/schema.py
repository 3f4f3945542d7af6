"""Label schemas on the desk, and the dataset under one that has other names. Only the latter needs AWS."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import count, paint_facts, paint_table, safe, say, say_json, stamp
from trueup.cli.desk import Deployed, desk_of, me, project_of, projects_of
from trueup.cli.exits import Exit
from trueup.cli.options import AnyProject, DryRun, Json, OneProject
from trueup.errors import ConfigurationError, InputError, NotFoundError
from trueup.labels.importing import document, from_ground_truth, from_label_studio
from trueup.settings import parse_project

if TYPE_CHECKING:
    from trueup.model import LabelSchema
    from trueup.usecases.migrate_labels import Migration

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


Schema = Annotated[str, typer.Argument(metavar="SCHEMA", help="Its version or the beginning of it, or today.")]


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


@app.command("list")
def list_schemas(context: typer.Context, project: AnyProject = "", as_json: Json = False) -> None:
    """The label schemas that versions were made under, oldest first."""
    look = desk_of(context).look()
    found = [each for name in projects_of(look, project) for each in look.datasets.schemas(name)]
    if as_json:
        say_json(found)
        return
    if not found:
        say("no schema yet: the first version of a dataset notes that of its day")
        return
    rows = [[each.project, each.version, stamp(each.at), safe(_brief(each.schema))] for each in found]
    paint_table(["project", "schema", "since", "classes"], rows)


@app.command()
def show(context: typer.Context, schema: Schema = "today", project: OneProject = "", as_json: Json = False) -> None:
    """One label schema, whole."""
    look = desk_of(context).look()
    found = _schema_at(look, project_of(look, project), schema)
    if as_json:
        say_json(found)
        return
    paint_facts(
        [
            ("schema", f"[bold]{found.version}[/]"),
            ("kind", f"{found.kind}, of {found.media}"),
            ("classes", safe(", ".join(found.names)) or "none"),
            ("relations", safe(", ".join(found.relation_names)) or "none"),
            ("none of these", "may be said" if found.none_of_these else "may not be said"),
        ]
    )


@app.command()
def diff(
    context: typer.Context,
    before: Schema,
    after: Schema = "today",
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """What lies between two label schemas."""
    from trueup.labels.schemas import difference

    look = desk_of(context).look()
    name = project_of(look, project)
    old, new = _schema_at(look, name, before), _schema_at(look, name, after)
    found = difference(old, new)
    if as_json:
        say_json({"before": old.version, "after": new.version, "difference": found})
        return
    rows = [["added", safe(each), ""] for each in found.added]
    rows += [["renamed", safe(each), f"→ {safe(target)}"] for each, target in found.renamed.items()]
    rows += [["split", safe(each), f"→ {safe(', '.join(parts))}"] for each, parts in found.split.items()]
    rows += [["removed", safe(each), ""] for each in found.removed]
    rows += [["changed", each, f"{getattr(old, each)} → {getattr(new, each)}"] for each in found.other]
    if rows:
        paint_table(["what", "name", "today"], rows)
    else:
        say(f"{old.version} and {new.version}: answers mean the same")


@app.command()
def migrate(context: typer.Context, project: OneProject = "", dry_run: DryRun = False, as_json: Json = False) -> None:
    """Bring the dataset's newest version under today's classes, and ask people where no machine can tell. Exit code 3
    when some of its names are unknown."""
    look = desk_of(context).look()
    found = look.migrate_labels(project_of(look, project), by=me(), dry_run=dry_run)
    if as_json:
        say_json(found)
    else:
        _paint_migration(found, dry_run)
    if found.unknown:
        raise typer.Exit(Exit.PROBLEMS)


def _paint_migration(found: Migration, dry_run: bool) -> None:
    rows = [[safe(name), safe(found.renamed[name]), f"{labels:,}"] for name, labels in found.names.items()]
    rows += [[safe(name), "people say", f"{labels:,}"] for name, labels in found.asked.items()]
    rows += [["another", f"perhaps {safe(name)}", f"{samples:,}"] for name, samples in found.missed.items()]
    rows += [[safe(name), "unknown", f"{labels:,}"] for name, labels in found.unknown.items()]
    if rows:
        paint_table(["before", "today", "labels"], rows, ("labels",))
        say()
    say(_outcome(found, dry_run))


def _outcome(found: Migration, dry_run: bool) -> str:
    if found.unknown:
        return (
            "nothing was written: add the unknown names to label_schema.classes, to label_schema.renamed with what "
            "they are called today, or to label_schema.split or label_schema.removed for people to decide; deploy, "
            "and run the same command again"
        )
    if found.version is not None:
        said = f"v{found.version.number}: {found.relabelled:,} relabelled, {found.version.samples:,} in all"
        return said + _asked(found, "are asked again")
    if dry_run and (found.relabelled or found.answers):
        said = f"{found.relabelled:,} of {count(found.looked_at, 'label')} would change; nothing was written"
        return said + _asked(found, "would be asked again")
    if found.answers:
        return f"{count(found.looked_at, 'label')} read: no new version" + _asked(found, "are asked again")
    return f"{count(found.looked_at, 'label')} read, none with an old name: no new version"


def _asked(found: Migration, what: str) -> str:
    """What is wanted of people."""
    if not found.answers:
        return ""
    cost = f", about {found.cost:,.2f} {found.currency}" if found.cost else ""
    leave = sum(found.asked.values())
    left = f"; {count(leave, 'label')} leave the version until then" if leave else ""
    return f"\npeople {what}: {count(found.answers, 'answer')}{cost}{left}"


def _schema_at(look: Deployed, project: str, name: str) -> LabelSchema:
    """By the beginning of its version, or today's."""
    if name == "today":
        return look.projects[project].label_schema
    found = [each.schema for each in look.datasets.schemas(project) if each.version.startswith(name)]
    if len(found) != 1:
        raise NotFoundError(f"project {project} has no schema {name}, or several: trueup schema list")
    return found[0]


def _brief(schema: LabelSchema) -> str:
    return ", ".join(schema.names) or schema.kind
