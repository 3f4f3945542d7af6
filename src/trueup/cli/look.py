"""Verbs that look: status, queues, tasks, lineage; and redrive, which brings dead letters back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.cli.console import Exit, deployment, say, say_json, show_table, told
from trueup.errors import NotFoundError
from trueup.model import Node, NodeKind, TaskStatus

if TYPE_CHECKING:
    from trueup.wiring.operator import Operator

tasks = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="Plain JSON on stdout.")]
Project = Annotated[str, typer.Option("--project", help="Which project (default: the only one).")]


def project_of(look: Operator, name: str) -> str:
    """The named project, or the only one. Raises NotFoundError."""
    names = sorted(look.deployed)
    if name in look.deployed:
        return name
    if not name and len(names) == 1:
        return names[0]
    raise NotFoundError(f"say which project with --project: {', '.join(names)}")


def status(context: typer.Context, as_json: Json = False) -> None:
    """Where each project's loop stands."""
    with told():
        look = deployment(context)
        rows = [_status_of(look, name) for name in sorted(look.deployed)]
    if as_json:
        say_json(rows)
        return
    columns = ["project", "captures 24 h", "open", "settled", "review", "version", "labels", "last run", "champion"]
    show_table("", columns, [[str(each[key]) for key in each if key != "workbench"] for each in rows])
    say(f"\nworkbench {look.deployment.workbench_url}   dashboard {look.deployment.dashboard}")


def _status_of(look: Operator, name: str) -> dict[str, Any]:
    receipts = list(look.ledger.receipts(name, datetime.now(UTC) - timedelta(days=1)))
    head, runs = look.datasets.head(name), look.runs.runs(name, 1)
    return {
        "project": name,
        "captures": sum(each.captures for each in receipts),
        **{
            each.value: look.tasks.count(name, each)
            for each in (TaskStatus.OPEN, TaskStatus.SETTLED, TaskStatus.REVIEW)
        },
        "version": head.number if head else None,
        "labels": head.samples if head else 0,
        "last_run": f"{runs[0].run_id} {runs[0].status}" if runs else None,
        "champion": _champion(look, name),
    }


def _champion(look: Operator, name: str) -> str | None:
    try:
        return look.registry.champion(look.deployed[name].endpoint_name).model_name
    except NotFoundError:
        return None


def queue(context: typer.Context, as_json: Json = False) -> None:
    """How many questions wait, and for how long."""
    with told():
        look = deployment(context)
        rows = [_queue_of(look, name) for name in sorted(look.deployed)]
    if as_json:
        say_json(rows)
    else:
        show_table(
            "", ["project", "messages", "open tasks", "leased", "oldest"], [[str(v) for v in r.values()] for r in rows]
        )


def _queue_of(look: Operator, name: str) -> dict[str, Any]:
    open_tasks = look.tasks.by_status(name, TaskStatus.OPEN, 1000)
    now = look.clock.now()
    oldest = min((each.opened_at for each in open_tasks), default=None)
    return {
        "project": name,
        "messages": look.queue.depth(name),
        "open": look.tasks.count(name, TaskStatus.OPEN),
        "leased": sum(any(lease.expires_at > now for lease in each.leases) for each in open_tasks),
        "oldest_seconds": round((now - oldest).total_seconds()) if oldest else 0,
    }


@tasks.command("show")
def show_task(context: typer.Context, task_id: str, project: Project = "", as_json: Json = False) -> None:
    """A task with its answers and its consensus."""
    import msgspec

    with told():
        look = deployment(context)
        name = project_of(look, project)
        task = look.tasks.get(name, task_id)
        answers, consensus = look.tasks.annotations(name, task_id), look.tasks.consensus(name, task_id)
    if as_json:
        say_json(msgspec.to_builtins({"task": task, "annotations": answers, "consensus": consensus}))
        return
    say(f"task {task.task_id}: {task.status}, {len(task.answered_by)} of {task.overlap} answers")
    say(f"sample {task.sample_id}")
    rows = [[each.annotator[:12], each.label, f"{each.submitted_at:%Y-%m-%d %H:%M:%S}"] for each in answers]
    show_table("", ["annotator", "label", "at"], rows)
    if consensus:
        say(f"consensus: {consensus.label!r} by {consensus.method}, posterior {consensus.posterior:.3f}")


@tasks.command("list")
def list_tasks(
    context: typer.Context,
    project: Project = "",
    state: Annotated[TaskStatus, typer.Option("--status", help="Which tasks.")] = TaskStatus.OPEN,
    as_json: Json = False,
) -> None:
    """Tasks by status, most urgent first."""
    with told():
        look = deployment(context)
        found = look.tasks.by_status(project_of(look, project), state, 100)
    if as_json:
        say_json(
            [{"task_id": each.task_id, "priority": each.priority, "answers": len(each.answered_by)} for each in found]
        )
    else:
        show_table(
            "",
            ["task", "priority", "answers"],
            [[t.task_id, f"{t.priority:.3f}", f"{len(t.answered_by)}/{t.overlap}"] for t in found],
        )


def lineage(
    context: typer.Context,
    node: Annotated[str, typer.Argument(help="kind:id, as in sample:…, version:…, model:…")],
    project: Project = "",
    up: Annotated[bool, typer.Option("--up", help="Causes instead of consequences.")] = False,
    as_json: Json = False,
    dot: Annotated[bool, typer.Option("--dot", help="Graphviz.")] = False,
) -> None:
    """Who came from whom: from a capture to the models that learned from it, or back."""
    from trueup.lineage.render import to_builtins, to_dot, tree_lines
    from trueup.lineage.walk import walk

    with told():
        look = deployment(context)
        name = project_of(look, project)
        start = _node(node)
        edges = look.lineage.edges_to if up else look.lineage.edges_from
        tree = walk(start, lambda each: edges(name, each), "up" if up else "down")
    if as_json:
        say_json(to_builtins(tree))
    else:
        say(to_dot(tree) if dot else "\n".join(tree_lines(tree)))


def _node(text: str) -> Node:
    try:
        return Node.parse(text)
    except ValueError as error:
        kinds = ", ".join(each.value for each in NodeKind)
        raise NotFoundError(f"{text!r} names no node: write kind:id with a kind of {kinds}") from error


def redrive(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Queue (default: all).")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is there.")] = False,
    as_json: Json = False,
) -> None:
    """Bring messages of dead-letter queues back to work."""
    from trueup.adapters.aws.dead_letters import SqsDeadLetters

    with told():
        look = deployment(context)
        letters = SqsDeadLetters(look.clients["sqs"])
        pairs = _redrivable(look)
        if name and name not in pairs:
            raise NotFoundError(f"there is no queue {name!r}: {', '.join(sorted(pairs))}")
        chosen = {name: pairs[name]} if name else pairs
        moved = {
            each: letters.peek(dead) if dry_run else letters.move(dead, live) for each, (dead, live) in chosen.items()
        }
    if as_json:
        say_json(moved)
    else:
        verb = "waiting in" if dry_run else "brought back from"
        say("\n".join(f"{count} {verb} {each}" for each, count in moved.items()))
    if dry_run and any(moved.values()):
        raise typer.Exit(Exit.PROBLEMS)


def _redrivable(look: Operator) -> dict[str, tuple[str, str]]:
    pairs = {name: (look.deployment.dlqs[name], url) for name, url in look.deployment.queues.items()}
    annotation = {
        f"annotation-{name}": (each.annotation_dlq_url, each.annotation_queue_url)
        for name, each in look.deployed.items()
    }
    return {**pairs, **annotation}
