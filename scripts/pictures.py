"""Takes the README's pictures of the workbench: docs/images/workbench.png and workbench-dark.png.

usage: python -m scripts.pictures. Deploys to an embedded AWS of its own (a minute), labels a few handwritten digits as
a person would, and photographs the task in hand in Chromium, light and dark.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from scripts.demo_data import FAST, Picture, tell
from tests.browser.conftest import FLAGS, SIZE
from tests.browser.pages import Desk, seed
from tests.conftest import DIGITS, Cloud, hire
from tests.e2e.people import Person
from trueup.adapters.aws.clients import Clients
from trueup.local import service
from trueup.wiring.operator import operator

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SHOWN = 60
BY_OTHERS = 24
LIMIT = 150_000


def main() -> None:
    pictures = tell(FAST).traffic[-SHOWN:]
    with _deployed() as cloud, sync_playwright() as playwright:
        seed(cloud, "digits", "pictures", [("image/png", each.png) for each in pictures])
        truth = {each.png: each.label for each in pictures}
        ben = Person(cloud, "ben", truth.__getitem__)
        for _ in range(BY_OTHERS):
            ben.answer(ben.claim("digits"))
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for theme, name in (("light", "workbench.png"), ("dark", "workbench-dark.png")):
            print(_photograph(cloud, browser, theme, IMAGES / name, pictures))
        browser.close()


def _photograph(cloud: Cloud, browser: Browser, theme: str, path: Path, pictures: tuple[Picture, ...]) -> str:
    """A few answers, then the next digit, whole and waiting."""
    context = browser.new_context(viewport=SIZE, color_scheme=theme)
    desk = Desk(cloud, context.new_page())
    desk.enter("digits")
    truth = {each.png: each.label for each in pictures}
    for _ in range(4):
        desk.answer(truth[_payload(cloud, desk.ready())])
    desk.page.get_by_text("Sending").wait_for(state="detached")
    desk.page.reload()
    desk.ready()
    path.parent.mkdir(parents=True, exist_ok=True)
    desk.page.screenshot(path=path)
    context.close()
    size = path.stat().st_size
    if size > LIMIT:
        raise SystemExit(f"{path} has {size} bytes: more than {LIMIT}")
    return f"{path.relative_to(ROOT)}: {size} bytes"


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
        options = service.Options(root=ROOT, state=state / "state", config=config, stage="pictures", attached=True)
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
