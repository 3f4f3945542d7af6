"""Verbs that say how a project's queue goes on."""

from __future__ import annotations

from typing import Annotated

import typer

from trueup.cli import look
from trueup.cli.console import count, paint, safe, say_json
from trueup.cli.desk import confirm, desk_of, me, project_of
from trueup.cli.options import AnyProject, Json, OneProject
from trueup.model import QueueStanding, QueueStatus

app = typer.Typer(rich_markup_mode=None)
Why = Annotated[str, typer.Option("--reason", help="Why; annotators read it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.callback(invoke_without_command=True)
def queue(context: typer.Context, project: AnyProject = "", as_json: Json = False) -> None:
    """What waits for annotators: how much, how long, and what is in somebody's hands."""
    if context.invoked_subcommand is None:
        look.queue(context, project, as_json)


@app.command("pause")
def pause(context: typer.Context, reason: Why, project: OneProject = "", as_json: Json = False) -> None:
    """Give nobody a task; what is in somebody's hands goes on."""
    _set(context, project, QueueStatus.PAUSED, reason, as_json)


@app.command("drain")
def drain(context: typer.Context, reason: Why, project: OneProject = "", as_json: Json = False) -> None:
    """Ask about nothing new; what is open goes on."""
    _set(context, project, QueueStatus.DRAINING, reason, as_json)


@app.command("resume")
def resume(context: typer.Context, project: OneProject = "", as_json: Json = False) -> None:
    """Open a paused or draining queue again."""
    _set(context, project, QueueStatus.ACTIVE, "", as_json)


@app.command("cancel")
def cancel(
    context: typer.Context,
    reason: Why,
    project: OneProject = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 10_000,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Cancel the open tasks: their samples are not asked about again."""
    deployed = desk_of(context).look()
    name = project_of(deployed, project)
    confirm(f"Cancel the open tasks of {name}? Their samples are not asked about again.", yes)
    cancelled = deployed.manage.cancel_open(name, me(), reason, limit)
    if as_json:
        say_json({"project": name, "cancelled": cancelled})
    else:
        paint(f"[bold]{name}[/]: {count(cancelled, 'task')} cancelled")


def cancel_task(
    context: typer.Context,
    task_id: Annotated[str, typer.Argument(metavar="ID", help="Task id.")],
    reason: Why,
    project: OneProject = "",
) -> None:
    """Cancel one task that is open or in review."""
    deployed = desk_of(context).look()
    deployed.manage.cancel(project_of(deployed, project), task_id, me(), reason)
    paint(f"task [bold]{safe(task_id)}[/] is cancelled")


def prioritise(
    context: typer.Context,
    task_id: Annotated[str, typer.Argument(metavar="ID", help="Task id.")],
    project: OneProject = "",
) -> None:
    """Have an open task answered before all others."""
    deployed = desk_of(context).look()
    deployed.manage.prioritise(project_of(deployed, project), task_id, me())
    paint(f"task [bold]{safe(task_id)}[/] comes first")


def _set(context: typer.Context, project: str, status: QueueStatus, reason: str, as_json: bool) -> None:
    deployed = desk_of(context).look()
    state = deployed.manage.set_status(project_of(deployed, project), status, me(), reason)
    if as_json:
        say_json(state)
    else:
        paint(_sentence(state))


def _sentence(state: QueueStanding) -> str:
    why = f": {safe(state.reason)}" if state.reason else ""
    return f"the queue of [bold]{state.project}[/] is {state.status.value}{why}"


look.tasks.command("cancel")(cancel_task)
look.tasks.command("prioritise")(prioritise)
