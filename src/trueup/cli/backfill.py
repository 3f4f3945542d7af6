"""Old capture files, through the ordinary ingest."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from trueup.cli.console import count, paint, safe, say_json
from trueup.cli.desk import confirm, desk_of, project_of
from trueup.cli.options import DryRun, Json, OneProject, Yes

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H"]
_SAYS = {
    "RUNNING": "it runs: trueup status shows the captures come",
    "SUCCEEDED": "all files were announced; those of an earlier ingest change nothing",
}


def backfill(
    context: typer.Context,
    start: Annotated[
        datetime,
        typer.Option(
            "--from", metavar="TIME", formats=_FORMATS, help="The first hour, in UTC: 2026-03-01 or 2026-03-01T15."
        ),
    ],
    end: Annotated[
        datetime,
        typer.Option("--to", metavar="TIME", formats=_FORMATS, help="The hour or day that is the first not to be."),
    ],
    endpoint: Annotated[str, typer.Option(help="Whose captures (default: the project's endpoint).")] = "",
    variant: Annotated[str, typer.Option(help="Of which variant.")] = "AllTraffic",
    project: OneProject = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Ingest capture files that were written before trueup was there. The same command again tells how it stands."""
    look = desk_of(context).look()
    chosen = look.deployed[project_of(look, project)]
    name = endpoint or chosen.endpoint_name
    plan = look.backfill.plan(chosen.capture_uri, name, variant, start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))
    if dry_run:
        if as_json:
            say_json(plan)
        else:
            paint(f"{count(len(plan.prefixes), 'prefix', 'prefixes')} of s3://{safe(plan.bucket)}, from")
            paint(f"  {safe(plan.prefixes[0])}\n  {safe(plan.prefixes[-1])}")
        return
    confirm(f"Ingest the captures of {name} from {start:%Y-%m-%dT%H} up to {end:%Y-%m-%dT%H}?", yes)
    execution = look.backfill(plan)
    if as_json:
        say_json({"name": plan.name, "execution": execution})
        return
    mark = "[green]✓[/]" if execution.began else "[dim]·[/]"
    paint(f"{mark} {plan.name}: {_SAYS.get(execution.status, execution.status)}")
