"""What turned out later: users' corrections and real outcomes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.cli.console import paint, paint_facts, paint_table, safe, say_json, stamp
from trueup.cli.desk import Deployed, desk_of, project_of
from trueup.cli.options import DryRun, Json, OneProject
from trueup.errors import InputError, NotFoundError
from trueup.model import FeedbackState, FeedbackStatus

if TYPE_CHECKING:
    from trueup.usecases.put_feedback import Report

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_TIMES = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]
_COLOURS = {
    FeedbackStatus.PENDING: "yellow",
    FeedbackStatus.JOINED: "green",
    FeedbackStatus.REFUSED: "red",
    FeedbackStatus.EXPIRED: "dim",
}
_OUTCOMES = {
    "agreed": "it agrees with the model",
    "asked": "it contradicts the model: people are asked",
    "labelled": "it is the label",
    "known": "there is a task or a label already",
}


@app.command("put")
def put(
    context: typer.Context,
    label: Annotated[str, typer.Option(help="What it should have been: a class of the label schema.")] = "",
    inference_id: Annotated[str, typer.Option(metavar="ID", help="The InferenceId that the caller gave.")] = "",
    event_id: Annotated[str, typer.Option(metavar="ID", help="Or the event id of the capture.")] = "",
    truth: Annotated[bool, typer.Option("--truth", help="It is the real outcome, not a user's opinion.")] = False,
    index: Annotated[int, typer.Option(min=0, help="Which record of the request, from 0.")] = 0,
    by: Annotated[str, typer.Option(help="Whose word it is.")] = "",
    at: Annotated[
        datetime | None,
        typer.Option("--at", metavar="TIME", formats=_TIMES, help="When the inference was made, in UTC."),
    ] = None,
    file: Annotated[str, typer.Option("--file", metavar="FILE", help="Many at once, as JSON Lines; - is stdin.")] = "",
    project: OneProject = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Say what an inference should have been.

    A search every few minutes joins it to its capture, also when that comes later. Each line of a --file is an object
    with label, inference_id or event_id, and perhaps kind (override or truth), index, by and inferred_at.
    """
    look = desk_of(context).look()
    name = project_of(look, project)
    if file:
        _refuse_both(label, inference_id, event_id)
        reports = list(_reports(file, name))
    else:
        _refuse_unnamed(label, inference_id, event_id)
        fields: dict[str, Any] = {"kind": "truth" if truth else "override", "label": label, "index": index, "by": by}
        fields |= {"inference_id": inference_id or None, "event_id": event_id or None}
        fields |= {"inferred_at": at.replace(tzinfo=UTC) if at else None}
        reports = [("", _report({**fields, "project": name}, ""))]
    _put(look, reports, dry_run, as_json)


def _refuse_unnamed(label: str, inference_id: str, event_id: str) -> None:
    if not label:
        raise InputError("what should it have been? Add --label, or --file for many", field="--label")
    if bool(inference_id) == bool(event_id):
        raise InputError("which inference? Add --inference-id or --event-id, one of the two", field="--inference-id")


def _refuse_both(*options: str) -> None:
    if any(options):
        raise InputError("--file has labels and ids in its lines: leave --label, --inference-id and --event-id out")


def _put(look: Deployed, reports: list[tuple[str, Report]], dry_run: bool, as_json: bool) -> None:
    """All are checked before the first is written."""
    for where, each in reports:
        _check(look, where, each)
    if dry_run:
        paint(f"{len(reports):,} would be kept")
        return
    received = [look.put_feedback(each) for _, each in reports]
    if as_json:
        say_json([{"feedback_id": each.feedback.feedback_id, "repeated": each.repeated} for each in received])
        return
    fresh = sum(not each.repeated for each in received)
    known = f", {len(received) - fresh:,} were there before" if fresh < len(received) else ""
    paint(f"[green]✓[/] {fresh:,} kept{known}")
    if len(received) == 1:
        paint(f"[dim]trueup feedback show {received[0].feedback.feedback_id} tells what becomes of it[/]")


