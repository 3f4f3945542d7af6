"""Capture lines that could not be used: what waits and why, and to bring it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import busy, count, paint, paint_table, safe, say_json
from trueup.cli.desk import confirm, desk_of, projects_of
from trueup.cli.options import AnyProject, DryRun, Json, Yes

if TYPE_CHECKING:
    from trueup.usecases.replay_quarantine import QuarantinedFile

OneFile = Annotated[str, typer.Option("--file", metavar="URI", help="Only what waits of this capture file.")]
_REASONS = 5


def quarantine(context: typer.Context, project: AnyProject = "", file: OneFile = "", as_json: Json = False) -> None:
    """Lines of capture files that could not be used, and why."""
    waiting = _look(context, project, file)
    if as_json:
        say_json(waiting)
    elif waiting:
        _paint(waiting)
        paint("[dim]mend the cause, then trueup capture replay brings them back[/]")
    else:
        paint("[green]✓[/] nothing waits")


def replay(
    context: typer.Context,
    project: AnyProject = "",
    file: OneFile = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Bring quarantined lines back as capture files, after what was wrong was mended.

    They are ingested as any other file; what is still wrong is quarantined again.
    """
    look = desk_of(context).look()
    waiting = _look(context, project, file)
    if not dry_run and waiting:
        lines = sum(each.lines for each in waiting)
        confirm(f"Replay {count(lines, 'line')} of {count(len(waiting), 'file')}?", yes)
        with busy("bringing them back"):
            waiting = [each for name in projects_of(look, project) for each in look.replay(name, file or None)]
    if as_json:
        say_json(waiting)
    elif not waiting:
        paint("[green]✓[/] nothing waits")
    else:
        _paint(waiting)
        if not dry_run:
            paint(f"[green]✓[/] {count(sum(each.lines for each in waiting), 'line')} brought back")


def _look(context: typer.Context, project: str, file: str) -> list[QuarantinedFile]:
    look = desk_of(context).look()
    return [each for name in projects_of(look, project) for each in look.replay.look(name, file or None)]


def _paint(files: Sequence[QuarantinedFile]) -> None:
    for each in files:
        paint(f"[bold]{safe(each.file)}[/]  {count(each.lines, 'line')}: {_first(each.first_lines, each.lines)}")
        rows = [
            [f"{lines:,}", _first(each.reason_lines[reason], lines), safe(reason)]
            for reason, lines in list(each.reasons.items())[:_REASONS]
        ]
        paint_table(["lines", "which", "why"], rows, ("lines",))
        if len(each.reasons) > _REASONS:
            paint(f"[dim]and {count(len(each.reasons) - _REASONS, 'other reason')}: --json tells all[/]")
        paint("")


def _first(lines: Sequence[int], of: int) -> str:
    return ", ".join(map(str, lines)) + (", …" if of > len(lines) else "")
