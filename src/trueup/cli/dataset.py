"""Dataset versions: list, show, diff, export, import, verify."""

from __future__ import annotations

import enum
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import count, paint, paint_facts, paint_table, safe, say, say_json, stamp
from trueup.cli.desk import Deployed, desk_of, project_of, projects_of
from trueup.cli.exits import Exit
from trueup.cli.options import AnyProject, Json, OneProject
from trueup.errors import InputError, NotFoundError
from trueup.labels.brief import brief

if TYPE_CHECKING:
    from trueup.dataset.imports import ManifestLabel
    from trueup.model import DatasetVersion, LabelledSample, Payload
    from trueup.usecases.import_labels import ImportedLabel

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Version = Annotated[str, typer.Argument(metavar="VERSION", help="7, v7, an id or its beginning; head is the newest.")]
_SHOWN = 40


class Split(enum.StrEnum):
    ALL = "all"
    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@app.command("list")
def list_versions(context: typer.Context, project: AnyProject = "", as_json: Json = False) -> None:
    """All versions, newest first."""
    look = desk_of(context).look()
    found = [each for name in projects_of(look, project) for each in look.datasets.versions(name)]
    if as_json:
        say_json(found)
        return
    if not found:
        say("no version yet: labels become one when enough have settled, or with trueup dataset import")
        return
    rows = [
        [
            each.project,
            f"v{each.number}",
            each.version_id[:12],
            f"{each.samples:,}",
            f"+{each.added:,}",
            f"{each.relabelled:,}",
            stamp(each.created_at),
            safe(each.reason),
        ]
        for each in found
    ]
    columns = ["project", "version", "id", "samples", "new", "relabelled", "at", "why"]
    paint_table(columns, rows, ("version", "samples", "new", "relabelled"))


@app.command()
def show(context: typer.Context, version: Version = "head", project: OneProject = "", as_json: Json = False) -> None:
    """One version: what it holds, where it came from, how sure its labels are."""
    look = desk_of(context).look()
    found = _version(look, project_of(look, project), version)
    if as_json:
        say_json(found)
        return
    paint_facts(
        [
            ("version", f"[bold]v{found.number}[/]  {found.version_id}"),
            ("project", found.project),
            ("parent", found.parent or "none"),
            ("made", f"{stamp(found.created_at)}, {safe(found.reason)}"),
            ("samples", f"{found.samples:,}, {found.added:,} new, {found.relabelled:,} relabelled"),
            ("splits", ", ".join(f"{name} {number:,}" for name, number in found.split_counts.items())),
            ("agreement", f"{found.mean_agreement:.3f} in the mean"),
            ("content", found.content_hash),
            ("schema", found.schema_version or "not recorded"),
        ]
    )
    say()
    rows = [[safe(name), f"{number:,}", f"{number / found.samples:.1%}"] for name, number in found.class_counts.items()]
    paint_table(["class", "samples", "share"], rows, ("samples", "share"))


