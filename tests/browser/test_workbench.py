"""The workbench in Chromium, served by the local CloudFront, against the deployed API."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Cloud
from tests.e2e.test_loop import eventually, put_capture
from trueup.model import TaskStatus

pytestmark = pytest.mark.browser
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield chromium
        chromium.close()


def test_a_person_labels_by_keyboard(cloud: Cloud, browser: Any) -> None:
    put_capture(cloud, "browser", 100, 4)
    eventually(lambda: cloud.operator.tasks.count("pets", TaskStatus.OPEN) >= 4)
    settled = cloud.operator.tasks.count("pets", TaskStatus.SETTLED)
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    hosts: set[str] = set()
    complaints: list[str] = []
    page.on("request", lambda request: hosts.add(request.url.split("/")[2].split(":")[0]))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(cloud.workbench_url)
    page.get_by_label("Name").fill(cloud.username)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    complaints.clear()
    page.get_by_label("Password").fill(cloud.password)
    page.get_by_role("button", name="Sign in").click()
    page.locator(".sample pre", has_text="text").wait_for()
    first = page.locator(".sample pre").inner_text()
    page.keyboard.press("1")
    page.wait_for_function("text => document.querySelector('.sample pre')?.innerText !== text", arg=first)
    eventually(lambda: cloud.operator.tasks.count("pets", TaskStatus.SETTLED) == settled + 1)
    page.keyboard.press("s")
    page.get_by_role("button", name="Unreadable").click()
    page.get_by_role("button", name="My work").click()
    page.get_by_role("cell", name="cat").first.wait_for()
    assert hosts == {"127.0.0.1"}
    assert complaints == []
