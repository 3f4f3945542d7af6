"""A project with a past: three rounds of labels, a wrong one that a reviewer overruled, and three trained models."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from tests.worlds import Loop, project
from trueup.model import ModelPackage, NodeKind, RetrainingRun, RunStatus, Task, TaskStatus
from trueup.ports import Journal
from trueup.usecases.conclude_run import ConcludeRun, Conclusion
from trueup.usecases.evaluate_candidate import EvaluateCandidate
from trueup.usecases.making_versions import view_of
from trueup.usecases.rule_on_task import RuleOnTask
from trueup.usecases.submit_annotation import Submission

PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/trueup-pets/{}"
PEOPLE = ("ada", "ben", "cleo")


@dataclass
class History:
    """Three versions and what was made of them. `wrong` is the task that ada and ben labelled cat together in April,
    and that rita ruled to be a fox in June."""

    loop: Loop
    wrong: Task
    runs: list[RetrainingRun] = field(default_factory=list)

    def node(self, kind: NodeKind, up_from: Any = None) -> str:
        """Some node of a kind."""
        edges = self.loop.world.edges.values()
        return min(each.id for edge in edges for each in (edge.source, edge.target) if each.kind is kind)


def history(samples: int = 12, loop: Loop | None = None) -> History:
    """v1 of April is trained on and serves from 3 May on; v2 of May brings dogs, and its model is rejected; v3 of June
    brings the ruling, and its model serves from 20 June on."""
    loop = loop or Loop(project(title="Pets in words", gate={"min_test_samples": 1}))
    told = History(loop=loop, wrong=_april(loop, samples))
    told.runs.append(_learn(loop, datetime(2026, 5, 3, 10, tzinfo=UTC), "promoted", wrong=2))
    _at(loop, 2026, 5, 20)
    _label(loop, samples, "dog", "b", first=101)
    loop.commit("pets", "dogs of May", force=True)
    told.runs.append(_learn(loop, datetime(2026, 5, 22, 9, tzinfo=UTC), "rejected", wrong=4))
    _at(loop, 2026, 6, 2)
    rule = RuleOnTask(loop.projects, loop.tasks, loop.lineage, loop.queue, loop.clock)
    rule.label("pets", told.wrong.task_id, "rita", "fox", "look at the tail")
    loop.commit("pets", "a ruling", force=True)
    told.runs.append(_learn(loop, datetime(2026, 6, 20, 16, tzinfo=UTC), "promoted", wrong=0))
    _at(loop, 2026, 7, 1)
    return told


def _april(loop: Loop, samples: int) -> Task:
    _at(loop, 2026, 4, 10)
    _label(loop, samples, "cat", "a", first=1)
    loop.commit("pets", "first labels", force=True)
    settled = loop.tasks.by_status("pets", TaskStatus.SETTLED, samples)
    # One of the training split, so that models learned from it.
    train = {each.sample_id for each in _content(loop) if each.split == "train"}
    return min((each for each in settled if each.sample_id in train), key=lambda each: each.task_id)


def _label(loop: Loop, samples: int, label: str, name: str, first: int) -> None:
    """Two of three people each, in turn."""
    loop.ingest(loop.capture(samples, name=name, first=first))
    for number in range(2 * samples):
        for person in PEOPLE[number % 3 :] + PEOPLE[: number % 3]:
            claimed = loop.claim("pets", person)
            if claimed is not None:
                break
        else:
            return
        loop.clock.advance(7)
        task, token = claimed.task, claimed.lease.token
        loop.submit(Submission(project="pets", task_id=task.task_id, annotator=person, label=label, lease_token=token))
        loop.settle("pets", task.task_id)


def _learn(loop: Loop, at: datetime, outcome: str, wrong: int) -> RetrainingRun:
    """From a trigger to the end, with `wrong` of the test samples wrong."""
    loop.clock.set(at)
    head = loop.datasets.head("pets")
    assert head is not None
    run = RetrainingRun(
        project="pets",
        run_id=f"v{head.number}-{head.version_id[:8]}",
        status=RunStatus.RUNNING,
        version_id=head.version_id,
        rule="count",
        reason=f"{head.added} new labels",
        started_at=at,
        version_number=head.number,
        training_job=f"trueup-pets-v{head.number}-{head.version_id[:8]}",
        hyperparameters={"seed": "0", "epochs": str(10 * head.number)},
    )
    loop.runs.begin(run, Journal(at=at))
    loop.runs.save(run, Journal(at=at))
    tests = [each for each in _content(loop) if each.split == "test"]
    lines = [
        {
            "sample": each.sample_id,
            "label": each.label,
            "annotators": each.annotators,
            "candidate": {"label": "nothing" if place < wrong else each.label},
        }
        for place, each in enumerate(tests)
    ]
    uri = f"memory://evaluation/{run.run_id}"
    loop.datasets.objects[f"{uri}/predictions.jsonl"] = "\n".join(json.dumps(each) for each in lines).encode()
    evaluate = EvaluateCandidate(loop.projects, loop.datasets, loop.runs, loop.clock)
    verdict = evaluate("pets", run.run_id, uri)
    loop.clock.advance(3600)
    conclude = ConcludeRun(loop.runs, loop.clock)
    first = "rejected" if outcome == "rejected" else "registered"
    arn = PACKAGE.format(head.number) if first == "registered" else None
    ended = conclude(
        Conclusion(
            project="pets", run_id=run.run_id, outcome=first, model_package_arn=arn, metrics=dict(verdict.metrics)
        )
    )
    if outcome != "promoted" or arn is None:
        return ended
    loop.registry.packages[arn] = ModelPackage(
        arn=arn, group="trueup-pets", approval="Approved", image="image:1", model_data_url="s3://models/model.tar.gz"
    )
    return conclude(
        Conclusion(
            project="pets",
            run_id=run.run_id,
            outcome="promoted",
            endpoint_name="pets",
            endpoint_config=run.training_job,
        )
    )


def _content(loop: Loop) -> list[Any]:
    head = loop.datasets.head("pets")
    assert head is not None
    return list(view_of(loop.datasets, "pets", head))


def _at(loop: Loop, year: int, month: int, day: int) -> None:
    loop.clock.set(datetime(year, month, day, 9, tzinfo=UTC))


def with_past(place: Any) -> History:
    """A past for the loop of a fake deployment."""
    return history(loop=place.loop)


__all__ = ["PACKAGE", "History", "history", "replace", "with_past"]
