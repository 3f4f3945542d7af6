"""The demo's closing report: on the terminal, as a page with plots, as JSON."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

# Prices of us-east-1 from docs/cost.md.
_GROUND_TRUTH_PER_OBJECT = 0.08
_OWN_LABEL = 0.000013
_PERSON_PER_ANSWER = 0.042


@dataclass(frozen=True)
class Report:
    labels_bought: int
    labels_random: int
    questions: int
    answers: int
    accuracy_before: float
    accuracy_after: float
    accuracy_random: float
    new_class: str
    new_class_recall: float
    agreement: float
    careless_annotator_found: bool
    annotators: dict[str, list[float]]
    promoted: bool
    runs: list[dict[str, str]]
    dlq_messages: int
    orphan_tasks: int
    verify_ok: bool
    captures_sent: int
    captures_accounted: int
    lineage: list[str]
    seconds: float

    def problems(self) -> list[str]:
        """What did not come out as it should; empty when the demo shows what it claims."""
        claims = [
            (self.promoted, "no candidate was promoted"),
            (self.accuracy_after > self.accuracy_before, "the new champion is not better on held-out pictures"),
            (self.accuracy_after > self.accuracy_random, "chosen labels were not better than random ones"),
            (self.new_class_recall > 0.5, f"the new class {self.new_class} was not learned"),
            (self.careless_annotator_found, "the careless annotator was not found"),
            (self.dlq_messages == 0, f"{self.dlq_messages} messages in dead-letter queues"),
            (self.orphan_tasks == 0, f"{self.orphan_tasks} orphan tasks"),
            (self.verify_ok, "a dataset version does not verify"),
            (
                self.captures_accounted == self.captures_sent,
                f"{self.captures_accounted} captures accounted for, {self.captures_sent} sent",
            ),
        ]
        return [text for holds, text in claims if not holds]

    @property
    def cost(self) -> dict[str, float]:
        """Dollars for the labels: on AWS through trueup, through Ground Truth, and the people either way."""
        return {
            "trueup on AWS": self.answers * _OWN_LABEL,
            "Ground Truth": self.questions * _GROUND_TRUTH_PER_OBJECT,
            "people": self.answers * _PERSON_PER_ANSWER,
        }


def show(report: Report, console: Console, page: Path) -> None:
    console.rule("[bold]what happened")
    figures = Table(show_header=False, box=None, padding=(0, 2))
    rows = [
        ("held-out accuracy before", _bar(report.accuracy_before)),
        (f"after {report.labels_bought} chosen labels", _bar(report.accuracy_after, "green")),
        (f"after {report.labels_random} random labels", _bar(report.accuracy_random, "yellow")),
        (f"recall of the new class {report.new_class}", _bar(report.new_class_recall, "green")),
        ("questions, answers", f"{report.questions}, {report.answers} (agreement α {report.agreement:.2f})"),
        ("captures sent, accounted for", f"{report.captures_sent}, {report.captures_accounted}"),
        ("dead letters, orphan tasks", f"{report.dlq_messages}, {report.orphan_tasks}"),
        ("dataset verify", "clean" if report.verify_ok else "[red]problems[/]"),
        ("these labels on AWS", _price(report)),
    ]
    for name, value in rows:
        figures.add_row(name, value)
    console.print(figures)
    people = Table("annotator", "skill", "90 % interval", "answers", box=None, padding=(0, 2))
    for name, (skill, low, high, answers) in sorted(report.annotators.items(), key=lambda each: -each[1][0]):
        people.add_row(name, f"{skill:.2f}", f"{low:.2f}–{high:.2f}", f"{answers:.0f}")
    console.print(people)
    console.rule("[bold]one prediction, and what learned from it")
    for line in report.lineage:
        console.print(line, markup=False, no_wrap=True, overflow="ellipsis", crop=True)
    console.print(f"\nreport: {page}   ({report.seconds:.0f} s)")


def write_html(report: Report, path: Path) -> None:
    bars = [
        ("before", report.accuracy_before, "#8a8f98"),
        (f"{report.labels_random} random labels", report.accuracy_random, "#c98a1b"),
        (f"{report.labels_bought} chosen labels", report.accuracy_after, "#2a7d4f"),
    ]
    people = sorted(report.annotators.items(), key=lambda each: -each[1][0])
    prices = "".join(f"<tr><td>{name}</td><td>${value:.2f}</td></tr>" for name, value in report.cost.items())
    tree = html.escape("\n".join(report.lineage))
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>trueup: demo report</title>
<style>
 body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 3rem auto; padding: 0 1rem; color: #1c2024; }}
 h1 {{ font-size: 1.6rem; }} h2 {{ font-size: 1.1rem; margin-top: 2.2rem; }}
 pre {{ background: #f5f6f7; padding: 1rem; overflow-x: auto; font-size: .8rem; line-height: 1.4; }}
 td, th {{ padding: .2rem 1.2rem .2rem 0; text-align: left; }}
</style></head><body>
<h1>A deployed model learned from the right questions</h1>
<p>{report.questions} questions were put to {len(people)} people, who gave {report.answers} answers. The model was
right on {report.accuracy_before:.0%} of held-out pictures before and on {report.accuracy_after:.0%} after; with as
many random questions it would be {report.accuracy_random:.0%}. It finds {report.new_class_recall:.0%} of the digit
{report.new_class}, which the first model had never seen.</p>
<h2>Accuracy on held-out pictures</h2>{_svg_bars(bars)}
<h2>Annotators: skill with 90 % interval</h2>{_svg_intervals(people)}
<h2>Cost of the labels</h2><table>{prices}</table>
<h2>One prediction, and what learned from it</h2><pre>{tree}</pre>
<h2>Nothing was lost</h2>
<p>{report.captures_accounted} of {report.captures_sent} captures accounted for, {report.dlq_messages} dead letters,
{report.orphan_tasks} orphan tasks, dataset verification {"clean" if report.verify_ok else "found problems"}.</p>
</body></html>"""
    path.write_text(page)


