"""Write a version in a format that others read."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import busy, count, paint_table, say, say_json, size
from trueup.cli.dataset.naming import Version, content_at
from trueup.cli.desk import Deployed, desk_of, project_of
from trueup.cli.options import Json, OneProject
from trueup.errors import InputError

if TYPE_CHECKING:
    from trueup.model import DatasetVersion
    from trueup.usecases.export_version import Export

# Such a file is no text: a terminal would be spoilt by it.
_BINARY = frozenset({".parquet"})


class Split(enum.StrEnum):
    ALL = "all"
    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


def export(
    context: typer.Context,
    version: Version = "head",
    form: Annotated[
        str, typer.Option("--format", "-f", help="One of those that `trueup dataset formats` lists.")
    ] = "augmented-manifest",
    split: Annotated[Split, typer.Option(help="Which samples.")] = Split.ALL,
    to: Annotated[
        str, typer.Option("--to", "-o", help="File, directory or s3:// prefix (default: stdout, for a single file).")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export in the directory.")] = False,
    in_cloud: Annotated[
        bool,
        typer.Option("--in-cloud", help="Let many functions do it, into the dataset bucket: for large versions."),
    ] = False,
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """Write a version in a format that others read."""
    look = desk_of(context).look()
    found = content_at(look, project_of(look, project), version)
    chosen = None if split is Split.ALL else split.value
    if in_cloud:
        _by_many(look, found, form, chosen, to, force=force, as_json=as_json)
    elif not to:
        _to_stdout(look, found, form, chosen, as_json)
    elif _is_directory(form, to):
        _to_directory(look, found, form, chosen, to, force=force, as_json=as_json)
    else:
        _to_file(look, found, form, chosen, to, as_json=as_json)


def list_formats(as_json: Json = False) -> None:
    """The formats that a version can be written in, what each holds and who reads it."""
    from trueup.dataset.formats import FORMATS

    if as_json:
        told = [
            {
                "format": name,
                "kinds": each.KINDS,
                "file": each.FILE or None,
                "readers": each.READERS,
                "in_cloud": bool(each.CUT.rows),
            }
            for name, each in FORMATS.items()
        ]
        say_json(told)
        return
    from trueup.dataset.exporting import EVERY_KIND

    rows = [
        [
            name,
            "every kind" if each.KINDS == EVERY_KIND else ", ".join(each.KINDS),
            each.FILE or "a directory",
            each.READERS.replace("`", ""),
        ]
        for name, each in FORMATS.items()
    ]
    paint_table(["format", "kinds of labels", "makes", "read by"], rows)


def _is_directory(form: str, to: str) -> bool:
    """Whether the place is one for several files: for a format that makes one, where it is named as such."""
    from trueup.dataset.formats import FORMATS

    single = form in FORMATS and bool(FORMATS[form].FILE)
    if to.startswith("s3://"):
        return not single or to.endswith("/") or "/" not in to.removeprefix("s3://")
    return not single or to.endswith("/") or Path(to).is_dir()


def _to_stdout(look: Deployed, version: DatasetVersion, form: str, split: str | None, as_json: bool) -> None:
    from trueup.dataset.formats import FORMATS

    if as_json:
        raise InputError("--json tells what was written, and stdout is where it is written: add --to", field="--json")
    single = look.export_version.single(version, form, split)
    if sys.stdout.isatty() and Path(FORMATS[form].FILE).suffix in _BINARY:
        raise InputError(f"{form} is no text: name a file with --to, or redirect the output", field="--to")
    out = typer.get_binary_stream("stdout")
    for each in single.chunks():
        out.write(each)
    out.flush()
    for line in _missing(single.told()):
        sys.stderr.write(f"trueup: {line}\n")


def _to_file(look: Deployed, version: DatasetVersion, form: str, split: str | None, to: str, *, as_json: bool) -> None:
    single = look.export_version.single(version, form, split)
    folder, _, name = to.rpartition("/")
    with busy(f"writing {to}"):
        look.sink(f"{folder}/" if folder or to.startswith("/") else ".").write(name, single.chunks())
    made = single.told()
    _say(made, as_json, f"{count(made.samples, 'sample')} written to {to}")


def _to_directory(
    look: Deployed, version: DatasetVersion, form: str, split: str | None, to: str, *, force: bool, as_json: bool
) -> None:
    with busy(f"writing {to}"):
        made = look.export_version(version, form, look.sink(to), split, replace=force)
    _say(made, as_json, _written(made, to))


def _by_many(
    look: Deployed, version: DatasetVersion, form: str, split: str | None, to: str, *, force: bool, as_json: bool
) -> None:
    """What is wrong is said before anything starts. The functions may delete nothing: room is made from here."""
    from trueup.usecases.bulk.exporting import Exports, check_export, home_of
    from trueup.usecases.bulk.jobs import Bulk
    from trueup.usecases.export_version import make_room

    exports = Exports(look.export_version, look.sink, look.deployment.dataset_bucket)
    to = to or f"{home_of(exports.bucket, version)}{'-'.join(filter(None, (form, split)))}/"
    job = Bulk(
        verb="export", project=version.project, version=version.version_id, form=form, split=split, to=to, replace=force
    )
    check_export(exports, version, job)
    with busy(f"writing {to}"):
        make_room(look.sink(to), replace=force)
        made = look.bulk(job).export
    assert made is not None  # noqa: S101 - an export that ended well has a report
    _say(made, as_json, _written(made, to))


def _written(made: Export, to: str) -> str:
    return f"{count(made.samples, 'sample')} written to {to}: {count(made.files, 'file')}, {size(made.bytes)}"


def _say(made: Export, as_json: bool, text: str) -> None:
    if as_json:
        say_json(made)
        return
    for line in (text, *_missing(made)):
        say(line)


def _missing(made: Export) -> Iterator[str]:
    """What the format cannot hold."""
    for name, found in (("left out", made.left_out), ("lost", made.lost)):
        if found:
            yield f"{name}: {', '.join(f'{number:,} {reason}' for reason, number in found.items())}"
