"""The demo's closing report: on the terminal and as JSON. Its page with plots is scripts/demo_page.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

# Prices of us-east-1 from docs/cost.md.
GROUND_TRUTH_PER_OBJECT = 0.08
OWN_LABEL = 0.000013
PERSON_PER_ANSWER = 0.042


@dataclass(frozen=True)
class Question:
    """One thing that people were asked: `picture` is the PNG in base64, `agreed` how many of `asked` said `label`."""

    picture: str
    said: str
    probability: float
    label: str
    agreed: int
    asked: int
    reason: str


@dataclass(frozen=True)
class Round:
    """What one retraining ended in. `accuracy` is that of its model on the held-out pictures."""

    run: str
    status: str
    reason: str
    outcome: str
    labels: int
    accuracy: float


@dataclass(frozen=True)
class Report:
    """Everything the demo found out. Shares lie in 0..1, `annotators` maps name to skill, low, high and answers."""

    labels_bought: int
    labels_random: int
    questions: int
    answers: int
    accuracy_before: float
    accuracy_after: float
    accuracy_random: float
    new_class: str
    new_class_recall: float
    recalls_before: dict[str, float]
    recalls_after: dict[str, float]
    agreement: float
    careless_annotator_found: bool
    annotators: dict[str, list[float]]
    promoted: bool
    rounds: list[Round]
    gallery: list[Question]
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
            (self.new_class_recall > 0.4, f"the new class {self.new_class} was not learned"),
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
            "trueup on AWS": self.answers * OWN_LABEL,
            "Ground Truth": self.questions * GROUND_TRUTH_PER_OBJECT,
            "people": self.answers * PERSON_PER_ANSWER,
        }

    def people(self) -> list[tuple[str, list[float]]]:
        """Annotators, best first."""
        return sorted(self.annotators.items(), key=lambda each: -each[1][0])


def show(report: Report, console: Console, page: Path) -> None:
    console.rule("[bold]what happened")
    figures = Table(show_header=False, box=None, padding=(0, 2))
    for name, value in _figures(report):
        figures.add_row(name, value)
    console.print(figures)
    people = Table("annotator", "skill", "90 % interval", "answers", box=None, padding=(0, 2))
    for name, (skill, low, high, answers) in report.people():
        blamed = "  [yellow]careless[/]" if report.careless_annotator_found and name == report.people()[-1][0] else ""
        people.add_row(name, f"{skill:.2f}", f"{low:.2f}–{high:.2f}", f"{answers:.0f}{blamed}")
    console.print(people)
    console.rule("[bold]one prediction, and what learned from it")
    for line in report.lineage:
        console.print(line, markup=False, no_wrap=True, overflow="ellipsis", crop=True)
    console.print(f"\nthe same with pictures and plots: [bold]{page}[/]   ({report.seconds:.0f} s)", soft_wrap=True)


def _figures(report: Report) -> Iterator[tuple[str, str]]:
    yield "held-out accuracy before", _bar(report.accuracy_before)
    yield f"after {report.labels_bought} chosen labels", _bar(report.accuracy_after, "green")
    yield f"after {report.labels_random} random labels", _bar(report.accuracy_random, "yellow")
    yield f"recall of the new class {report.new_class}", _bar(report.new_class_recall, "green")
    yield "questions, answers", f"{report.questions}, {report.answers} (agreement α {report.agreement:.2f})"
    yield "captures sent, accounted for", f"{report.captures_sent}, {report.captures_accounted}"
    yield "dead letters, orphan tasks", f"{report.dlq_messages}, {report.orphan_tasks}"
    yield "dataset verify", "clean" if report.verify_ok else "[red]problems[/]"
    yield "these labels on AWS", _price(report)


def _price(report: Report) -> str:
    cost = report.cost
    trueup, ground_truth, people = (dollars(cost[each]) for each in ("trueup on AWS", "Ground Truth", "people"))
    return f"{trueup} (Ground Truth: {ground_truth}), the people {people}"


def dollars(amount: float) -> str:
    return f"${amount:.2f}" if amount >= 0.005 else "under a cent"


def _bar(value: float, colour: str = "white") -> str:
    return f"[{colour}]{'█' * round(value * 30):<30}[/] {value:.1%}"
