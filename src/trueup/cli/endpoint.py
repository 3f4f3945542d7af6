"""Attach an endpoint that exists, and detach it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.cli.console import busy, paint, safe, say_json
from trueup.cli.desk import Deployed, confirm, desk_of, projects_of
from trueup.cli.options import AnyProject, DryRun, Json, Yes
from trueup.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from trueup.settings import DeployedProject
    from trueup.usecases.attach_endpoint import Change

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Endpoint name.")]
# What SageMaker adds to a configuration, and what never differs to a reader.
_NOT_COMPARED = frozenset({"EndpointConfigArn", "CreationTime", "Tags"})


@app.command()
def attach(
    context: typer.Context,
    name: Name,
    project: AnyProject = "",
    sampling: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Share of requests to capture, in percent (default: the project's)."),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Capture an endpoint's traffic for its project; every other setting is kept."""
    look = desk_of(context).look()
    chosen = _project(look, name, project)
    percent = sampling or look.projects[chosen.name].capture_percent

    def change(dry: bool) -> Change:
        return look.attach(name, chosen.capture_uri, look.deployment.key_arn, sampling=percent, dry_run=dry)

    planned = change(dry=True)
    if as_json and (dry_run or not planned.needed):
        _say_change(planned)
        return
    if not as_json:
        _paint_change(planned, f"endpoint {name} captures {percent} % to {chosen.capture_uri} already")
    if dry_run or not planned.needed:
        return
    confirm(f"Move endpoint {name} to {planned.after['EndpointConfigName']}?", yes)
    with busy(f"updating endpoint {name}: SageMaker takes some minutes"):
        done = change(dry=False)
    if as_json:
        _say_change(done)
        return
    paint(f"\n[green]✓[/] endpoint {name} is on {done.after['EndpointConfigName']}")
    paint(
        f"[dim]The role of its model needs s3:PutObject on {chosen.capture_uri}/* and kms:GenerateDataKey with "
        f"{look.deployment.key_arn}; trueup doctor tells when captures do not arrive.[/]"
    )


@app.command()
def detach(
    context: typer.Context,
    name: Name,
    project: AnyProject = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put the endpoint back on the configuration that it had before attach."""
    look = desk_of(context).look()
    chosen = _project(look, name, project)
    planned = look.attach.detach(name, chosen.capture_uri, dry_run=True)
    if not as_json:
        _paint_change(planned, "")
    if dry_run:
        if as_json:
            _say_change(planned)
        return
    confirm(f"Move endpoint {name} to {planned.after['EndpointConfigName']}?", yes)
    with busy(f"updating endpoint {name}: SageMaker takes some minutes"):
        done = look.attach.detach(name, chosen.capture_uri)
    if as_json:
        _say_change(done)
        return
    paint(f"\n[green]✓[/] endpoint {name} is on {done.after['EndpointConfigName']}; it captures nothing for us now")


def _project(look: Deployed, endpoint: str, name: str) -> DeployedProject:
    """The project that watches the endpoint. Raises NotFoundError, InputError when another one is named."""
    watching = [each for each in look.deployed.values() if each.endpoint_name == endpoint]
    if name:
        chosen = look.deployed[projects_of(look, name)[0]]
        if chosen.endpoint_name != endpoint:
            raise InputError(
                f"project {name} watches endpoint {chosen.endpoint_name}, not {endpoint}: change endpoint_name in "
                "cdk.json and deploy",
                field="--project",
            )
        return chosen
    if not watching:
        known = ", ".join(sorted(each.endpoint_name for each in look.deployed.values()))
        raise NotFoundError(f"no project watches endpoint {endpoint!r}, only {known}: add a project to cdk.json")
    return watching[0]


def _say_change(change: Change) -> None:
    say_json(
        {
            "endpoint": change.endpoint,
            "needed": change.needed,
            "done": change.done,
            "before": _comparable(change.before),
            "after": _comparable(change.after),
        }
    )


def _paint_change(change: Change, unneeded: str) -> None:
    if not change.needed:
        paint(f"[green]✓[/] {unneeded}: nothing to change")
        return
    paint(f"[bold]endpoint {change.endpoint}[/]  [dim]its configuration, present and new[/]\n")
    for line in difference(change.before, change.after):
        colour = {"+": "green", "-": "red"}.get(line[:1], "dim")
        paint(f"[{colour}]{safe(line)}[/]")


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """One line per setting of either configuration, by path: "- " gone, "+ " new, "  " kept."""
    old, new = _settings(_comparable(before)), _settings(_comparable(after))
    lines: list[str] = []
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) == new.get(path):
            lines.append(f"  {path}: {new[path]}")
            continue
        lines += [f"{sign} {path}: {each[path]}" for sign, each in (("-", old), ("+", new)) if path in each]
    return lines


def _settings(value: Any, path: str = "") -> dict[str, str]:
    """A configuration's leaves by path; a list of plain values is one leaf."""
    if isinstance(value, Mapping):
        return {k: v for key, each in value.items() for k, v in _settings(each, f"{path}.{key}".lstrip(".")).items()}
    if isinstance(value, list) and any(isinstance(each, Mapping | list) for each in value):
        return {k: v for index, each in enumerate(value) for k, v in _settings(each, f"{path}[{index}]").items()}
    return {path: ", ".join(map(str, value)) if isinstance(value, list) else str(value)}


def _comparable(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in _NOT_COMPARED}
