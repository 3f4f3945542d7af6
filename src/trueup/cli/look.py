"""Verbs that look at the loop: status, queues, tasks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import age, count, paint, paint_facts, paint_table, safe, say, say_json, stamp
from trueup.cli.desk import Deployed, desk_of, projects_of
from trueup.cli.options import AnyProject, Json
from trueup.errors import NotFoundError
from trueup.labels.brief import brief
from trueup.model import Annotation, Consensus, QueueStatus, Record, RunStatus, Selection, Task, TaskStatus, lane_of

if TYPE_CHECKING:
    from trueup.model import Champion, RetrainingRun

tasks = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_LOOKED_AT = 1000
_ENDED = (RunStatus.REJECTED, RunStatus.PROMOTED, RunStatus.ROLLED_BACK, RunStatus.FAILED)


class HeadLine(Record, frozen=True, kw_only=True):
    number: int
    version_id: str
    samples: int


class RunLine(Record, frozen=True, kw_only=True):
    run_id: str
    status: RunStatus
    started_at: datetime


class ChampionLine(Record, frozen=True, kw_only=True):
    model_name: str
    endpoint_config: str


class ProjectStatus(Record, frozen=True, kw_only=True):
    """How one project's loop stands. `dead_letters` are those of its annotation queue; the others are shared."""

    project: str
    title: str
    endpoint: str
    capture_uri: str
    captures_today: int
    open_tasks: int
    review_tasks: int
    settled_tasks: int
    queue_depth: int
    head: HeadLine | None
    champion: ChampionLine | None
    active_run: RunLine | None
    dead_letters: int


class Status(Record, frozen=True, kw_only=True):
    stage: str
    region: str
    workbench_url: str
    dashboard: str
    feedback_queue: str
    projects: tuple[ProjectStatus, ...]
    dead_letters: Mapping[str, int]


def status(context: typer.Context, project: AnyProject = "", as_json: Json = False) -> None:
    """Where each project's loop stands."""
    desk = desk_of(context)
    look = desk.look()
    found = status_of(look, projects_of(look, project), desk.workbench_url)
    if as_json:
        say_json(found)
        return
    _paint_status(found)


def status_of(look: Deployed, names: list[str], workbench_url: str | None = None) -> Status:
    """The figures behind `trueup status`."""
    dead = look.redrive.counts()
    return Status(
        stage=look.deployment.stage,
        region=look.deployment.region,
        workbench_url=workbench_url or look.deployment.workbench_url,
        dashboard=look.deployment.dashboard,
        feedback_queue=look.deployment.queues.get("feedback", ""),
        projects=tuple(_project_status(look, name, dead) for name in names),
        dead_letters=dead,
    )


def _project_status(look: Deployed, name: str, dead: Mapping[str, int]) -> ProjectStatus:
    today = look.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    head = look.datasets.head(name)
    endpoint = look.deployed[name].endpoint_name
    return ProjectStatus(
        project=name,
        title=look.projects[name].title,
        endpoint=endpoint,
        capture_uri=look.deployed[name].capture_uri,
        captures_today=sum(each.captures for each in look.ledger.receipts(name, today)),
        open_tasks=look.tasks.count(name, TaskStatus.OPEN),
        review_tasks=look.tasks.count(name, TaskStatus.REVIEW),
        settled_tasks=look.tasks.count(name, TaskStatus.SETTLED),
        queue_depth=look.queue.depth(name),
        head=HeadLine(number=head.number, version_id=head.version_id, samples=head.samples) if head else None,
        champion=_champion(look, endpoint),
        active_run=_unfinished(look, name),
        dead_letters=dead.get(f"annotation-{name}", 0),
    )


def _champion(look: Deployed, endpoint: str) -> ChampionLine | None:
    try:
        found: Champion = look.registry.champion(endpoint)
    except NotFoundError:
        return None
    return ChampionLine(model_name=found.model_name, endpoint_config=found.endpoint_config)


def _unfinished(look: Deployed, name: str) -> RunLine | None:
    """The active run, or one that waits for approval or takes over."""
    candidates: list[RetrainingRun] = [each for each in look.runs.runs(name, 5) if each.status not in _ENDED]
    if not candidates:
        return None
    run = candidates[0]
    return RunLine(run_id=run.run_id, status=run.status, started_at=run.started_at)