def _check(look: Deployed, where: str, report: Report) -> None:
    try:
        look.put_feedback.check(report)
    except InputError as error:
        if not where:
            raise
        raise InputError(f"{where}: {error}", field=where) from error


def _reports(file: str, project: str) -> Iterator[tuple[str, Report]]:
    import msgspec

    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        where = f"{'stdin' if file == '-' else file} line {number}"
        try:
            fields = msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise InputError(f"{where} is no JSON object: {error}", field=where) from error
        yield where, _report({"project": project, **fields}, where)


def _lines(file: str) -> list[bytes]:
    if file == "-":
        return sys.stdin.buffer.read().split(b"\n")
    try:
        return Path(file).read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", field="--file") from error


def _report(fields: dict[str, Any], where: str) -> Report:
    import msgspec

    from trueup.usecases.put_feedback import Report

    try:
        return msgspec.convert(fields, Report)
    except msgspec.ValidationError as error:
        told = _told(str(error))
        raise InputError(f"{where}: {told}" if where else told, field=where or None) from error


def _told(problem: str) -> str:
    """msgspec's sentence, with the field in front."""
    text, _, field = problem.partition(" - at `$.")
    wanted = "use override or truth" if field == "kind`" else text
    return f"{field.rstrip('`')}: {wanted}" if field else text


@app.command("list")
def list_feedback(
    context: typer.Context,
    status: Annotated[FeedbackStatus, typer.Option(help="Which.")] = FeedbackStatus.PENDING,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 50,
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """Feedback that waits for its capture, or what became of it."""
    look = desk_of(context).look()
    found = look.feedback.by_status(project_of(look, project), status, limit)
    if as_json:
        say_json([_plain(each) for each in found])
    elif not found:
        paint(f"[green]✓[/] no feedback is {status.value}")
    else:
        paint_table(["id", "received", "kind", "label", "inference", "outcome"], [_row(each) for each in found])


def _row(state: FeedbackState) -> list[str]:
    feedback = state.feedback
    return [
        feedback.feedback_id,
        stamp(feedback.received_at),
        feedback.kind,
        safe(feedback.label),
        safe(_inference(state)),
        safe(state.reason or state.outcome or "-"),
    ]


@app.command("show")
def show(
    context: typer.Context,
    feedback_id: Annotated[str, typer.Argument(metavar="ID", help="The id that put and list give.")],
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """How one feedback stands."""
    look = desk_of(context).look()
    name = project_of(look, project)
    state = look.feedback.get(name, feedback_id)
    if state is None:
        raise NotFoundError(f"project {name} has no feedback {feedback_id!r}: trueup feedback list shows what there is")
    if as_json:
        say_json(_plain(state))
    else:
        paint_facts(_facts(state))


def _facts(state: FeedbackState) -> list[tuple[str, str]]:
    feedback = state.feedback
    return [
        ("feedback", feedback.feedback_id),
        ("status", f"[{_COLOURS[state.status]}]{state.status.value}[/]"),
        ("outcome", _OUTCOMES.get(state.outcome) or safe(state.reason or "its capture is looked for")),
        ("kind", feedback.kind),
        ("label", safe(feedback.label)),
        ("inference", safe(_inference(state))),
        ("by", safe(feedback.by or "-")),
        ("received", stamp(feedback.received_at)),
        ("capture file", safe(state.capture_uri or "-")),
        ("sample", state.sample_id or "-"),
        ("task", state.task_id or "-"),
    ]


def _inference(state: FeedbackState) -> str:
    feedback = state.feedback
    name = feedback.inference_id or feedback.event_id or ""
    return f"{name}#{feedback.index}" if feedback.index else name


def _plain(state: FeedbackState) -> dict[str, Any]:
    import msgspec

    return {"feedback_id": state.feedback.feedback_id, **msgspec.to_builtins(state)}
