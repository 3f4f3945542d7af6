"""Labels that exist already become a version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import count, say, say_json
from trueup.cli.dataset.naming import Branch
from trueup.cli.desk import Deployed, desk_of, project_of
from trueup.cli.options import Json, OneProject
from trueup.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from trueup.dataset.imports import ManifestLabel
    from trueup.model import Payload
    from trueup.usecases.import_labels import ImportedLabel


def import_manifest(
    context: typer.Context,
    manifest: Annotated[Path, typer.Argument(help="Augmented manifest; payloads beside it or in S3.")],
    attribute: Annotated[str, typer.Option(help="Label attribute of the manifest.")] = "label",
    branch: Branch = "main",
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """Bring labels along that exist already: they become a version."""
    look = desk_of(context).look()
    name = project_of(look, project)
    labels = _labels(look, name, manifest, attribute)
    version = look.import_labels(name, labels, f"import of {manifest.name}", branch)
    if as_json:
        say_json({"lines": len(labels), "version": version})
    elif version is None:
        say(f"{count(len(labels), 'label')} read, all of them known: no new version")
    else:
        say(
            f"v{version.number}: {version.added:,} added, {version.relabelled:,} relabelled, {version.samples:,} in all"
        )


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
