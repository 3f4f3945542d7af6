"""A lead's figures out of answers whose quality is known."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest
from msgspec.structs import replace

from tests.unit.labels.schemas import CLASSES
from tests.worlds import NOW, Loop, project
from trueup.model import Annotation, TaskStatus
from trueup.ports import Journal
from trueup.quality.report import drifts


def said(loop: Loop, task: str, who: str, label: str, days: float, seconds: float = 4.0) -> None:
    stored = loop.tasks.get("pets", task)
    at = NOW - timedelta(days=days)
    annotation = Annotation(
        project="pets",
        annotation_id=f"{task[:8]}-{who}",
        task_id=task,
        sample_id=stored.sample_id,
        annotator=who,
        label=label,
        submitted_at=at,
        seconds_spent=seconds,
        slice=stored.slice,
    )
    answered = replace(stored, revision=stored.revision + 1, answered_by=(*stored.answered_by, who))
    loop.tasks.save(answered, Journal(at=at), annotation=annotation)


def crowd(loop: Loop, tasks: int, drift_after: int) -> None:
    """ada and ben are nearly always right; cleo is, until she is not."""
    rng = np.random.default_rng(0)
    names = [each.task_id for each in loop.tasks.by_status("pets", TaskStatus.OPEN, tasks)]
    for number, name in enumerate(names):
        truth = ("cat", "dog", "fox")[int(rng.integers(3))]
        for who in ("ada", "ben", "cleo"):
            wrong = rng.random() < (0.9 if who == "cleo" and number >= drift_after else 0.03)
            label = {"cat": "dog", "dog": "fox", "fox": "cat"}[truth] if wrong else truth
            said(loop, name, who, label, days=12 - number * 12 / tasks, seconds=36.0)


@pytest.fixture
def loop() -> Loop:
    made = Loop(
        project(annotation={"hourly_cost": 20.0, "currency": "EUR"}, selection={"rate": 1.0, "audit_share": 0.0})
    )
    made.ingest(made.capture(120))
    return made


def test_who_drifts_and_what_it_cost(loop: Loop) -> None:
    crowd(loop, 120, drift_after=80)
    made = loop.report("pets")
    assert loop.reports.report("pets") == made == loop.report("pets")
    figures = {each.annotator: each for each in made.annotators}
    assert {name: each.drifts for name, each in figures.items()} == {"ada": False, "ben": False, "cleo": True}
    cleo = figures["cleo"]
    assert cleo.recent is not None
    assert cleo.earlier is not None
    assert cleo.recent < 0.3 < 0.9 < cleo.earlier
    assert figures["ada"].skill > cleo.high
    assert (made.hours, made.cost, made.currency) == (3.6, 72.0, "EUR")
    assert sum(made.days.values()) == made.looked_at == 360
    assert {each.annotator: each.answers for each in loop.skills.skills("pets")} == dict.fromkeys(
        ("ada", "ben", "cleo"), 120
    )


def test_agreement_falls_where_somebody_drifts(loop: Loop) -> None:
    crowd(loop, 120, drift_after=80)
    made = loop.report("pets")
    assert made.agreement.value is not None
    assert made.agreement.low is not None
    assert made.agreement.high is not None
    assert made.agreement.low < made.agreement.value < made.agreement.high
    assert made.agreement.samples == 120
    assert [each.name for each in made.by_class] == ["cat", "dog", "fox"]
    first, last = made.by_week[0].value, made.by_week[-1].value
    assert first is not None
    assert last is not None
    assert first > last + 0.3


def test_agreement_is_told_of_each_slice(loop: Loop) -> None:
    """In one slice ben answers as ada does, in the other never."""
    for number, task in enumerate(loop.tasks.by_status("pets", TaskStatus.OPEN, 40)):
        sliced = replace(task, slice="night" if number % 2 else "day", revision=task.revision + 1)
        loop.tasks.save(sliced, Journal(at=NOW))
        first, second = ("cat", "dog") if number % 4 < 2 else ("dog", "cat")
        said(loop, task.task_id, "ada", first, days=1)
        said(loop, task.task_id, "ben", second if number % 2 else first, days=1)
    day, night = sorted(loop.report("pets").by_slice, key=lambda each: each.name)
    assert (day.name, day.value, day.samples) == ("day", 1.0, 20)
    assert (night.name, night.samples) == ("night", 20)
    assert night.value is not None
    assert night.value < -0.9


def test_nothing_is_known_of_a_project_without_answers(loop: Loop) -> None:
    made = loop.report("pets")
    assert (made.agreement.value, made.agreement.samples, made.annotators, made.by_week) == (None, 0, (), ())
    assert (made.tasks["open"], made.ages["an hour"], made.oldest_seconds) == (120, 120, 0.0)
    assert (made.hours, made.cost) == (0.0, 0.0)
    loop.clock.advance(3 * 86_400)
    assert loop.report("pets").ages == {"an hour": 0, "a day": 0, "a week": 120, "longer": 0}


def test_boxes_have_figures_too() -> None:
    schema = {"kind": "boxes", "media": "image", "classes": [{"name": each.name} for each in CLASSES]}
    loop = Loop(project(label_schema=schema, triggers={"action": "notify"}))
    loop.ingest(loop.capture(4))
    for task in loop.tasks.by_status("pets", TaskStatus.OPEN, 4):
        for who, left in (("ada", 0), ("ben", 1)):
            box = {"label": "cat", "left": left, "top": 0, "right": 20 + left, "bottom": 10}
            said(loop, task.task_id, who, json.dumps({"boxes": [box]}), days=1)
    made = loop.report("pets")
    assert made.agreement.value == pytest.approx(19 / 21, abs=1e-4)
    assert [each.annotator for each in made.annotators] == ["ada", "ben"]
    assert (made.by_class, made.cost) == ((), None)


def test_drift_needs_a_clear_difference() -> None:
    assert not drifts([1.0] * 20 + [0.0] * 2, [1.0] * 50 + [0.0] * 3)
    assert drifts([1.0] * 8 + [0.0] * 12, [1.0] * 50 + [0.0] * 3)
    assert not drifts([1.0] * 10, [1.0] * 20)


def test_a_version_keeps_how_good_the_answers_behind_it_were(loop: Loop) -> None:
    crowd(loop, 120, drift_after=80)
    made = loop.report("pets")
    (label, *_) = loop.tasks.by_status("pets", TaskStatus.OPEN, 1)
    loop.settle("pets", label.task_id)
    (version,) = loop.commit("pets", "test", force=True)
    assert version.quality is not None
    assert (version.quality.answers, version.quality.annotators) == (made.looked_at, 3)
    assert version.quality.agreement == made.agreement
    assert version.policy_version != ""
