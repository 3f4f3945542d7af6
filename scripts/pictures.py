"""Takes the README's pictures: docs/images/workbench.png, workbench-dark.png and report.png.

usage: python -m scripts.pictures, after scripts/demo. Deploys to an embedded AWS of its own (a minute), labels a few
handwritten digits as a person would, and photographs the task in hand in Chromium, light and dark; then the top of the
report that the last demo wrote.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from scripts.demo_data import FAST, tell
from tests.browser.conftest import FLAGS, SIZE
from tests.browser.pages import Desk, seed
from tests.conftest import DIGITS, Cloud, hire
from tests.e2e.people import Person
from trueup.adapters.aws.clients import Clients
from trueup.local import service
from trueup.wiring.operator import operator

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
REPORT = ROOT / ".trueup" / "demo" / "report.html"
REPORT_SIZE = {"width": 1100, "height": 900}
SHOWN = 60
BY_OTHERS = 24
AT_LEAST = 4
SUBJECT = "3"
LIMIT = 150_000


def main() -> None:
    pictures = tell(FAST).traffic[:SHOWN]
    with _deployed() as cloud, sync_playwright() as playwright:
        seed(cloud, "digits", "pictures", [("image/png", each.png) for each in pictures])
        truth = {each.png: each.label for each in pictures}
        ben = Person(cloud, "ben", truth.__getitem__)
        for _ in range(BY_OTHERS):
            ben.answer(ben.claim("digits"))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        _photograph(cloud, browser, truth)
        _photograph_report(browser)
        browser.close()


def _photograph(cloud: Cloud, browser: Browser, truth: Mapping[bytes, str]) -> None:
    """Some answers, then a digit that anybody can read, whole and waiting."""
    desk = Desk(cloud, browser.new_context(viewport=SIZE).new_page())
    desk.enter("digits")
    answered = 0
    while (label := truth[_payload(cloud, desk.ready())]) != SUBJECT or answered < AT_LEAST:
        desk.answer(label)
        answered += 1
    desk.page.get_by_text("Sending").wait_for(state="detached")
    desk.page.reload()
    desk.ready()
    for theme, name in (("light", "workbench.png"), ("dark", "workbench-dark.png")):
        desk.page.emulate_media(color_scheme=theme)
        _keep(desk.page, name)


def _photograph_report(browser: Browser) -> None:
    if not REPORT.is_file():
        raise SystemExit(f"{REPORT} is missing: run scripts/demo first")
    page = browser.new_page(viewport=REPORT_SIZE)
    page.goto(REPORT.as_uri())
    _keep(page, "report.png")


def _keep(page: Page, name: str) -> None:
    page.screenshot(path=IMAGES / name)
    size = (IMAGES / name).stat().st_size
    if size > LIMIT:
        raise SystemExit(f"{name} has {size} bytes: more than {LIMIT}")
    print(f"docs/images/{name}: {size} bytes")


def _payload(cloud: Cloud, task_id: str) -> bytes:
    uri = cloud.operator.tasks.get("digits", task_id).payload_uri
    return bytes(cloud.operator.payloads.get(uri).data)


@contextmanager
def _deployed() -> Iterator[Cloud]:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        config = state / "deployment.json"
        deployment = {"stage": "pictures", "removal_policy": "destroy", "projects": [DIGITS]}
        config.write_text(json.dumps(deployment))
        options = service.Options(root=ROOT, state=state / "state", config=config, attached=True)
        running = service.up(options, print)
        try:
            os.environ.update(service.aws_environment(running))
            look = operator("pictures", Clients())
            for name in ("ada", "ben"):
                hire(look, name)
            yield Cloud(operator=look, workbench_url=running.workbench_url)
        finally:
            service.down(options.state)


if __name__ == "__main__":
    main()
