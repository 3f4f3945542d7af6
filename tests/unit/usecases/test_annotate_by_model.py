"""A language model among the annotators: one voice, measured as anybody's, and never alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.worlds import Loop, project
from trueup.adapters.memory import MemoryLabelingModels
from trueup.annotation.tasks import can_claim
from trueup.errors import ConfigurationError, InputError, NotFoundError, RetryableError
from trueup.model import Payload, TaskStatus
from trueup.usecases.annotate_by_model import AnnotateByModel, ModelReport
from trueup.usecases.skip_task import SkipTask
from trueup.usecases.submit_annotation import Submission

NOVA = {"name": "nova", "model_id": "amazon.nova-pro-v1:0", "per_day": 3, "instructions": "Be strict."}
OTHER = {"name": "other", "model_id": "meta.llama"}


def helped(*models: dict[str, Any], **changes: Any) -> Loop:
    return Loop(project(annotation={"models": list(models or (NOVA,))}, **changes))


def annotate(loop: Loop, says: Callable[[Payload], str]) -> tuple[AnnotateByModel, MemoryLabelingModels]:
    projects, models = {"pets": loop.config}, MemoryLabelingModels(says)
    skip = SkipTask(projects, loop.tasks, loop.queue, loop.clock)
    found = AnnotateByModel(
        projects, loop.claim, loop.submit, skip, loop.tasks, loop.payloads, models, loop.guidelines, loop.clock
    )
    return found, models


def answer(loop: Loop, name: str, label: str = "cat") -> None:
    claimed = loop.claim("pets", name)
    assert claimed is not None
    task_id, token = claimed.task.task_id, claimed.lease.token
    loop.submit(Submission(project="pets", task_id=task_id, annotator=name, label=label, lease_token=token))
    loop.settle("pets", task_id)


def test_it_answers_as_many_as_it_may_in_a_day_and_is_asked_all_that_people_are_told() -> None:
    loop = helped()
    loop.ingest(loop.capture(5))
    run, models = annotate(loop, lambda _: "cat")
    assert run("pets", "nova", 60) == ModelReport(answered=3, input_tokens=18, output_tokens=3)
    assert run("pets", "nova", 60) == ModelReport()
    loop.clock.advance(86_400)
    assert run("pets", "nova", 60).answered == 2
    model_id, question = models.asked[0]
    assert (model_id, question.instructions, [each.name for each in question.classes]) == (
        "amazon.nova-pro-v1:0",
        "Be strict.",
        ["cat", "dog", "fox"],
    )
    assert {each.annotator for each in loop.tasks.answers("pets", 9)} == {"model:nova"}


def test_a_person_and_a_model_make_a_label_and_the_model_gets_a_skill() -> None:
    loop = helped({**NOVA, "per_day": 50}, consensus={"overlap": 2, "max_overlap": 3, "target": 0.6})
    loop.ingest(loop.capture(12))
    run, _ = annotate(loop, lambda _: "cat")
    assert run("pets", "nova", 60).answered == 12
    assert loop.tasks.count("pets", TaskStatus.OPEN) == 12
    for _ in range(12):
        answer(loop, "ada")
    assert loop.tasks.count("pets", TaskStatus.SETTLED) == 12
    assert {each.annotator for each in loop.skills.skills("pets")} == {"ada", "model:nova"}


def test_two_models_never_make_a_label_by_themselves() -> None:
    loop = helped(NOVA, OTHER)
    loop.ingest(loop.capture(1))
    run, models = annotate(loop, lambda _: "cat")
    assert [run("pets", name, 60).answered for name in ("nova", "other")] == [1, 0]
    assert len(models.asked) == 1
    (task,) = loop.tasks.by_status("pets", TaskStatus.OPEN, 9)
    assert can_claim(task, "model:other", loop.clock.now()) == "a model has answered it, or is about to"
    assert can_claim(task, "ada", loop.clock.now()) is None


def test_what_it_cannot_say_it_skips_with_the_reason() -> None:
    loop = helped({**NOVA, "per_day": 9})
    loop.ingest(loop.capture(3))

    def says(payload: Payload) -> str:
        if payload.data == b"text 2":
            raise InputError("a model cannot read this")
        return "giraffe" if payload.data == b"text 1" else "cat"

    run, _ = annotate(loop, says)
    report = run("pets", "nova", 60)
    assert (report.answered, report.skipped) == (1, 2)
    skips = [each for each in loop.world.outbox if each.event_type == "TaskSkipped"]
    reasons = sorted(each.data["reason"] for each in skips)
    assert reasons == ["a model cannot read this", "the model answered 'giraffe', which is none of the classes"]
    assert run("pets", "nova", 60) == ModelReport()


def test_it_stops_when_its_time_is_over_and_a_lease_that_it_held_comes_back() -> None:
    loop = helped({**NOVA, "per_day": 9})
    loop.ingest(loop.capture(2))

    def slow(_: Payload) -> str:
        loop.clock.advance(40)
        return "cat"

    assert annotate(loop, slow)[0]("pets", "nova", 30).answered == 1

    def throttled(_: Payload) -> str:
        raise RetryableError("ThrottlingException")

    with pytest.raises(RetryableError):
        annotate(loop, throttled)[0]("pets", "nova", 30)
    loop.clock.advance(loop.config.consensus.lease_seconds + 1)
    assert annotate(loop, lambda _: "dog")[0]("pets", "nova", 30).answered == 1


def test_only_a_project_s_own_models_are_asked() -> None:
    run, models = annotate(helped(), lambda _: "cat")
    with pytest.raises(NotFoundError, match="no model 'gpt' among its annotators; there are: nova"):
        run("pets", "gpt", 60)
    assert models.asked == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"consensus": {"overlap": 1, "max_overlap": 2}}, "a model would decide alone"),
        ({"annotation": {"models": [NOVA, NOVA]}}, "is 'nova' twice"),
        (
            {"backend": "ground_truth", "ground_truth": {"workteam_arn": "arn"}},
            "models take tasks from the queue",
        ),
    ],
)
def test_what_a_project_says_of_models_must_agree(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        project(**{"annotation": {"models": [NOVA]}, **changes})
