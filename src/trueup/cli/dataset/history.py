"""What was done to a dataset, and who gave a sample its label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import paint, paint_facts, paint_table, safe, say, say_json, stamp
from trueup.cli.dataset.naming import version_at, view_at
from trueup.cli.desk import Deployed, desk_of, project_of
from trueup.cli.options import Json, OneProject
from trueup.errors import InputError, NotFoundError
from trueup.labels.brief import brief

if TYPE_CHECKING:
    from trueup.dataset.graph import Row
    from trueup.model import Annotation, DatasetVersion
    from trueup.usecases.blame_label import LabelLife
    from trueup.usecases.show_log import LogEntry

_WHOLE_ID = 64
_LEAST = 6


def log(
    context: typer.Context,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Whose past (default: head).")] = "head",
    everything: Annotated[bool, typer.Option("--all", help="The past of every branch.")] = False,
    sample: Annotated[str, typer.Option(help="Only versions that changed this sample; an id or its beginning.")] = "",
    class_name: Annotated[str, typer.Option("--class", help="Only versions that changed how many have it.")] = "",
    since: Annotated[str, typer.Option(help="Only from then on: 2026-11-01 or 2026-11-01T12:00 (UTC).")] = "",
    until: Annotated[str, typer.Option(help="Only until then; a date means its end.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """What was done, newest first, with branches and merges drawn beside it."""
    from trueup.dataset.naming import read_day, read_time
    from trueup.usecases.show_log import LogFilter

    look = desk_of(context).look()
    where = project_of(look, project)
    head = version_at(look, where, version)
    wanted = LogFilter(
        sample_id=_sample_id(look, head, sample) if sample else None,
        class_name=class_name or None,
        since=read_day(since, "--since") if since else None,
        until=read_time(until, "--until") if until else None,
        limit=limit,
    )
    heads = list(look.datasets.heads(where).values()) if everything else [head]
    found = look.log(where, heads, wanted)
    if as_json:
        say_json(found)
        return
    if not found:
        say("no version is like that")
        return
    _paint_log(found, whole=not (sample or class_name))


def blame(
    context: typer.Context,
    sample: Annotated[
        str, typer.Argument(metavar="SAMPLE", help="A sample's id or its beginning.", show_default=False)
    ],
    at: Annotated[str, typer.Option("--at", help="As of which version.")] = "head",
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """Who gave a sample its label, when and by which answers; and what it was before."""
    look = desk_of(context).look()
    where = project_of(look, project)
    version = version_at(look, where, at)
    sample_id = _sample_id(look, version, sample)
    lives = look.blame(version, sample_id)
    if as_json:
        say_json({"project": where, "sample_id": sample_id, "at": version.version_id, "lives": lives})
        return
    paint(f"[bold]{sample_id}[/]  in v{version.number} of {where}")
    for each in lives:
        say()
        _paint_life(each)


def _sample_id(look: Deployed, version: DatasetVersion, text: str) -> str:
    """A beginning must lead to one sample of the version; a whole id may be of one that it does not hold any more."""
    if len(text) == _WHOLE_ID:
        return text
    if len(text) < _LEAST:
        raise InputError(f"{text!r} is too short: give at least {_LEAST} digits of the sample's id", field="SAMPLE")
    found = [each.sample_id for each in view_at(look, version) if each.sample_id.startswith(text)]
    if len(found) != 1:
        many = f"{len(found)} samples whose ids begin" if found else "no sample whose id begins"
        raise NotFoundError(f"v{version.number} holds {many} with {text}: trueup dataset export lists all")
    return found[0]


def _paint_log(entries: list[LogEntry], *, whole: bool) -> None:
    numbers = {each.version_id: each.number for each in entries}
    rows = _rows(entries) if whole else [None] * len(entries)
    width = max((len(each.beside) for each in rows if each), default=1)
    for entry, row in zip(entries, rows, strict=True):
        for line in row.above if row else ():
            paint(f"[dim]{safe(line)}[/]")
        beside = row.beside if row else "*"
        paint(f"[dim]{safe(beside.ljust(width))}[/] {_line(entry, numbers)}")
        for line in row.below if row else ():
            paint(f"[dim]{safe(line)}[/]")


def _rows(entries: list[LogEntry]) -> list[Row]:
    from trueup.dataset.graph import Link, drawn

    return list(drawn(Link(version_id=e.version_id, parent=e.parent, merged=e.merged) for e in entries))


def _line(entry: LogEntry, numbers: dict[str, int]) -> str:
    names = [
        *(f"[cyan]{safe(each)}[/]" for each in entry.branches),
        *(f"[yellow]{safe(each)}[/]" for each in entry.tags),
    ]
    if entry.pruned:
        names.append("[red]pruned[/]")
    parts = [
        f"[bold green]v{entry.number}[/]",
        f"[dim]{entry.version_id[:8]}[/]",
        stamp(entry.at),
        f"({', '.join(names)})" if names else "",
        _changes(entry),
        safe(entry.reason),
        f"[dim]merges v{numbers[entry.merged]}[/]" if entry.merged in numbers else "",
        f"[dim]{safe(entry.by)}[/]",
    ]
    return "  ".join(each for each in parts if each)


def _changes(entry: LogEntry) -> str:
    if entry.class_count is not None:
        return f"{entry.class_before:,} → {entry.class_count:,}"
    told = (
        ("+", entry.added, ""),
        ("-", entry.removed, ""),
        ("", entry.relabelled, " relabelled"),
        ("", entry.moved, " moved"),
        ("", entry.restated, " restated"),
    )
    return ", ".join(f"{sign}{number:,}{word}" for sign, number, word in told if number) or "no change"


def _paint_life(life: LabelLife) -> None:
    said = f"[bold]{safe(brief(life.line.label))}[/]" if life.line else "[red]taken out[/]"
    came = f"  [dim]came along with v{life.brought_by}[/]" if life.brought_by else ""
    paint(
        f"[bold green]v{life.number}[/]  {said}  {stamp(life.at)}  {safe(life.reason)}  [dim]{safe(life.by)}[/]{came}"
    )
    if life.line is None:
        return
    line, settled = life.line, life.settled
    facts = [("split", line.split), ("asked by", safe(line.selected_by))]
    if settled is None:
        facts.append(("settled", "no answer is known: the label was brought along"))
    else:
        sure = f"posterior {line.posterior:.3f}, agreement {line.agreement:.2f}"
        facts.append(("settled", f"by {safe(settled.method or 'consensus')} at {stamp(settled.at)}, {sure}"))
    paint_facts([(f"    {name}", value) for name, value in facts])
    if settled is not None and settled.annotations:
        columns = ["    answer of", "label", "at", "took", "comment"]
        imported = any(each.source for each in settled.annotations)
        rows = [[*_answer(each), *([safe(each.source)] if imported else [])] for each in settled.annotations]
        paint_table([*columns, "from"] if imported else columns, rows)
    for ruling in settled.rulings if settled else ():
        ruled = safe(brief(ruling.label)) if ruling.label is not None else "asked again"
        paint(f"    ruled by {safe(ruling.reviewer)} at {stamp(ruling.at)}: {ruled}  [dim]{safe(ruling.comment)}[/]")


def _answer(each: Annotation) -> list[str]:
    took = f"{each.seconds_spent:.0f} s" if each.seconds_spent else "-"
    return [f"    {safe(each.annotator)}", safe(brief(each.label)), stamp(each.submitted_at), took, safe(each.comment)]
