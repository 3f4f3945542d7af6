"""The main job of trueup, played on the embedded AWS: see `scripts/demo --help`."""

from __future__ import annotations

import argparse
import base64
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from scripts.demo_data import FAST, FULL, NEW_CLASS, Picture, Size, Story, tell
from scripts.demo_page import write_page
from scripts.demo_report import Question, Report, Round, show
from scripts.demo_world import CROWD, PASSWORD, Crowd, answer_sheet, await_until, first_model, labels_of, measure, send
from trueup.adapters.aws.clients import Clients
from trueup.dataset.verify import verify
from trueup.errors import ConflictError
from trueup.lineage.render import tree_lines
from trueup.local import service
from trueup.model import Node, NodeKind, RetrainingRun, RunStatus, Task, TaskStatus
from trueup.quality.agreement import krippendorff_alpha
from trueup.quality.annotators import careless
from trueup.usecases.making_versions import view_of
from trueup.wiring.operator import Operator, operator

SELECTED, RANDOM = "digits", "digits-random"
COMMIT_BATCH = 4
_PATIENCE = 240
_ENDED = (RunStatus.PROMOTED, RunStatus.REJECTED, RunStatus.FAILED, RunStatus.ROLLED_BACK)


def configuration(size: Size) -> dict[str, Any]:
    """Two projects on the same traffic: one asks about the closest margins, one asks at random."""
    classes = [{"name": str(each)} for each in range(10)]
    rate = round(1.08 * size.labels / (size.calm + size.drifted), 4)
    common = {
        "label_schema": {
            "media": "image",
            "classes": classes,
            "guidelines": "Choose the digit that you see. Some pictures are rotated. Skip what nobody could read.",
        },
        "consensus": {"overlap": 2, "max_overlap": 5, "target": 0.9, "lease_seconds": 60},
        # On so few test samples one of them is some percent: a small loss is tolerated, a significant one is not.
        "gate": {"min_test_samples": 20, "min_improvement": -0.05, "max_class_recall_drop": 0.5},
        "training": {"approval": "automatic", "canary": {"percent": 10, "wait_seconds": 60}},
    }
    commit = {"batch": COMMIT_BATCH, "max_age_seconds": 20, "validation_share": 0.0, "test_share": 0.2}
    selected = {
        "name": SELECTED,
        "title": "Handwritten digits",
        "endpoint_name": SELECTED,
        "selection": {"strategy": "margin", "rate": rate, "audit_share": 0.1, "budget": {"total": size.labels}},
        "commit": commit,
        "triggers": {"min_new_labels": round(0.9 * size.labels / size.rounds), "new_class_min_labels": None},
    }
    at_random = {
        "name": RANDOM,
        "title": "Handwritten digits, asked at random",
        "endpoint_name": RANDOM,
        "selection": {"strategy": "random", "rate": rate, "audit_share": 0.0, "budget": {"total": size.labels}},
        "commit": commit,
        "triggers": {"min_new_labels": None, "new_class_min_labels": None},
    }
    return {
        "stage": "demo",
        "removal_policy": "destroy",
        "schedule_minutes": 1,
        "projects": [{**common, **selected}, {**common, **at_random}],
    }


