"""Dataset versions: list, show, diff, export, import, verify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import Exit, deployment, say, say_json, show_table, told
from trueup.cli.look import project_of
from trueup.errors import InputError

if TYPE_CHECKING:
    from trueup.dataset.imports import ManifestLabel
    from trueup.model import DatasetVersion, LabelledSample, Payload
    from trueup.wiring.operator import Operator

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="Plain JSON on stdout.")]
Project = Annotated[str, typer.Option("--project", help="Which project (default: the only one).")]
Version = Annotated[str, typer.Argument(help="Number (7 or v7), id or unique prefix; head by default.")]


@app.command("list")
def list_versions(context: typer.Context, project: Project = "", as_json: Json = False) -> None:
    """All versions, newest first."""
    import msgspec

    with told():
        look = deployment(context)
        found = look.datasets.versions(project_of(look, project))
    if as_json:
        say_json(msgspec.to_builtins(found))
        return
    rows = [
        [
            f"v{each.number}",
            each.version_id[:12],
            str(each.samples),
            f"+{each.added}",
            f"~{each.relabelled}",
            f"{each.created_at:%Y-%m-%d %H:%M:%S}",
            each.reason,
        ]
        for each in found
    ]
    show_table("", ["version", "id", "samples", "added", "changed", "at", "why"], rows)


@app.command()
def show(context: typer.Context, version: Version = "head", project: Project = "", as_json: Json = False) -> None:
    """One version: counts per class and split, parent, agreement."""
    import msgspec

    with told():
        look = deployment(context)
        found = _version(look, project_of(look, project), version)
    if as_json:
        say_json(msgspec.to_builtins(found))
        return
    say(f"version {found.number}  {found.version_id}")
    say(f"parent   {found.parent or 'none'}   why: {found.reason}   mean agreement {found.mean_agreement:.2f}")
    show_table("", ["class", "samples"], [[name, str(count)] for name, count in found.class_counts.items()])
    show_table("", ["split", "samples"], [[name, str(count)] for name, count in found.split_counts.items()])


@app.command("diff")
def diff_versions(
    context: typer.Context, before: Version, after: Version = "head", project: Project = "", as_json: Json = False
) -> None:
    """What lies between two versions."""
    import msgspec

    from trueup.dataset.diff import diff

    with told():
        look = deployment(context)
        name = project_of(look, project)
        changes = diff(
            _content(look, name, _version(look, name, before)), _content(look, name, _version(look, name, after))
        )
    if as_json:
        say_json(msgspec.to_builtins(changes))
    else:
        show_table(
            "",
            ["sample", "change", "before", "after"],
            [[c.sample_id[:12], c.change, c.before or "", c.after or ""] for c in changes],
        )


@app.command()
def export(
    context: typer.Context,
    version: Version = "head",
    form: Annotated[str, typer.Option("--format", help="augmented-manifest, csv or jsonl.")] = "augmented-manifest",
    split: Annotated[str, typer.Option(help="train, validation, test or all.")] = "all",
    to: Annotated[Path | None, typer.Option("--to", help="File (default: stdout).")] = None,
    project: Project = "",
) -> None:
    """Write a version in a format that others read."""
    from trueup.dataset.exports import EXPORTS

    with told():
        look = deployment(context)
        name = project_of(look, project)
        if form not in EXPORTS:
            raise InputError(f"there is no format {form!r}: use one of {', '.join(sorted(EXPORTS))}", field="--format")
        content = _content(look, name, _version(look, name, version)).values()
        chosen = sorted((each for each in content if split in ("all", each.split)), key=lambda each: each.sample_id)
        data = EXPORTS[form](chosen, look.projects[name].label_schema, name)
    if to is None:
        say(data.decode().rstrip("\n"))
    else:
        to.write_bytes(data)
        say(f"{len(chosen)} samples to {to}")


@app.command("import")
def import_manifest(
    context: typer.Context,
    manifest: Annotated[Path, typer.Argument(help="Augmented manifest; payloads beside it or in S3.")],
    attribute: Annotated[str, typer.Option(help="Label attribute.")] = "label",
    project: Project = "",
) -> None:
    """Bring labels along that exist already: they become a version."""
    from trueup.dataset.imports import read_augmented_manifest
    from trueup.usecases.import_labels import ImportedLabel

    with told():
        look = deployment(context)
        name = project_of(look, project)
        lines = read_augmented_manifest(manifest.read_bytes(), look.projects[name].label_schema, attribute)
        labels = [
            ImportedLabel(payload=_payload(look, each, manifest.parent), label=each.label, group=each.group)
            for each in lines
        ]
        version = look.import_labels(name, labels, f"import of {manifest.name}")
    say(f"version {version.number}: {version.added} samples added" if version else "nothing was new")


@app.command("verify")
def verify_version(
    context: typer.Context, version: Version = "all", project: Project = "", as_json: Json = False
) -> None:
    """Recompute every hash and count. Exit code 3 when something does not hold."""
    from trueup.capture.samples import sample_id
    from trueup.dataset.verify import verify

    with told():
        look = deployment(context)
        name = project_of(look, project)
        chosen = look.datasets.versions(name) if version == "all" else [_version(look, name, version)]
        problems = [
            problem
            for each in chosen
            for problem in verify(
                each,
                lambda sha256: look.datasets.segment(name, sha256),
                lambda version_id: look.datasets.document(name, version_id),
                (lambda sample: sample_id(look.payloads.get(sample.payload_uri))) if each is chosen[0] else None,
            )
        ]
    if as_json:
        say_json({"versions": len(chosen), "problems": problems})
    else:
        say("\n".join(problems) if problems else f"{len(chosen)} versions verify clean")
    if problems:
        raise typer.Exit(Exit.PROBLEMS)


def _version(look: Operator, project: str, name: str) -> DatasetVersion:
    head = look.datasets.head(project)
    return head if name == "head" and head is not None else look.datasets.version(project, name)


def _content(look: Operator, project: str, version: DatasetVersion) -> dict[str, LabelledSample]:
    from trueup.dataset.versions import content_of

    return content_of(version, lambda sha256: look.datasets.segment(project, sha256))


def _payload(look: Operator, label: ManifestLabel, folder: Path) -> Payload:
    from trueup.model import Payload

    if label.source is not None:
        return Payload(data=label.source.encode(), content_type=label.content_type or "text/plain")
    uri = label.source_ref or ""
    if uri.startswith("s3://"):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        answer = look.clients["s3"].get_object(Bucket=bucket, Key=key)
        return Payload(data=answer["Body"].read(), content_type=label.content_type or answer["ContentType"])
    return Payload(data=(folder / uri).read_bytes(), content_type=label.content_type or "image/png")