def _price(report: Report) -> str:
    cost = report.cost
    return f"${cost['trueup on AWS']:.2f} (Ground Truth: ${cost['Ground Truth']:.2f}), the people ${cost['people']:.2f}"


def _bar(value: float, colour: str = "white") -> str:
    return f"[{colour}]{'█' * round(value * 30):<30}[/] {value:.1%}"


def _svg_bars(bars: list[tuple[str, float, str]]) -> str:
    rows = "".join(
        f'<text x="0" y="{34 * index + 22}">{html.escape(name)}</text>'
        f'<rect x="190" y="{34 * index + 6}" width="{value * 480:.0f}" height="22" rx="3" fill="{colour}"/>'
        f'<text x="{200 + value * 480:.0f}" y="{34 * index + 22}">{value:.1%}</text>'
        for index, (name, value, colour) in enumerate(bars)
    )
    return f'<svg viewBox="0 0 760 {34 * len(bars) + 6}" width="100%" font-size="15" role="img">{rows}</svg>'


def _svg_intervals(people: list[tuple[str, list[float]]]) -> str:
    def x(value: float) -> float:
        return 190 + value * 480

    rows = "".join(
        f'<text x="0" y="{30 * index + 20}">{html.escape(name)}</text>'
        f'<line x1="{x(low):.0f}" x2="{x(high):.0f}" y1="{30 * index + 15}" y2="{30 * index + 15}" '
        f'stroke="#8a8f98" stroke-width="3"/>'
        f'<circle cx="{x(skill):.0f}" cy="{30 * index + 15}" r="6" fill="#2a7d4f"/>'
        f'<text x="700" y="{30 * index + 20}">{skill:.2f}</text>'
        for index, (name, (skill, low, high, _)) in enumerate(people)
    )
    return f'<svg viewBox="0 0 760 {30 * len(people) + 6}" width="100%" font-size="15" role="img">{rows}</svg>'