@dataclass
class Play:
    """One performance: what was started, and what the report says of it."""

    size: Size
    story: Story
    console: Console
    running: service.Running
    operator: Operator
    crowd: Crowd
    started: float
    before: tuple[float, dict[str, float]] = (0.0, {})
    after: tuple[float, dict[str, float]] = (0.0, {})
    runs: list[RetrainingRun] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.console.print(f"[dim]{time.monotonic() - self.started:6.1f} s[/]  {text}")

    def await_ended(self, ready: Any) -> Any:
        """Wait, and show on a terminal how the loop moves meanwhile."""
        with self.console.status("") as status:

            def look() -> Any:
                if self.console.is_terminal:
                    status.update(self._pulse())
                return ready()

            return await_until(look, _PATIENCE)

    def _pulse(self) -> str:
        tasks, run = self.operator.tasks, self.operator.runs.active(SELECTED)
        counted = {each: tasks.count(SELECTED, each) for each in (TaskStatus.OPEN, TaskStatus.SETTLED)}
        learning = f"training {run.run_id}" if run else "not training"
        return f"[dim]{counted[TaskStatus.OPEN]} open, {counted[TaskStatus.SETTLED]} settled, {learning}[/]"

    def perform(self) -> Report:
        self._open()
        for number, part in enumerate(_parts(self.story, self.size.rounds), start=1):
            self._traffic(number, part)
            self._await_run(number)
        self._await_labels()
        random_run = self._random_run()
        self.crowd.stop()
        return self._report(random_run)

    def _open(self) -> None:
        for name in (SELECTED, RANDOM):
            first_model(self.operator, name, labels_of(self.story.first))
            deployed = self.operator.deployed[name]
            self.operator.attach(deployed.endpoint_name, deployed.capture_uri, self.operator.deployment.key_arn)
        first = self.operator.registry.champion(SELECTED).model_data_url
        self.before = self.after = measure(self.operator, first, self.story.held_out, "before")
        self.say(f"first model trained on {self.size.first} labels of 0–8 and deployed; data capture attached")
        self.say(f"on held-out pictures of the new world it is right [bold]{self.before[0]:.0%}[/] of the time")
        self.crowd.hire(["you"])
        self.crowd.start()
        self.say(f"{len(CROWD)} annotators signed in (one of them in a hurry)")

    def _traffic(self, number: int, part: Sequence[Picture]) -> None:
        seconds = len(part) / 40
        with ThreadPoolExecutor(2) as callers:
            list(callers.map(lambda name: send(Clients(), name, part, seconds), (SELECTED, RANDOM)))
        self.say(f"traffic, part {number}: {len(part)} pictures to each endpoint")

    def _await_run(self, number: int) -> None:
        seen = {each.run_id for each in self.runs}

        def ended() -> RetrainingRun | None:
            newest = next(iter(self.operator.runs.runs(SELECTED, 1)), None)
            return newest if newest and newest.run_id not in seen and newest.status in _ENDED else None

        run = self.await_ended(ended)
        self.runs.append(run)
        version = self.operator.datasets.version(SELECTED, run.version_id)
        self.after = self._serving(number)
        ended = Round(
            run=run.run_id,
            status=run.status.value,
            reason=run.reason,
            outcome=run.outcome,
            labels=_new_labels(self.operator, SELECTED, run),
            accuracy=round(self.after[0], 4),
        )
        self.rounds.append(ended)
        told = f"{run.reason} → version {version.number} → {_end_of(run)}"
        self.say(f"retraining {number}: {told}, right [bold]{ended.accuracy:.0%}[/] of the time")

    def _serving(self, number: int) -> tuple[float, dict[str, float]]:
        """What the model that serves now is worth; one that was refused changed nothing."""
        url = self.operator.registry.champion(SELECTED).model_data_url
        return measure(self.operator, url, self.story.held_out, f"after-{number}")

    def _await_labels(self) -> None:
        def settled() -> bool:
            counts = [self.operator.tasks.count(name, TaskStatus.OPEN) for name in (SELECTED, RANDOM)]
            return not any(counts) and len(self.operator.tasks.uncommitted(RANDOM, 100)) < COMMIT_BATCH

        self.await_ended(settled)
        self.say("every question is answered")

    def _random_run(self) -> RetrainingRun:
        run = self.operator.decide.start_now(RANDOM, "as many labels, asked at random")

        def ended() -> RetrainingRun | None:
            found = self.operator.runs.get(RANDOM, run.run_id)
            return found if found.status in _ENDED else None

        ended_run: RetrainingRun = self.await_ended(ended)
        self.say(f"the same with random questions → {_end_of(ended_run)}")
        return ended_run

    def _report(self, random_run: RetrainingRun) -> Report:
        look = self.operator
        random_url = (
            f"s3://{look.deployment.dataset_bucket}/{RANDOM}/training/{random_run.training_job}/output/model.tar.gz"
        )
        by_random, _ = measure(look, random_url, self.story.held_out, "random")
        receipts = [each for name in (SELECTED, RANDOM) for each in look.ledger.receipts(name, _long_ago())]
        answers = look.tasks.answers(SELECTED, 5000)
        skills = look.skills.skills(SELECTED)
        return Report(
            labels_bought=self.rounds[-1].labels,
            labels_random=_new_labels(look, RANDOM, random_run),
            questions=sum(each.selected for each in receipts if each.file.project == SELECTED),
            answers=len(answers),
            accuracy_before=round(self.before[0], 4),
            accuracy_after=round(self.after[0], 4),
            accuracy_random=round(by_random, 4),
            new_class=NEW_CLASS,
            new_class_recall=round(self.after[1][NEW_CLASS], 4),
            recalls_before=self.before[1],
            recalls_after=self.after[1],
            agreement=round(krippendorff_alpha(_by_task(answers)), 4),
            careless_annotator_found=[self._name(each.annotator) for each in careless(skills)] == [CROWD[-1].name],
            annotators={self._name(each.annotator): [each.skill, each.low, each.high, each.answers] for each in skills},
            promoted=any(each.status is RunStatus.PROMOTED for each in self.runs),
            rounds=self.rounds,
            gallery=_gallery(look),
            dlq_messages=_dead_letters(look),
            orphan_tasks=_orphans(look),
            verify_ok=not _problems(look),
            captures_sent=2 * len(self.story.traffic),
            captures_accounted=sum(each.captures + each.quarantined + each.duplicates for each in receipts),
            lineage=[_with_names(each, self.crowd.subs) for each in _lineage(look, self.runs[-1])],
            seconds=round(time.monotonic() - self.started, 1),
        )

    def _name(self, annotator: str) -> str:
        return self.crowd.subs.get(annotator, annotator)