def _paint_status(found: Status) -> None:
    from rich.text import Text

    paint(Text.assemble(("trueup", "bold"), (f"  stage {found.stage}, {found.region}", "dim")))
    paint(Text(f"workbench {found.workbench_url}\ndashboard {found.dashboard}", style="dim"))
    for each in found.projects:
        paint("", Text.assemble((each.project, "bold cyan"), f"  {each.title}"))
        _paint_project(each)
    shared = {name: waiting for name, waiting in found.dead_letters.items() if waiting}
    if shared:
        names = ", ".join(f"{name} {waiting}" for name, waiting in shared.items())
        paint("", f"[red]✗[/] dead letters: {names}   [dim]trueup redrive --dry-run shows why[/]")


def _paint_project(each: ProjectStatus) -> None:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2), pad_edge=True)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True, min_width=7)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    run = each.active_run
    left = [
        ("captures today", each.captures_today),
        ("open tasks", each.open_tasks),
        ("in review", each.review_tasks),
        ("settled", each.settled_tasks),
    ]
    right = [
        ("queue", count(each.queue_depth, "message")),
        ("dataset", f"v{each.head.number}, {count(each.head.samples, 'sample')}" if each.head else "no version yet"),
        ("champion", safe(each.champion.model_name) if each.champion else f"[yellow]no endpoint {each.endpoint}[/]"),
        ("retraining", f"[yellow]{run.run_id}[/] {_words(run.status)}" if run else "idle"),
    ]
    for (name, value), (other, text) in zip(left, right, strict=True):
        grid.add_row(name, f"{value:,}", f"  {other}", text)
    paint(grid)


class QueueLine(Record, frozen=True, kw_only=True):
    """`depth` counts messages (one per free slot), hidden ones included; `oldest_seconds` and `leased` look at the
    most urgent tasks, `looked_at` of them."""

    project: str
    depth: int
    open_tasks: int
    oldest_seconds: int | None
    leased: int
    looked_at: int
    status: QueueStatus = QueueStatus.ACTIVE
    reason: str = ""


def queue(context: typer.Context, project: AnyProject = "", as_json: Json = False) -> None:
    """What waits for annotators: how much, how long, and what is in somebody's hands."""
    look = desk_of(context).look()
    found = [_queue_line(look, name) for name in projects_of(look, project)]
    if as_json:
        say_json(found)
        return
    rows = [
        [
            each.project,
            _standing(each),
            f"{each.depth:,}",
            f"{each.open_tasks:,}",
            age(each.oldest_seconds),
            f"{each.leased:,}",
        ]
        for each in found
    ]
    paint_table(
        ["project", "queue", "messages", "open tasks", "oldest", "leased"],
        rows,
        ("messages", "open tasks", "oldest", "leased"),
    )


def _standing(line: QueueLine) -> str:
    return line.status.value if line.status is QueueStatus.ACTIVE else f"{line.status.value}: {safe(line.reason)}"


def _queue_line(look: Deployed, name: str) -> QueueLine:
    state = look.manage.state(name)
    beside = [each.name for each in look.projects[name].annotation.queues]
    waiting = look.tasks.by_status(name, TaskStatus.OPEN, _LOOKED_AT)
    now = look.clock.now()
    oldest = min((each.opened_at for each in waiting), default=None)
    return QueueLine(
        project=name,
        depth=sum(look.queue.depth(lane_of(name, each)) for each in ("", *beside)),
        open_tasks=look.tasks.count(name, TaskStatus.OPEN),
        oldest_seconds=round((now - oldest).total_seconds()) if oldest else None,
        leased=sum(any(lease.expires_at > now for lease in each.leases) for each in waiting),
        looked_at=len(waiting),
        status=state.status,
        reason=state.reason,
    )


class TaskStory(Record, frozen=True, kw_only=True):
    task: Task
    selection: Selection | None
    annotations: tuple[Annotation, ...]
    consensus: Consensus | None


