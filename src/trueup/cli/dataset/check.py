"""Recompute what versions say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import count, paint, safe, say_json
from trueup.cli.dataset.naming import version_at
from trueup.cli.desk import Deployed, desk_of, project_of, projects_of
from trueup.cli.exits import Exit
from trueup.cli.options import AnyProject, Json
from trueup.errors import IntegrityError, NotFoundError

if TYPE_CHECKING:
    from trueup.model import DatasetVersion, LabelledSample, Redaction


def verify_versions(
    context: typer.Context,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Any name of a version, or all.")] = "all",
    project: AnyProject = "",
    payloads: Annotated[bool, typer.Option(help="Also read and hash the payloads.")] = True,
    in_cloud: Annotated[
        bool, typer.Option("--in-cloud", help="Let many functions do it, without payloads: for large versions.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Recompute every hash and count. Exit code 3 when something does not hold."""
    look = desk_of(context).look()
    names = projects_of(look, project)
    if version != "all":
        names = [project_of(look, project)]
    checked: dict[str, int] = {}
    forgotten: list[str] = []
    pruned: dict[str, int] = {}
    problems: list[str] = []
    for name in names:
        chosen = look.datasets.versions(name) if version == "all" else [version_at(look, name, version)]
        without = {each.version_id for each in look.refs.pruned(name)}
        whole = [each for each in chosen if each.version_id not in without]
        checked[name], pruned[name] = len(whole), len(chosen) - len(whole)
        held = _by_many(look, whole) if in_cloud else _problems(look, name, whole, payloads)
        found = [*held, *_pruned_problems(look, name, chosen, without)]
        problems += [f"{name}: {each}" for each in found]
        forgotten += [f"{name}: {each}" for each in _forgotten(look, name, chosen)]
    if as_json:
        say_json({"versions": checked, "pruned": pruned, "problems": problems, "forgotten": forgotten})
    else:
        _paint_verified(checked, pruned, problems)
        for each in forgotten:
            paint(f"  {safe(each)}")
    if problems:
        raise typer.Exit(Exit.PROBLEMS)


def _by_many(look: Deployed, chosen: list[DatasetVersion]) -> list[str]:
    from trueup.usecases.bulk.jobs import Bulk

    jobs = [Bulk(verb="verify", project=each.project, version=each.version_id) for each in chosen]
    return [problem for each in jobs for problem in look.bulk(each).problems]


def _problems(look: Deployed, project: str, chosen: list[DatasetVersion], payloads: bool) -> list[str]:
    """A head holds nearly every payload of the versions before it: payloads are read of heads, or of the one version
    that is asked for, and each once."""
    from trueup.capture.samples import sample_id
    from trueup.dataset.verify import verify

    heads = {each.version_id for each in look.datasets.heads(project).values()}
    names: dict[str, str] = {}

    def payload_name(sample: LabelledSample) -> str:
        if sample.payload_uri not in names:
            names[sample.payload_uri] = sample_id(look.payloads.get(sample.payload_uri))
        return names[sample.payload_uri]

    return [
        problem
        for each in chosen
        for problem in verify(
            each,
            lambda sha256: look.datasets.segment(project, sha256),
            lambda version_id: look.datasets.document(project, version_id),
            payload_name if payloads and (each.version_id in heads or len(chosen) == 1) else None,
            look.datasets.checkpoint(project, each.version_id),
            redaction=lambda sha256: look.datasets.redaction(project, sha256),
        )
    ]


def _forgotten(look: Deployed, project: str, chosen: list[DatasetVersion]) -> list[str]:
    """Why a version's figures exceed what it holds."""
    from trueup.dataset.verify import forgotten_in

    def redaction(sha256: str) -> Redaction | None:
        return look.datasets.redaction(project, sha256)

    return forgotten_in(chosen, redaction)


def _pruned_problems(look: Deployed, project: str, chosen: list[DatasetVersion], pruned: set[str]) -> list[str]:
    """Of a version without content the document is what can be wrong."""
    from trueup.dataset.documents import read_document

    problems = []
    for each in [each for each in chosen if each.version_id in pruned]:
        try:
            read_document(look.datasets.document(project, each.version_id), each.version_id)
        except (NotFoundError, IntegrityError) as error:
            problems.append(f"version {each.number}: {error}")
    return problems


def _paint_verified(checked: dict[str, int], pruned: dict[str, int], problems: list[str]) -> None:
    for each in problems:
        paint(f"[red]✗[/] {safe(each)}")
    if not problems:
        for name, number in checked.items():
            says = f"{count(number, 'version')}, every hash and count holds" if number else "no version with content"
            says = says if number or pruned[name] else "no version yet"
            gone = f"; {count(pruned[name], 'version')} without content" if pruned[name] else ""
            paint(f"[green]✓[/] {name}: {says}{gone}")