def _end_of(run: RetrainingRun) -> str:
    return f"[bold]{run.status}[/]" if run.status is RunStatus.PROMOTED else f"[bold]{run.status}[/]: {run.outcome}"


def _parts(story: Story, rounds: int) -> list[tuple[Picture, ...]]:
    """The traffic in equal parts, in its order."""
    edges = [round(len(story.traffic) * each / rounds) for each in range(rounds + 1)]
    return [story.traffic[start:end] for start, end in pairwise(edges)]


def _new_labels(look: Operator, project: str, run: RetrainingRun) -> int:
    version = look.datasets.version(project, run.version_id)
    first = look.datasets.version(project, "1")
    return version.samples - first.samples


def _gallery(look: Operator, size: int = 12) -> list[Question]:
    """Some of the settled questions, those first in which the model was wrong."""
    settled = look.tasks.by_status(SELECTED, TaskStatus.SETTLED, 5000)
    questions = [each for each in (_question(look, task) for task in settled[: 6 * size]) if each is not None]
    return sorted(questions, key=lambda each: each.said == each.label)[:size]


def _question(look: Operator, task: Task) -> Question | None:
    consensus, selection = look.tasks.consensus(SELECTED, task.task_id), look.tasks.selection(SELECTED, task.sample_id)
    if consensus is None or selection is None:
        return None
    asked = len(consensus.annotation_ids)
    return Question(
        picture=base64.b64encode(look.payloads.get(task.payload_uri).data).decode(),
        said=selection.prediction.label,
        probability=max(selection.prediction.probabilities),
        label=consensus.label,
        agreed=round(consensus.agreement * asked),
        asked=asked,
        reason="audit" if selection.reason == "audit" else "unsure",
    )


def _by_task(answers: Any) -> list[list[str]]:
    found: dict[str, list[str]] = {}
    for each in answers:
        found.setdefault(each.task_id, []).append(each.label)
    return list(found.values())


def _dead_letters(look: Operator) -> int:
    urls = [*look.deployment.dlqs.values(), *[each.annotation_dlq_url for each in look.deployed.values()]]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    sqs = look.clients["sqs"]
    answers = [sqs.get_queue_attributes(QueueUrl=each, AttributeNames=names)["Attributes"] for each in urls]
    return sum(int(each[name]) for each in answers for name in names)


def _orphans(look: Operator) -> int:
    """Questions without an end: open though all should be answered by now, or settled and in no version."""
    return sum(look.tasks.count(name, TaskStatus.OPEN) + _unheard(look, name) for name in (SELECTED, RANDOM))


def _unheard(look: Operator, project: str) -> int:
    head = look.datasets.head(project)
    heard = {each.consensus_id for each in view_of(look.datasets, project, head)}
    heard |= {each.consensus.consensus_id for each in look.tasks.uncommitted(project, 1000)}
    labels = [
        look.tasks.consensus(project, each.task_id) for each in look.tasks.by_status(project, TaskStatus.SETTLED, 5000)
    ]
    return sum(each is None or each.consensus_id not in heard for each in labels)


def _problems(look: Operator) -> list[str]:
    found: list[str] = []
    for name in (SELECTED, RANDOM):
        for version in look.datasets.versions(name):
            found += verify(
                version,
                lambda sha256, name=name: look.datasets.segment(name, sha256),
                lambda version_id, name=name: look.datasets.document(name, version_id),
            )
    return found


