"""Attach an endpoint that exists, and detach it again."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import deployment, say, say_json, told
from trueup.errors import NotFoundError

if TYPE_CHECKING:
    from trueup.settings import DeployedProject
    from trueup.usecases.attach_endpoint import Change
    from trueup.wiring.operator import Operator

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="Endpoint name.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print the difference.")]
Json = Annotated[bool, typer.Option("--json", help="Plain JSON on stdout.")]


@app.command()
def attach(
    context: typer.Context,
    name: Name,
    sampling: Annotated[int, typer.Option(min=1, max=100, help="Share of requests to capture, in percent.")] = 100,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Capture an endpoint's traffic for its project; every other setting is kept."""
    with told():
        look = deployment(context)
        project = _project_of(look, name)
        change = look.attach(name, project.capture_uri, look.deployment.key_arn, sampling=sampling, dry_run=dry_run)
    _show(change, as_json)


@app.command()
def detach(context: typer.Context, name: Name, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Put the endpoint back on the configuration that it had before attach."""
    with told():
        change = deployment(context).attach.detach(name, dry_run=dry_run)
    _show(change, as_json)


def _project_of(look: Operator, endpoint: str) -> DeployedProject:
    for each in look.deployed.values():
        if each.endpoint_name == endpoint:
            return each
    known = ", ".join(sorted(each.endpoint_name for each in look.deployed.values()))
    raise NotFoundError(f"no project has the endpoint {endpoint!r} (projects have: {known}); add it to cdk.json")


def _show(change: Change, as_json: bool) -> None:
    if as_json:
        say_json({"endpoint": change.endpoint, "done": change.done, "before": change.before, "after": change.after})
        return
    before, after = (json.dumps(each, indent=2, default=str, sort_keys=True) for each in (change.before, change.after))
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), "present", "new", lineterm="", n=1))
    say("\n".join(lines) if lines else "nothing to change")
    if change.done:
        say(f"endpoint {change.endpoint} is on {change.after['EndpointConfigName']}")
