"""Verbs about this machine: the embedded AWS, and what is wrong with machine or deployment."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.cli.console import busy, paint, safe, say, say_json
from trueup.cli.desk import Desk, confirm, desk_of
from trueup.cli.exits import Exit
from trueup.cli.options import Json, Yes
from trueup.errors import ConfigurationError, InputError, NotFoundError, TrueupError

if TYPE_CHECKING:
    from trueup.usecases.diagnose import Finding

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

State = Annotated[Path, typer.Option(help="State directory.")]
_STATE = Path(".trueup/local")
_FOLDED = 3


@app.command()
def up(
    context: typer.Context,
    state: State = _STATE,
    config: Annotated[Path | None, typer.Option(help="Deployment as a JSON file (default: cdk.json's own).")] = None,
    auth: Annotated[bool, typer.Option(help="Enforce IAM policies.")] = False,
) -> None:
    """Start the embedded AWS and deploy the app to it with the real CDK CLI."""
    desk = desk_of(context)
    root = Path.cwd()
    if not (root / "cdk.json").is_file():
        raise InputError(f"{root} holds no cdk.json: run this in the repository", field="cdk.json")
    if config is not None and not config.is_file():
        raise InputError(f"{config} is no file", field="--config")
    if state.exists() and not state.is_dir():
        raise InputError(f"{state} is no directory", field="--state")
    service = desk.embedded()
    options = service.Options(
        root=root,
        state=state.absolute(),
        config=config.absolute() if config else None,
        auth=auth,
    )
    if desk.stage not in (service.DEFAULT_STAGE, options.stage):
        raise InputError(
            f"the configuration deploys stage {options.stage!r}, not {desk.stage!r}: change it there", field="--stage"
        )
    with busy("starting the embedded AWS"):
        running = service.up(options, lambda text: paint(f"[dim]·[/] {safe(text)}"))
    paint(f"\n[green]✓[/] workbench [bold]{running.workbench_url}[/]")
    paint(f"  lead any AWS tool there with [bold]source {state}/env[/]")
    paint(f"  logs: {state}/ministack.log (AWS and the functions), gateway.log (workbench), cdk-*.log")


@app.command()
def down(context: typer.Context, state: State = _STATE) -> None:
    """Stop it; its state stays, and up resumes from it."""
    service = desk_of(context).embedded()
    with busy("stopping the embedded AWS"):
        stopped = state.is_dir() and service.down(state.absolute())
    say("stopped; trueup local up resumes" if stopped else "nothing was running")


@app.command()
def reset(context: typer.Context, state: State = _STATE, yes: Yes = False) -> None:
    """Stop it and forget everything."""
    service = desk_of(context).embedded()
    if not state.is_dir():
        say("there is nothing to forget")
        return
    confirm(f"Delete {state} with all captures, labels and models of the embedded AWS?", yes)
    service.reset(state.absolute())
    say("forgotten")


@app.command("status")
def local_status(context: typer.Context, state: State = _STATE, as_json: Json = False) -> None:
    """Whether it runs, and where."""
    running = desk_of(context).embedded().status(state.absolute())
    if as_json:
        document: dict[str, Any] = {"running": running is not None}
        if running is not None:
            document |= {
                **asdict(running),
                "endpoint_url": running.endpoint_url,
                "workbench_url": running.workbench_url,
            }
        say_json(document)
    elif running is None:
        say("not running; trueup local up starts it")
    else:
        paint(f"[green]✓[/] up at {running.endpoint_url}, stage {running.stage}, workbench {running.workbench_url}")


@app.command()
def env(context: typer.Context, state: State = _STATE, as_json: Json = False) -> None:
    """The variables that lead AWS tools there: eval "$(trueup local env)"."""
    service = desk_of(context).embedded()
    running = service.status(state.absolute())
    if running is None:
        raise NotFoundError(f"no embedded AWS runs in {state}: trueup local up starts it")
    variables: dict[str, str] = service.aws_environment(running)
    if as_json:
        say_json(variables)
    else:
        say("\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()))


def doctor(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Show every check, those in order too.")] = False,
    as_json: Json = False,
) -> None:
    """Say what is wrong with the machine or the deployment, and how to mend it. Exit code 3 when something is."""
    with busy("looking around"):
        findings = _findings(desk_of(context))
    problems = [each for each in findings if each.verdict.value == "problem"]
    if as_json:
        say_json({"problems": len(problems), "findings": findings})
    else:
        _paint_findings(findings, every)
    if problems:
        raise typer.Exit(Exit.PROBLEMS)


def _findings(desk: Desk) -> list[Finding]:
    from trueup.usecases.diagnose import Finding, Verdict, machine

    facts = desk.facts()
    try:
        return desk.diagnose(desk.stage)(facts)
    except ConfigurationError as error:
        blind = Finding(
            area="aws",
            check="configuration",
            verdict=Verdict.PROBLEM,
            says=str(error),
            mend="set AWS_PROFILE and AWS_REGION; for the embedded AWS: source .trueup/local/env",
        )
        return [*machine(facts), blind]
    except TrueupError as error:
        blind = Finding(area="aws", check="access", verdict=Verdict.PROBLEM, says=str(error), mend="try again")
        return [*machine(facts), blind]


def _paint_findings(findings: list[Finding], every: bool) -> None:
    for area, group in groupby(findings, key=lambda each: each.area):
        checks = list(group)
        paint(f"[bold]{area}[/]")
        fine = [each for each in checks if each.verdict.value == "ok"]
        if len(fine) > _FOLDED and len({each.says for each in fine}) <= 2 and not every:
            paint(f"  [green]✓[/] {', '.join(each.check for each in fine)}")
            checks = [each for each in checks if each not in fine]
        for each in checks:
            _paint_finding(each)
    problems = sum(each.verdict.value == "problem" for each in findings)
    paint("")
    if problems:
        paint(f"[red]{problems} {'thing is' if problems == 1 else 'things are'} wrong.[/]")
    else:
        paint("[green]Everything is in order.[/]")


def _paint_finding(finding: Finding) -> None:
    mark = {"ok": "[green]✓[/]", "note": "[yellow]![/]", "problem": "[red]✗[/]"}[finding.verdict.value]
    paint(f"  {mark} {safe(finding.check)}: {safe(finding.says)}")
    if finding.mend:
        paint(f"    [yellow]→ {safe(finding.mend)}[/]")