def _lineage(look: Operator, run: RetrainingRun) -> list[str]:
    """From one capture that people were asked about, down to the endpoint that learned from it."""
    tree = None
    for label in look.datasets.version(SELECTED, run.version_id).delta[-1:]:
        from trueup.dataset.segments import decode

        sample = decode(look.datasets.segment(SELECTED, label.sha256))[0]
        selection = look.tasks.selection(SELECTED, sample.sample_id)
        if selection is not None:
            start = Node(kind=NodeKind.CAPTURE, id=f"{selection.event_id}#{selection.index}")
            tree = look.show_lineage.trees(SELECTED, start, ("down",), 60)["down"]
    return tree_lines(tree) if tree is not None else []


def _with_names(line: str, subs: dict[str, str]) -> str:
    """The report is the only place where annotators have names: everywhere else they are Cognito's subjects."""
    for sub, name in subs.items():
        line = line.replace(sub, name)
    return line


def _long_ago() -> Any:
    from datetime import UTC, datetime

    return datetime(2020, 1, 1, tzinfo=UTC)


def _shown(path: Path) -> Path:
    """As short as it can be typed from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/demo", description="A model gets better because people were asked.")
    parser.add_argument("--fast", action="store_true", help="the same, small, and exit at the end (for CI)")
    parser.add_argument("--report", type=Path, help="write the closing report as JSON")
    parser.add_argument("--state", type=Path, default=ROOT / ".trueup" / "demo", help="state directory")
    arguments = parser.parse_args()
    report_path(arguments)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A shell that starts us in the background hands SIGINT over as ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = play(arguments, console)
    except KeyboardInterrupt:
        console.print("stopping")
        code = 130
    except ConflictError as error:
        sys.exit(f"scripts/demo: {error}")
    finally:
        service.down(arguments.state)
    sys.exit(code)


def report_path(arguments: argparse.Namespace) -> None:
    """The report goes where the caller means, who was elsewhere than the script is; told now if that cannot be."""
    if arguments.report is None:
        return
    arguments.report = Path(os.environ.get("TRUEUP_CALLED_FROM", ".")) / arguments.report
    if not arguments.report.parent.is_dir():
        sys.exit(f"scripts/demo: there is no folder {arguments.report.parent} for the report")


def play(arguments: argparse.Namespace, console: Console) -> int:
    size = FAST if arguments.fast else FULL
    started = time.monotonic()
    service.reset(arguments.state)
    arguments.state.mkdir(parents=True)
    config = arguments.state / "deployment.json"
    config.write_text(json.dumps(configuration(size), indent=1))
    options = service.Options(root=ROOT, state=arguments.state, config=config, attached=True)
    console.rule("[bold]trueup[/]: a deployed model learns from the right questions")
    running = service.up(options, lambda text: console.print(f"[dim]{time.monotonic() - started:6.1f} s[/]  {text}"))
    os.environ.update(service.aws_environment(running))
    look = operator("demo", Clients())
    story = tell(size)
    crowd = Crowd(
        operator=look,
        workbench_url=running.workbench_url,
        answers=answer_sheet(story.traffic),
        classes=tuple(str(each) for each in range(10)),
        projects=(SELECTED, RANDOM),
    )
    report = Play(size, story, console, running, look, crowd, started).perform()
    page = arguments.state / "report.html"
    write_page(report, page)
    show(report, console, _shown(page))
    if arguments.report:
        arguments.report.write_text(json.dumps(asdict(report), indent=1) + "\n")
    problems = report.problems()
    for each in problems:
        console.print(f"[red]✗ {each}[/]")
    if not arguments.fast:
        _stay_open(running, arguments.state, console)
    return 1 if problems else 0


def _stay_open(running: service.Running, state: Path, console: Console) -> None:
    door = Table.grid(padding=(0, 2))
    door.add_row(
        "workbench", f"[bold]{running.workbench_url}[/]   sign in as [bold]you[/], password [bold]{PASSWORD}[/]"
    )
    door.add_row("command line", f"[bold]source {_shown(state)}/env[/], then [bold].venv/bin/trueup status[/]")
    console.print(Panel(door, title="it is all still running: label the rest", subtitle="Ctrl-C stops everything"))
    signal.pause()


if __name__ == "__main__":
    main()
