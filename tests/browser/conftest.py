"""Chromium, once for all; a context of its own for every test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.pages import Desk, digit, seed
from tests.conftest import Cloud

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZE = {"width": 1280, "height": 720}
PICTURES = 120


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(cloud: Cloud) -> None:
    seed(cloud, "digits", "browser", [("image/png", digit(number)) for number in range(PICTURES)])


@pytest.fixture
def new_desk(cloud: Cloud, chromium: Any) -> Iterator[Callable[..., Desk]]:
    """Makes desks (a signed-out tab each). What the console complained of unasked fails the test."""
    desks: list[Desk] = []

    def make(**options: Any) -> Desk:
        context = chromium.new_context(**{"viewport": SIZE, **options})
        desks.append(Desk(cloud, context.new_page()))
        return desks[-1]

    yield make
    for each in desks:
        each.page.context.close()
    assert [said for each in desks for said in each.complaints] == []
    assert {host for each in desks for host in each.hosts} <= {"127.0.0.1"}


@pytest.fixture
def desk(new_desk: Callable[..., Desk]) -> Desk:
    return new_desk()
