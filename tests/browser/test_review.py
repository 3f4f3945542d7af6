"""A reviewer at the keyboard: all answers side by side, a ruling with its reason, a task sent back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from tests.browser.pages import Desk, seed
from tests.browser.test_screens import FAINT, OUTSIDE, SIZES
from tests.conftest import REVIEWER, Cloud
from tests.e2e.people import eventually
from trueup.annotation.tasks import send_to_review
from trueup.model import Annotation, Task, TaskStatus
from trueup.ports import Journal

pytestmark = pytest.mark.browser
PROJECT = "reviewed"
TEXTS = [b"A cat with the ears of a dog", b"A fox asleep in a kennel", b"Neither of them"]


@pytest.fixture(scope="module")
def disputed(cloud: Cloud) -> list[Task]:
    """Three tasks of which ada says cat and ben says dog."""
    seed(cloud, PROJECT, "disputed", [("text/plain", each) for each in TEXTS])
    tasks = cloud.operator.tasks.by_status(PROJECT, TaskStatus.OPEN, 9)
    return [dispute(cloud, each) for each in tasks]


def dispute(cloud: Cloud, task: Task) -> Task:
    for name, label in (("ada", "cat"), ("ben", "dog")):
        now = datetime.now(UTC)
        annotation = Annotation(
            project=PROJECT,
            annotation_id=f"{task.task_id[:8]}-{name}",
            task_id=task.task_id,
            sample_id=task.sample_id,
            annotator=name,
            label=label,
            submitted_at=now,
            seconds_spent=3.0,
        )
        task = msgspec.structs.replace(task, revision=task.revision + 1, answered_by=(*task.answered_by, name))
        cloud.operator.tasks.save(task, Journal(at=now), annotation=annotation)
    task = send_to_review(task)
    cloud.operator.tasks.save(task, Journal(at=datetime.now(UTC)))
    return task


def open_review(desk: Desk, name: str = REVIEWER) -> None:
    desk.page.goto(f"{desk.cloud.workbench_url}/#/{PROJECT}/review")
    desk.sign_in(name, desk.cloud.password)


def shown(desk: Desk) -> str:
    """The text of the task before the reviewer."""
    return str(desk.page.locator(".words").first.inner_text(timeout=60_000))


def test_a_reviewer_rules_and_sends_back_by_the_keyboard_alone(cloud: Cloud, desk: Desk, disputed: list[Task]) -> None:
    open_review(desk)
    first = shown(desk)
    rows = desk.page.locator(".answers tbody tr")
    assert rows.count() == 2
    assert {rows.nth(each).locator("td").nth(1).inner_text() for each in range(2)} == {"cat", "dog"}
    assert "2 answers" not in desk.page.locator(".choices").inner_text()
    assert desk.page.get_by_text("3 tasks wait for a ruling").is_visible()
    desk.page.get_by_label("Why?").focus()
    desk.page.keyboard.insert_text("the tail is a fox's: 3")
    desk.press("Escape", "3")
    desk.page.get_by_text("Ruled: fox.").wait_for()
    second = shown(desk)
    assert second != first
    desk.press("s")
    desk.page.get_by_label("What should they look at?").wait_for()
    desk.page.keyboard.insert_text("mind the ears")
    desk.press("Enter")
    desk.page.get_by_text("Sent back").first.wait_for()
    third = shown(desk)
    assert len({first, second, third}) == 3
    desk.press("1")
    desk.page.get_by_role("heading", name="Nothing to review").wait_for()
    store = cloud.operator.tasks
    rulings = eventually(lambda: store.rulings(PROJECT, 9) if len(store.rulings(PROJECT, 9)) == 3 else None)
    assert [each.label for each in rulings] == ["cat", None, "fox"]
    assert rulings[-1].comment == "the tail is a fox's: 3"
    returned = store.get(PROJECT, rulings[1].task_id)
    assert (returned.status, [each.text for each in returned.comments]) == (TaskStatus.OPEN, ["mind the ears"])


def test_whoever_answers_next_reads_what_the_reviewer_said(cloud: Cloud, desk: Desk, disputed: list[Task]) -> None:
    desk.enter(PROJECT, "cleo")
    desk.page.get_by_text("A reviewer says: mind the ears").wait_for()
    assert desk.page.get_by_role("button", name="Review").count() == 0


def test_an_annotator_is_told_that_rulings_are_not_theirs(new_desk: Callable[..., Desk], disputed: list[Task]) -> None:
    desk = new_desk()
    open_review(desk, "ada")
    desk.page.get_by_text("Rulings are for reviewers, leads and admins.").wait_for()
    desk.complaints[:] = [each for each in desk.complaints if "403" not in each]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_screen_is_readable_and_within_its_bounds(
    cloud: Cloud, new_desk: Callable[..., Desk], disputed: list[Task], scheme: str
) -> None:
    waiting = cloud.operator.tasks.by_status(PROJECT, TaskStatus.REVIEW, 9)
    if not waiting:
        seed(cloud, PROJECT, f"more-{scheme}", [("text/plain", f"One more, {scheme}".encode())])
        (task, *_) = [
            each for each in cloud.operator.tasks.by_status(PROJECT, TaskStatus.OPEN, 9) if not each.answered_by
        ]
        dispute(cloud, task)
    desk = new_desk(color_scheme=scheme)
    open_review(desk)
    shown(desk)
    for width, height in SIZES:
        desk.page.set_viewport_size({"width": width, "height": height})
        assert desk.page.evaluate(FAINT) == []
        assert not any(desk.page.evaluate(OUTSIDE)), (width, height)
