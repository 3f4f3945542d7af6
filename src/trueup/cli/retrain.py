"""Retraining runs: start, list, show, approve, reject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from trueup.cli.console import paint, paint_facts, paint_table, safe, say, say_json, stamp
from trueup.cli.desk import Deployed, desk_of, project_of, projects_of
from trueup.cli.options import AnyProject, Json, OneProject
from trueup.errors import NotFoundError
from trueup.model import RunStatus

if TYPE_CHECKING:
    from trueup.model import RetrainingRun

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Run id, as in trueup retrain list.")]
_COLOURS = {
    RunStatus.RUNNING: "cyan",
    RunStatus.AWAITING_APPROVAL: "yellow",
    RunStatus.PROMOTING: "cyan",
    RunStatus.PROMOTED: "green",
    RunStatus.REJECTED: "yellow",
    RunStatus.ROLLED_BACK: "red",
    RunStatus.FAILED: "red",
}


@app.command()
def start(
    context: typer.Context,
    project: OneProject = "",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "asked for by an operator",
    as_json: Json = False,
) -> None:
    """Retrain on the head version now."""
    look = desk_of(context).look()
    run = look.decide.start_now(project_of(look, project), reason)
    if as_json:
        say_json(run)
        return
    paint(f"[green]✓[/] run [bold]{run.run_id}[/] started: trueup retrain show {run.run_id} follows it")


@app.command("list")
def list_runs(
    context: typer.Context,
    project: AnyProject = "",
    limit: Annotated[int, typer.Option(min=1, help="How many per project.")] = 20,
    as_json: Json = False,
) -> None:
    """Runs, newest first."""
    look = desk_of(context).look()
    found = [each for name in projects_of(look, project) for each in look.runs.runs(name, limit)]
    if as_json:
        say_json(found)
        return
    if not found:
        say("no run yet: a trigger starts one, or trueup retrain start")
        return
    rows = [
        [each.run_id, each.project, _painted(each), stamp(each.started_at), safe(each.outcome or each.reason)]
        for each in found
    ]
    paint_table(["run", "project", "status", "started", "outcome or why"], rows)


@app.command()
def show(context: typer.Context, run_id: RunId, project: AnyProject = "", as_json: Json = False) -> None:
    """One run: why, what became of it, and its figures."""
    look = desk_of(context).look()
    run = _run(look, projects_of(look, project), run_id)
    if as_json:
        say_json(run)
        return
    paint_facts(
        [
            ("run", f"[bold]{run.run_id}[/]"),
            ("project", run.project),
            ("status", _painted(run)),
            ("why", f"{safe(run.reason)}  [dim]rule {run.rule}[/]"),
            ("outcome", safe(run.outcome) or "[dim]not yet[/]"),
            ("started", stamp(run.started_at)),
            ("ended", stamp(run.ended_at)),
            ("version", run.version_id),
            ("training job", run.training_job or "-"),
            ("model package", run.model_package_arn or "-"),
            ("endpoint config", run.endpoint_config or "-"),
        ]
    )
    if run.metrics:
        say()
        rows = [[name, f"{value:.4g}"] for name, value in sorted(run.metrics.items())]
        paint_table(["figure", "value"], rows, ("value",))
    if run.status is RunStatus.AWAITING_APPROVAL:
        paint(f"\n[dim]trueup retrain approve {run.run_id} deploys it, trueup retrain reject {run.run_id} ends it[/]")


@app.command()
def approve(context: typer.Context, run_id: RunId, project: AnyProject = "") -> None:
    """Approve the candidate: it takes over behind a canary."""
    _rule(context, run_id, project, "Approved", "the promotion starts by itself")


@app.command()
def reject(context: typer.Context, run_id: RunId, project: AnyProject = "") -> None:
    """Reject the candidate: it is never deployed."""
    _rule(context, run_id, project, "Rejected", "the champion keeps serving")


def _rule(
    context: typer.Context, run_id: str, project: str, ruling: Literal["Approved", "Rejected"], then: str
) -> None:
    look = desk_of(context).look()
    run = _run(look, projects_of(look, project), run_id)
    look.rule(run.project, run.run_id, ruling)
    paint(f"[green]✓[/] {ruling.lower()} [bold]{run.run_id}[/]: {then}")


def _run(look: Deployed, names: list[str], run_id: str) -> RetrainingRun:
    for name in names:
        try:
            return look.runs.get(name, run_id)
        except NotFoundError:
            continue
    raise NotFoundError(f"there is no run {run_id!r} in {', '.join(names)}")


def _painted(run: RetrainingRun) -> str:
    return f"[{_COLOURS[run.status]}]{run.status.value.replace('_', ' ')}[/]"