@tasks.command("show")
def show_task(
    context: typer.Context,
    task_id: Annotated[str, typer.Argument(metavar="ID", help="Task id.")],
    project: AnyProject = "",
    as_json: Json = False,
) -> None:
    """One task: why it was asked, who answered what, and what came of it."""
    look = desk_of(context).look()
    story = _story(look, projects_of(look, project), task_id)
    if as_json:
        say_json(story)
        return
    _paint_story(story, look.clock.now())


def _story(look: Deployed, names: list[str], task_id: str) -> TaskStory:
    for name in names:
        try:
            task = look.tasks.get(name, task_id)
        except NotFoundError:
            continue
        return TaskStory(
            task=task,
            selection=look.tasks.selection(name, task.sample_id),
            annotations=tuple(look.tasks.annotations(name, task_id)),
            consensus=look.tasks.consensus(name, task_id),
        )
    raise NotFoundError(f"there is no task {task_id} in {', '.join(names)}")


def _paint_story(story: TaskStory, now: datetime) -> None:
    task, chosen, agreed = story.task, story.selection, story.consensus
    held = [each for each in task.leases if each.expires_at > now]
    facts = [
        ("task", f"[bold]{task.task_id}[/]"),
        ("project", task.project),
        ("status", f"{task.status.value}, {len(task.answered_by)} of {count(task.overlap, 'answer')}"),
        ("sample", f"{task.sample_id}  [dim]{safe(task.content_type)}[/]"),
        ("opened", stamp(task.opened_at)),
    ]
    if task.prediction is not None:
        chances = task.prediction.probabilities
        sure = f"p = {max(chances):.3f}" if chances else "without a probability"
        facts.append(("prediction", f"{safe(task.prediction.label)}  [dim]{sure}[/]"))
    if chosen is not None:
        why = f"{chosen.strategy}, score {chosen.score:.3f}, propensity {chosen.propensity:.3f}"
        facts.append(("asked because", f"{safe(chosen.reason)}  [dim]{why}[/]"))
    facts += [("skipped by", f"{safe(each.by)}: {safe(each.reason or 'no reason')}") for each in task.skips]
    facts += [("held by", f"{safe(each.annotator)} until {stamp(each.expires_at)}") for each in held]
    if agreed is not None:
        figures = f"posterior {agreed.posterior:.3f}, agreement {agreed.agreement:.2f}, {agreed.method}"
        facts.append(("consensus", f"[green]{safe(brief(agreed.label))}[/]  [dim]{figures}[/]"))
    paint_facts(facts)
    if story.annotations:
        say()
        _paint_answers(story.annotations)


def _paint_answers(annotations: tuple[Annotation, ...]) -> None:
    corrected = {each.supersedes for each in annotations if each.supersedes}
    rows = [
        [
            safe(each.annotator),
            safe(brief(each.label)),
            f"{each.seconds_spent:.1f} s",
            stamp(each.submitted_at),
            each.schema_version,
            "corrected" if each.annotation_id in corrected else "",
        ]
        for each in annotations
    ]
    paint_table(["annotator", "label", "took", "at", "schema", ""], rows, ("took",))


@tasks.command("list")
def list_tasks(
    context: typer.Context,
    project: AnyProject = "",
    state: Annotated[TaskStatus, typer.Option("--status", help="Which tasks.")] = TaskStatus.OPEN,
    limit: Annotated[int, typer.Option(min=1, max=_LOOKED_AT, help="How many per project.")] = 20,
    as_json: Json = False,
) -> None:
    """Tasks by status, most urgent first."""
    look = desk_of(context).look()
    found = [each for name in projects_of(look, project) for each in look.tasks.by_status(name, state, limit)]
    if as_json:
        say_json(found)
        return
    if not found:
        say(f"no task is {state.value}")
        return
    now = look.clock.now()
    rows = [
        [
            each.task_id,
            each.project,
            f"{each.priority:.3f}",
            f"{len(each.answered_by)}/{each.overlap}",
            age((now - each.opened_at).total_seconds()),
            safe(each.prediction.label) if each.prediction else "",
        ]
        for each in found
    ]
    columns = ["task", "project", "priority", "answers", "age", "predicted"]
    paint_table(columns, rows, ("priority", "answers", "age"))


def _words(state: RunStatus) -> str:
    return state.value.replace("_", " ")
