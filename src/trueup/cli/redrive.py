"""Bring dead letters back to work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import busy, count, paint, paint_table, safe, say_json, stamp
from trueup.cli.desk import desk_of
from trueup.cli.options import DryRun, Json

if TYPE_CHECKING:
    from trueup.usecases.redrive_messages import WardReport

_BODY = 60
_HOW = {"task": "brought back by SQS", "copy": "brought back one by one", "call": "called again"}


def redrive(
    context: typer.Context,
    queue: Annotated[str, typer.Argument(metavar="[QUEUE]", help="Only this one (default: all).")] = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Bring the messages of dead-letter queues back to work, and show why they were there."""
    redriving = desk_of(context).look().redrive
    with busy("looking into the dead-letter queues"):
        reports = redriving.look(queue or None) if dry_run else redriving(queue or None)
    if as_json:
        say_json(reports)
        return
    full = [each for each in reports if each.waiting]
    for each in full:
        _paint(each)
    empty = [each.queue for each in reports if not each.waiting]
    if empty:
        paint(f"[green]✓[/] empty: {', '.join(empty)}")
    if dry_run and full:
        paint("\n[dim]mend the cause, then trueup redrive brings them back[/]")


def _paint(report: WardReport) -> None:
    paint(f"[bold]{report.queue}[/]  {count(report.waiting, 'message')}")
    rows = [[stamp(each.sent_at), safe(each.reason), safe(_short(each.body))] for each in report.letters]
    paint_table(["since", "why", "message"], rows)
    if report.moved is not None:
        paint(f"[green]✓[/] {report.moved:,} {_HOW[report.how]}")
    for each in report.kept:
        paint(f"[red]✗[/] {safe(each.message_id)} stays: {safe(each.reason)}")
    if report.moved is not None:
        paint("")


def _short(body: str) -> str:
    text = " ".join(body.split())
    return text if len(text) <= _BODY else f"{text[: _BODY - 1]}…"
