"""`trueup report`: a lead's figures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from trueup.cli.console import age, count, paint, paint_facts, paint_table, safe, say, say_json, stamp
from trueup.cli.desk import desk_of, project_of
from trueup.cli.options import Json, OneProject
from trueup.model import AnnotatorFigures, Figure, QualityReport, ServiceCost, StandingStatus


def report(
    context: typer.Context,
    project: OneProject = "",
    refresh: Annotated[bool, typer.Option("--refresh", help="Look at all answers now.")] = False,
    as_json: Json = False,
) -> None:
    """A project's queue ages, throughput, agreement, annotators and cost."""
    look = desk_of(context).look()
    name = project_of(look, project)
    made = look.report(name) if refresh else look.report.reports.report(name) or look.report(name)
    if as_json:
        say_json(made)
        return
    _paint(made, look.clock.now())


def _paint(made: QualityReport, now: datetime) -> None:
    waiting = ", ".join(f"{number:,} up to {name}" for name, number in made.ages.items() if number) or "nothing"
    cost = "no hourly_cost is configured" if made.cost is None else f"{made.cost:,.2f} {made.currency}"
    settled = made.tasks.get("settled", 0)
    each = f", {made.cost / settled:,.3f} a label" if made.cost is not None and settled else ""
    facts = [
        ("project", f"[bold]{made.project}[/]"),
        ("as of", f"{stamp(made.at)}  [dim]{age((now - made.at).total_seconds())} ago[/]"),
        ("tasks", ", ".join(f"{number:,} {name}" for name, number in made.tasks.items())),
        ("waiting", waiting),
        ("answers", f"{made.looked_at:,}, {made.hours:,.1f} hours of people's time"),
        ("cost", f"{cost}{each}"),
        *[(safe(each.backend), _service(each)) for each in made.services],
        ("agreement", _figure(made.agreement)),
    ]
    paint_facts(facts)
    for title, figures in (("class", made.by_class), ("slice", made.by_slice), ("week", made.by_week)):
        if figures:
            say()
            paint_table(
                [title, "agreement", "samples"], [[safe(one.name), _figure(one), f"{one.samples:,}"] for one in figures]
            )
    if made.annotators:
        say()
        columns = ["annotator", "answers", "seconds", "skill", "gold", "of late", "before", ""]
        paint_table(columns, [_row(each) for each in made.annotators], ("answers", "seconds", "of late", "before"))
    drifting = [each.annotator for each in made.annotators if each.drifts]
    if drifting:
        say()
        paint(f"[yellow]{count(len(drifting), 'annotator')} of late clearly less often right[/]")


def _row(each: AnnotatorFigures) -> list[str]:
    return [
        safe(each.annotator),
        f"{each.answers:,}",
        f"{each.seconds:.1f}",
        f"{each.skill:.3f}  [dim]{each.low:.3f} to {each.high:.3f}[/]",
        "-" if each.gold_right is None else f"{each.gold_right:.2f} of {each.gold}",
        "-" if each.recent is None else f"{each.recent:.2f}",
        "-" if each.earlier is None else f"{each.earlier:.2f}",
        ", ".join(_remarks(each)),
    ]


def _remarks(each: AnnotatorFigures) -> list[str]:
    drifting = ["[yellow]drifts[/]"] if each.drifts else []
    return drifting if each.standing is StandingStatus.ACTIVE else [*drifting, f"[red]{each.standing.value}[/]"]


def _service(each: ServiceCost) -> str:
    """In cents and finer: an object costs a few of them."""
    apiece = f", {each.amount / each.objects:,.3f} an object" if each.objects else ""
    paid = f"{each.amount:,.2f} {each.currency} by list price for {count(each.objects, 'object')}{apiece}"
    return f"{paid}; {each.this_month:,.2f} this month"


def _figure(figure: Figure) -> str:
    if figure.value is None:
        return "no sample has several answers"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f}  [dim]{figure.low:.3f} to {figure.high:.3f}[/]"
