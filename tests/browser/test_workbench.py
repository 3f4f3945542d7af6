"""The workbench in Chromium, served by the local CloudFront, against the deployed API: a person at the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.browser.pages import Desk, seed
from tests.conftest import Cloud
from tests.e2e.people import eventually
from trueup.model import TaskStatus
from trueup.ports import Journal

pytestmark = pytest.mark.browser
WRONG = "The name or the password is wrong."


def test_a_wrong_password_is_told_and_the_right_one_enters(desk: Desk, pictures: None) -> None:
    desk.page.goto(f"{desk.cloud.workbench_url}/#/digits")
    desk.sign_in("ada", "not it")
    desk.page.get_by_role("alert").get_by_text(WRONG).wait_for()
    assert desk.complaints == ["Failed to load resource: the server responded with a status of 400 (Bad Request)"]
    desk.complaints.clear()
    desk.page.keyboard.insert_text(desk.cloud.password)
    desk.press("Enter")
    desk.ready()


def test_text_is_labelled_by_keyboard(desk: Desk) -> None:
    cloud = desk.cloud
    words = [("text/plain", f"A browser's text {number}: ünïcode <b>and no markup</b>".encode()) for number in range(4)]
    seed(cloud, "pets", "browser", words)
    desk.enter("pets")
    task, _ = desk.answer("2")
    eventually(lambda: cloud.operator.tasks.get("pets", task).status is TaskStatus.SETTLED)
    assert desk.labels("pets", task) == [("dog", False)]
    desk.page.get_by_text("Last answer: dog").wait_for()
    shown = desk.page.locator(".sample").inner_text()
    assert (
        shown == cloud.operator.payloads.get(cloud.operator.tasks.get("pets", desk.ready()).payload_uri).data.decode()
    )


def test_a_tiny_picture_is_large_and_crisp(desk: Desk, pictures: None) -> None:
    desk.enter("digits")
    picture = desk.page.get_by_role("img", name="8 by 8 pixels, enlarged")
    box = picture.bounding_box()
    assert box["width"] == box["height"] == 320
    assert picture.evaluate("it => [getComputedStyle(it).imageRendering, it.width]") == ["pixelated", 320]


def test_pictures_are_labelled_by_keyboard(desk: Desk, pictures: None) -> None:
    desk.enter("digits")
    for key in "3728190":
        task, _ = desk.answer(key)
        eventually(lambda task=task, key=key: desk.labels("digits", task) == [(key, False)])


def test_the_next_task_paints_before_the_network_answers(desk: Desk, pictures: None) -> None:
    desk.enter("digits")
    held: list[Any] = []
    holding = True
    desk.page.route("**/api/**", lambda route: held.append(route) if holding else route.continue_())
    with desk.page.expect_request("**/annotations"):
        task, following = desk.answer("4")
    assert desk.labels("digits", task) == []
    holding = False
    for route in held:
        route.continue_()
    eventually(lambda: desk.labels("digits", task) == [("4", False)])
    assert desk.ready() == following


def test_answers_held_back_keep_nobody_waiting_and_all_arrive_late(desk: Desk, pictures: None) -> None:
    desk.enter("digits")
    held: list[Any] = []
    holding = True
    desk.page.route("**/annotations", lambda route: held.append(route) if holding else route.continue_())
    # More of them than are fetched ahead: claims go their own way.
    given = [(desk.answer(key)[0], key) for key in "62514"]
    following = desk.ready()
    desk.page.get_by_text("Sending 5 answers").wait_for()
    assert [desk.labels("digits", task) for task, _ in given] == [[]] * 5
    holding = False
    for route in held:
        route.continue_()
    desk.page.get_by_text("Sending").wait_for(state="detached")
    eventually(lambda: [desk.labels("digits", task) for task, _ in given] == [[(key, False)] for _, key in given])
    assert desk.ready() == following


def test_an_answer_that_fails_once_is_sent_again_behind_the_next_task(desk: Desk, pictures: None) -> None:
    desk.enter("digits")
    busy = {"status": 503, "json": {"error": {"code": "Retryable", "message": "busy"}}}
    desk.page.route("**/annotations", lambda route: route.fulfill(**busy), times=1)
    with desk.page.expect_response("**/annotations") as refused:
        first, _ = desk.answer("3")
    assert refused.value.status == 503
    second, following = desk.answer("8")
    for task, key in ((first, "3"), (second, "8")):
        eventually(lambda task=task, key=key: desk.labels("digits", task) == [(key, False)])
    assert desk.ready() == following
    assert desk.complaints == [
        "Failed to load resource: the server responded with a status of 503 (Service Unavailable)"
    ]
    desk.complaints.clear()


def test_an_answer_whose_receipt_is_lost_is_counted_once(desk: Desk, pictures: None) -> None:
    desk.enter("digits")
    taken: list[int] = []

    def lose(route: Any) -> None:
        taken.append(route.fetch().status)
        route.abort()

    desk.page.route("**/annotations", lose, times=1)
    # The lost one is no response to the page: this is the second, which tells of what is known.
    with desk.page.expect_response("**/annotations") as known:
        task, following = desk.answer("5")
    assert (taken, known.value.status) == ([201], 200)
    assert desk.labels("digits", task) == [("5", False)]
    assert desk.ready() == following
    assert desk.complaints == ["Failed to load resource: net::ERR_FAILED"]
    desk.complaints.clear()


def test_undo_corrects_what_was_sent(desk: Desk, pictures: None) -> None:
    desk.enter("digits")
    task, following = desk.answer("4")
    eventually(lambda: desk.labels("digits", task) == [("4", False)])
    desk.press("u")
    assert desk.ready(but=following) == task
    desk.page.get_by_text("You answered 4. Choose again").wait_for()
    desk.press("9")
    assert desk.ready(but=task) == following
    eventually(lambda: desk.labels("digits", task) == [("4", False), ("9", True)])
    desk.page.get_by_role("button", name="My work").click()
    desk.page.get_by_role("row", name="corrected by you").first.wait_for()
    desk.page.get_by_role("row", name="9 today").get_by_role("button").first.click()
    assert desk.ready(but=following) == task
    desk.press("1")
    eventually(lambda: desk.labels("digits", task)[-1] == ("1", True))


def test_skip_takes_a_reason_and_brings_the_next(desk: Desk, pictures: None) -> None:
    desk.enter("digits")
    task = desk.ready()
    desk.press("s")
    desk.page.get_by_role("dialog", name="Why skip this task?").wait_for()
    desk.press("Escape")
    desk.page.get_by_role("dialog").wait_for(state="detached")
    assert desk.ready() == task
    desk.press("s", "2")
    following = desk.ready(but=task)
    eventually(lambda: len(desk.cloud.operator.tasks.get("digits", task).skipped_by) == 1)
    assert desk.labels("digits", task) == []
    assert desk.page.get_by_role("dialog").count() == 0
    assert following != task


def test_answers_given_offline_survive_a_reload_and_arrive_once(desk: Desk, pictures: None) -> None:
    desk.enter("digits")
    desk.page.context.set_offline(True)
    task, following = desk.answer("5")
    desk.page.get_by_text("Offline: 1 answer kept here").wait_for()
    assert desk.labels("digits", task) == []
    # A reload needs the page itself, so the network is back for it, yet the API stays out of reach.
    desk.page.context.route("**/api/**/annotations", lambda route: route.abort())
    desk.page.context.set_offline(False)
    desk.page.reload()
    assert desk.ready() == following
    desk.page.get_by_text("Offline: 1 answer kept here").wait_for()
    assert desk.labels("digits", task) == []
    desk.page.context.unroute("**/api/**/annotations")
    eventually(lambda: desk.labels("digits", task) == [("5", False)])
    desk.page.get_by_text("Offline").wait_for(state="hidden")
    desk.page.reload()
    assert desk.ready() == following
    assert desk.labels("digits", task) == [("5", False)]
    assert all("net::ERR" in each for each in desk.complaints)
    desk.complaints.clear()


def test_an_answer_after_the_lease_ended_is_told_and_not_counted(desk: Desk, pictures: None) -> None:
    desk.page.route("**/heartbeat", lambda route: route.fulfill(json={}))
    desk.enter("digits")
    task = desk.ready()
    _end_leases(desk.cloud, "digits", task)
    desk.press("6")
    desk.page.get_by_role("alert").get_by_text("Your answer “6” came too late").wait_for()
    following = desk.ready(but=task)
    assert desk.labels("digits", task) == []
    assert desk.complaints == ["Failed to load resource: the server responded with a status of 409 (Conflict)"]
    desk.complaints.clear()
    task, _ = desk.answer("7")
    assert task == following
    eventually(lambda: desk.labels("digits", task) == [("7", False)])


def _end_leases(cloud: Cloud, project: str, task_id: str) -> None:
    tasks = cloud.operator.tasks
    task = tasks.get(project, task_id)
    ended = tuple(
        msgspec.structs.replace(each, expires_at=each.expires_at - timedelta(hours=1)) for each in task.leases
    )
    tasks.save(
        msgspec.structs.replace(task, leases=ended, revision=task.revision + 1),
        Journal(at=cloud.operator.clock.now()),
    )


def test_a_lease_that_ran_out_before_the_answer_is_told(desk: Desk, pictures: None) -> None:
    desk.page.clock.install()
    desk.enter("digits")
    task = desk.ready()
    desk.page.route("**/heartbeat", lambda route: route.abort())
    desk.page.clock.fast_forward(61_000)
    desk.page.get_by_role("heading", name="This task is no longer yours").wait_for()
    desk.press("3")
    desk.press("Enter")
    desk.ready(but=task)
    assert desk.labels("digits", task) == []
    assert all("net::ERR" in each for each in desk.complaints)
    desk.complaints.clear()


def test_an_idle_page_looks_for_work_by_itself(desk: Desk, pictures: None) -> None:
    nothing = {"status": 200, "content_type": "application/json", "body": '{"task": null}'}
    desk.page.route("**/claims", lambda route: route.fulfill(**nothing))
    desk.page.goto(f"{desk.cloud.workbench_url}/#/digits")
    desk.sign_in("ada", desk.cloud.password)
    desk.page.get_by_role("heading", name="Nothing to label right now").wait_for()
    desk.page.unroute("**/claims")
    desk.ready()


def test_an_old_token_is_renewed_and_an_ended_session_loses_nothing(desk: Desk, pictures: None) -> None:
    desk.enter("digits")
    desk.page.evaluate(SPOIL, ["id"])
    task, following = desk.answer("2")
    eventually(lambda: desk.labels("digits", task) == [("2", False)])
    desk.page.evaluate(SPOIL, ["id", "refresh"])
    desk.press("8")
    desk.page.get_by_text("Your session has ended.").wait_for()
    assert desk.labels("digits", following) == []
    desk.sign_in("ada", desk.cloud.password)
    desk.ready(but=following)
    eventually(lambda: desk.labels("digits", following) == [("8", False)])
    assert all("status of 40" in each for each in desk.complaints)
    desk.complaints.clear()


# What the tab holds once its token has expired, or been revoked.
SPOIL = """names => {
  const tokens = JSON.parse(sessionStorage.getItem('trueup.tokens'));
  for (const name of names) tokens[name] = name === 'id' ? tokens.id.slice(0, -8) + 'spoiled0' : 'revoked';
  sessionStorage.setItem('trueup.tokens', JSON.stringify(tokens));
}"""


def test_a_payload_that_cannot_be_shown_is_said_so(desk: Desk, pictures: None) -> None:
    desk.page.route("**/payloads/**", lambda route: route.abort())
    desk.enter("digits")
    desk.page.get_by_role("heading", name="This sample cannot be shown").wait_for()
    task = desk.ready()
    desk.press("3")
    desk.page.unroute("**/payloads/**")
    desk.page.get_by_role("button", name="Try again").click()
    desk.page.get_by_role("img", name="The sample to label").wait_for()
    assert desk.labels("digits", task) == []
    assert all("net::ERR" in each for each in desk.complaints)
    desk.complaints.clear()


def test_a_key_held_down_answers_one_task(desk: Desk, pictures: None) -> None:
    desk.enter("digits")
    task = desk.ready()
    desk.page.keyboard.down("1")
    following = desk.ready(but=task)
    for _ in range(5):
        desk.page.keyboard.down("1")
    desk.page.keyboard.up("1")
    eventually(lambda: desk.labels("digits", task) == [("1", False)])
    assert desk.ready() == following
    assert desk.labels("digits", following) == []


def test_two_people_are_never_given_the_same_slot(new_desk: Callable[..., Desk], pictures: None) -> None:
    ada, ben = new_desk(), new_desk()
    ada.enter("digits", "ada")
    ben.enter("digits", "ben")
    held: list[Any] = [each.page.evaluate(HELD) for each in (ada, ben)]
    assert not set(held[0]) & set(held[1])


HELD = """() => Object.keys(sessionStorage).filter(key => key.startsWith('trueup.desk'))
  .map(key => JSON.parse(sessionStorage.getItem(key)))
  .flatMap(desk => [desk.task, ...desk.ahead]).filter(Boolean).map(task => task.task_id)"""
