"""Retraining runs: start, list, show, approve, reject."""

from __future__ import annotations

from typing import Annotated

import typer

from trueup.cli.console import deployment, say, say_json, show_table, told
from trueup.cli.look import project_of
from trueup.errors import ConflictError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="Plain JSON on stdout.")]
Project = Annotated[str, typer.Option("--project", help="Which project (default: the only one).")]
RunId = Annotated[str, typer.Argument(help="Run id.")]


@app.command()
def start(
    context: typer.Context,
    project: Project = "",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "asked for by an operator",
) -> None:
    """Retrain on the head version now."""
    with told():
        look = deployment(context)
        run = look.decide.start_now(project_of(look, project), reason)
    say(f"run {run.run_id} started: follow it with trueup retrain show {run.run_id}")


@app.command("list")
def list_runs(context: typer.Context, project: Project = "", as_json: Json = False) -> None:
    """Runs, newest first."""
    import msgspec

    with told():
        look = deployment(context)
        found = look.runs.runs(project_of(look, project), 50)
    if as_json:
        say_json(msgspec.to_builtins(found))
    else:
        rows = [[r.run_id, r.status.value, f"{r.started_at:%Y-%m-%d %H:%M:%S}", r.reason, r.outcome] for r in found]
        show_table("", ["run", "status", "started", "why", "outcome"], rows)


@app.command()
def show(context: typer.Context, run_id: RunId, project: Project = "", as_json: Json = False) -> None:
    """One run, with its figures."""
    import msgspec

    with told():
        look = deployment(context)
        run = look.runs.get(project_of(look, project), run_id)
    if as_json:
        say_json(msgspec.to_builtins(run))
        return
    say(f"run {run.run_id}: {run.status}\nwhy: {run.reason}\noutcome: {run.outcome or 'not yet'}")
    say(f"version {run.version_id[:12]}   training job {run.training_job or '-'}")
    say(f"model package {run.model_package_arn or '-'}")
    show_table("", ["figure", "value"], [[name, f"{value:.4g}"] for name, value in sorted(run.metrics.items())])


@app.command()
def approve(context: typer.Context, run_id: RunId, project: Project = "") -> None:
    """Approve the run's model package: it is then deployed with a canary."""
    _rule(context, run_id, project, "Approved")


@app.command()
def reject(context: typer.Context, run_id: RunId, project: Project = "") -> None:
    """Reject the run's model package: it is never deployed."""
    _rule(context, run_id, project, "Rejected")


def _rule(context: typer.Context, run_id: str, project: str, ruling: str) -> None:
    with told():
        look = deployment(context)
        run = look.runs.get(project_of(look, project), run_id)
        if run.model_package_arn is None:
            raise ConflictError(f"run {run_id} has no model package: it is {run.status}")
        look.registry.rule(run.model_package_arn, ruling)
    say(f"{ruling.lower()}: {run.model_package_arn}")