@app.command("diff")
def diff_versions(
    context: typer.Context,
    before: Version,
    after: Version = "head",
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """What lies between two versions."""
    from trueup.dataset.diff import diff

    look = desk_of(context).look()
    name = project_of(look, project)
    old, new = _version(look, name, before), _version(look, name, after)
    changes = diff(_content(look, old), _content(look, new))
    if as_json:
        say_json({"project": name, "before": old.version_id, "after": new.version_id, "changes": changes})
        return
    tally = Counter(each.change for each in changes)
    summary = ", ".join(f"{number:,} {kind}" for kind, number in sorted(tally.items())) or "the same content"
    paint(f"[bold]v{old.number} → v{new.number}[/]  {summary}")
    if changes:
        rows = [
            [each.sample_id[:16], each.change, safe(brief(each.before or "-")), safe(brief(each.after or "-"))]
            for each in changes[:_SHOWN]
        ]
        paint_table(["sample", "change", "before", "after"], rows)
    if len(changes) > _SHOWN:
        paint(f"[dim]… and {len(changes) - _SHOWN:,} more; --json shows all[/]")


@app.command()
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
    content = _content(look, _version(look, name, version)).values()
    chosen = sorted((each for each in content if split in (Split.ALL, each.split)), key=lambda each: each.sample_id)
    data = EXPORTS[form](chosen, look.projects[name].label_schema, name)
    if to is None:
        typer.echo(data, nl=False)
        return
    try:
        to.write_bytes(data)
    except OSError as error:
        raise InputError(f"{to} cannot be written: {error.strerror}", field="--to") from error
    say(f"{count(len(chosen), 'sample')} written to {to}")


@app.command("import")
def import_manifest(
    context: typer.Context,
    manifest: Annotated[Path, typer.Argument(help="Augmented manifest; payloads beside it or in S3.")],
    attribute: Annotated[str, typer.Option(help="Label attribute of the manifest.")] = "label",
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """Bring labels along that exist already: they become a version."""
    look = desk_of(context).look()
    name = project_of(look, project)
    labels = _labels(look, name, manifest, attribute)
    version = look.import_labels(name, labels, f"import of {manifest.name}")
    if as_json:
        say_json({"lines": len(labels), "version": version})
    elif version is None:
        say(f"{count(len(labels), 'label')} read, all of them known: no new version")
    else:
        say(
            f"v{version.number}: {version.added:,} added, {version.relabelled:,} relabelled, {version.samples:,} in all"
        )


@app.command("verify")
def verify_versions(
    context: typer.Context,
    version: Annotated[
        str, typer.Argument(metavar="[VERSION]", help="7, v7, an id or its beginning, head, or all.")
    ] = "all",
    project: AnyProject = "",
    payloads: Annotated[bool, typer.Option(help="Also read and hash the payloads.")] = True,
    as_json: Json = False,
) -> None:
    """Recompute every hash and count. Exit code 3 when something does not hold."""
    look = desk_of(context).look()
    names = projects_of(look, project)
    if version != "all":
        names = [project_of(look, project)]
    checked: dict[str, int] = {}
    problems: list[str] = []
    for name in names:
        chosen = look.datasets.versions(name) if version == "all" else [_version(look, name, version)]
        checked[name] = len(chosen)
        problems += [f"{name}: {each}" for each in _problems(look, name, chosen, payloads)]
    if as_json:
        say_json({"versions": checked, "problems": problems})
    else:
        _paint_verified(checked, problems)
    if problems:
        raise typer.Exit(Exit.PROBLEMS)


def _problems(look: Deployed, project: str, chosen: list[DatasetVersion], payloads: bool) -> list[str]:
    """The newest version's content holds every payload of the older ones, so payloads are read once."""
    from trueup.capture.samples import sample_id
    from trueup.dataset.verify import verify

    def payload_name(sample: LabelledSample) -> str:
        return sample_id(look.payloads.get(sample.payload_uri))

    return [
        problem
        for position, each in enumerate(chosen)
        for problem in verify(
            each,
            lambda sha256: look.datasets.segment(project, sha256),
            lambda version_id: look.datasets.document(project, version_id),
            payload_name if payloads and position == 0 else None,
        )
    ]


def _paint_verified(checked: dict[str, int], problems: list[str]) -> None:
    for each in problems:
        paint(f"[red]✗[/] {safe(each)}")
    if not problems:
        for name, number in checked.items():
            says = f"{count(number, 'version')}, every hash and count holds" if number else "no version yet"
            paint(f"[green]✓[/] {name}: {says}")


def _version(look: Deployed, project: str, name: str) -> DatasetVersion:
    if name != "head":
        return look.datasets.version(project, name)
    head = look.datasets.head(project)
    if head is None:
        raise NotFoundError(f"project {project} has no dataset version yet")
    return head


def _content(look: Deployed, version: DatasetVersion) -> dict[str, LabelledSample]:
    from trueup.dataset.versions import content_of

    return content_of(version, lambda sha256: look.datasets.segment(version.project, sha256))


def _labels(look: Deployed, project: str, manifest: Path, attribute: str) -> list[ImportedLabel]:
    from trueup.dataset.imports import read_augmented_manifest
    from trueup.usecases.import_labels import ImportedLabel

    try:
        data = manifest.read_bytes()
    except OSError as error:
        raise InputError(f"{manifest} cannot be read: {error.strerror}", field="MANIFEST") from error

    def fetch(place: str) -> bytes:
        return look.objects.get(place).data if place.startswith("s3://") else _beside(manifest.parent, place)

    lines = read_augmented_manifest(data, look.projects[project].label_schema, attribute, fetch)
    if not lines:
        raise InputError(f"no line of {manifest} carries the attribute {attribute!r}", field="--attribute")
    return [
        ImportedLabel(payload=_payload(look, each, manifest.parent), label=each.label, group=each.group)
        for each in lines
    ]


def _beside(folder: Path, place: str) -> bytes:
    try:
        return (folder / place).read_bytes()
    except OSError as error:
        raise NotFoundError(f"{place} cannot be read: {error.strerror}") from error


def _payload(look: Deployed, label: ManifestLabel, folder: Path) -> Payload:
    """A text in the line itself, an object in S3, or a file beside the manifest."""
    from mimetypes import guess_type

    from trueup.model import Payload

    if label.source is not None:
        return Payload(data=label.source.encode(), content_type=label.content_type or "text/plain")
    place = label.source_ref or ""
    if place.startswith("s3://"):
        found = look.objects.get(place)
        return Payload(data=found.data, content_type=label.content_type or found.content_type)
    content_type = label.content_type or guess_type(place)[0] or "application/octet-stream"
    try:
        return Payload(data=_beside(folder, place), content_type=content_type)
    except NotFoundError as error:
        raise InputError(f"line {label.line}: {error}", field="source-ref") from error
