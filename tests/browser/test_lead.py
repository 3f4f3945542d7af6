"""A lead's page: figures with their tables, and the queue at hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.stand_in import StandIn
from tests.browser.test_editors import Make, stand_in  # noqa: F401 - a fixture
from tests.browser.test_screens import FAINT, OUTSIDE
from tests.unit.usecases.test_report_quality import crowd

pytestmark = pytest.mark.browser


def led(make: Make, scheme: str = "light", tasks: int = 90, **given: Any) -> StandIn:
    desk = make(
        "classification",
        tasks=tasks,
        groups="[leads]",
        more={"annotation": {"hourly_cost": 20.0, "currency": "EUR"}},
        options={"color_scheme": scheme},
        **given,
    )
    if tasks:
        crowd(desk.loop, tasks, drift_after=60)
        desk.loop.report("pets")
    desk.enter("/lead")
    return desk


def test_figures_have_a_table_behind_them(stand_in: Make) -> None:  # noqa: F811
    desk = led(stand_in)
    desk.page.get_by_text("Of late clearly less often right: cleo").wait_for()
    numbers = desk.page.locator(".numbers").inner_text()
    assert "2.70 h" in numbers
    assert "54 EUR" in numbers
    figures = desk.page.locator(".figure")
    assert figures.count() == 7
    for number in range(6):
        figures.nth(number).get_by_role("button", name="Table").click()
    rows = figures.nth(4).locator("tbody tr").all_inner_texts()
    assert sorted(each.split()[0] for each in rows) == ["ada", "ben", "cleo"]
    assert figures.nth(3).locator("tbody tr").count() == 3
    marks = desk.page.get_by_role("img", name="Skill of each annotator").locator("circle")
    assert marks.count() == 3


def test_a_queue_is_paused_and_opened_again(stand_in: Make) -> None:  # noqa: F811
    desk = led(stand_in, tasks=3)
    desk.page.get_by_role("button", name="Pause…").click()
    desk.page.get_by_label("Why?").fill("new guidelines")
    desk.press("Enter")
    desk.page.get_by_text("The queue is paused: new guidelines").wait_for()
    desk.page.get_by_role("button", name="Back to labeling").click()
    desk.page.get_by_text("This queue is paused").wait_for()
    assert "new guidelines" in desk.page.locator(".state").inner_text()
    desk.page.get_by_role("button", name="Lead").click()
    desk.page.get_by_role("button", name="Open it again").click()
    desk.page.get_by_text("The queue is open.").wait_for()
    desk.page.get_by_role("button", name="Cancel open tasks…").click()
    desk.page.get_by_label("Why?").fill("enough")
    desk.press("Enter")
    desk.page.get_by_text("3 tasks were cancelled.").wait_for()


def test_an_annotator_sees_no_lead_tab_and_is_refused(stand_in: Make) -> None:  # noqa: F811
    desk = stand_in("classification")
    desk.enter()
    assert desk.page.get_by_role("button", name="Lead").count() == 0
    desk.enter("/lead")
    desk.page.reload()
    desk.page.get_by_text("The report is for leads and admins.").wait_for()
    desk.page.wait_for_timeout(200)
    desk.complaints[:] = [each for each in desk.complaints if "403" not in each]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_readable_and_within_its_bounds(stand_in: Make, scheme: str) -> None:  # noqa: F811
    desk = led(stand_in, scheme)
    desk.page.get_by_role("heading", name="Agreement by class").wait_for()
    for width, height in ((1280, 720), (900, 700)):
        desk.page.set_viewport_size({"width": width, "height": height})
        assert desk.page.evaluate(FAINT) == []
        assert not any(desk.page.evaluate(OUTSIDE)), (width, height)
