"""Foreign labeling backends: the fake, and Ground Truth, in batches and as a stream, over files and jobs in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.records import annotation
from tests.integration.stand_ins import MemoryJobs
from tests.integration.test_ground_truth import NAME, ROLES, ROOT, TEAM, pets, respond, said, tasks
from tests.integration.test_ground_truth_stream import Flow
from trueup.adapters.backends.ground_truth import GroundTruth
from trueup.adapters.memory import MemoryLabelingBackend
from trueup.errors import NotFoundError
from trueup.ports import LabelingBackend


@dataclass(frozen=True)
class Shop:
    """A backend, and how its workers answer (position, label, worker), end, and fail an object."""

    backend: LabelingBackend
    answer: Callable[[int, str, str], None]
    end: Callable[[], None]
    fail: Callable[[int], None]


def fake() -> Shop:
    backend = MemoryLabelingBackend()

    def answer(position: int, label: str, worker: str) -> None:
        backend.given.setdefault(NAME, []).append(annotation(tasks()[position], worker, label))

    return Shop(
        backend=backend,
        answer=answer,
        end=lambda: backend.statuses.update({NAME: "completed"}),
        fail=lambda position: backend.failed.setdefault(NAME, {}).update({tasks()[position].task_id: "blurred"}),
    )


def ground_truth() -> Shop:
    jobs = MemoryJobs(missing=NotFoundError("not there"))
    jobs.objects_by_key |= {f"pets/payloads/{number}": b"text" for number in range(2)}

    def fail(position: int) -> None:
        line: dict[str, Any] = json.loads(jobs.objects_by_key[f"{ROOT}/input.manifest"].splitlines()[position])
        line["trueup-label-metadata"] = {"failure-reason": "blurred"}
        jobs.objects_by_key[f"{ROOT}/manifests/output/output.manifest"] = json.dumps(line).encode()

    return Shop(
        backend=GroundTruth(pets(), TEAM, jobs, ROLES),
        answer=lambda position, label, worker: respond(jobs, position, said(label, worker), file=f"{worker}.json"),
        end=lambda: setattr(jobs, "state", "Completed"),
        fail=fail,
    )


def stream() -> Shop:
    """Answered under the id that we gave, as a folder."""
    flow = Flow()
    flow.warm()

    def answer(position: int, label: str, worker: str) -> None:
        flow.answer(flow.lines(NAME)[position]["trueup-object"], label, worker)

    def fail(position: int) -> None:
        flow.tell({**flow.lines(NAME)[position], "trueup-label-metadata": {"failure-reason": "blurred"}})

    def end() -> None:
        for position in (0, 1):
            for worker in ("w1", "w2"):
                answer(position, "cat" if worker == "w1" else "dog", worker)

    return Shop(backend=flow.backend, answer=answer, end=end, fail=fail)


@pytest.fixture(params=[fake, ground_truth, stream])
def shop(request: pytest.FixtureRequest) -> Shop:
    return request.param()


def test_a_batch_that_was_not_started_is_not_found(shop: Shop) -> None:
    with pytest.raises(NotFoundError):
        shop.backend.status(NAME)


def test_starting_twice_is_starting_once(shop: Shop) -> None:
    for batch in (tasks(), tasks()[:1]):
        shop.backend.start(NAME, batch)
    shop.answer(1, "dog", "w1")
    (answer,) = shop.backend.answers(NAME)
    assert (answer.task_id, answer.label) == (tasks()[1].task_id, "dog")
    assert shop.backend.status(NAME) == "in_progress"


def test_answers_come_one_by_one_and_stay_what_they_were(shop: Shop) -> None:
    shop.backend.start(NAME, tasks())
    assert shop.backend.answers(NAME) == []
    shop.answer(0, "cat", "w1")
    (first,) = shop.backend.answers(NAME)
    shop.answer(0, "dog", "w2")
    shop.end()
    assert shop.backend.status(NAME) == "completed"
    found = {each.annotator: each for each in shop.backend.answers(NAME)}
    assert found["w1"] == first
    assert (found["w2"].label, found["w2"].project, len(found)) == ("dog", "pets", 2)


def test_what_got_no_label_is_told(shop: Shop) -> None:
    shop.backend.start(NAME, tasks())
    assert shop.backend.failures(NAME) == {}
    shop.fail(1)
    assert shop.backend.failures(NAME) == {tasks()[1].task_id: "blurred"}
    assert shop.backend.retryable(NAME) <= shop.backend.failures(NAME).keys()


def test_a_bill_counts_what_got_a_label(shop: Shop) -> None:
    shop.backend.start(NAME, tasks())
    shop.fail(1)
    bill = shop.backend.bill(NAME, 0, 0)
    assert bill is None or (bill.objects, bill.amount) == (0, 0.0)
