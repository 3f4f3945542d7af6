"""The lineage picture: it is found, walked with the keyboard, grown and recentred, and can be read in all lights."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import SIZE
from tests.browser.stand_in import HOST, StandIn
from tests.browser.test_screens import FAINT, OUTSIDE
from tests.histories import History, history
from trueup.model import NodeKind, TaskStatus

pytestmark = pytest.mark.browser
Make = Callable[..., StandIn]


@pytest.fixture(scope="module")
def past() -> History:
    return history()


@pytest.fixture
def lead(chromium: Any, past: History) -> Iterator[Make]:
    made: list[StandIn] = []

    def make(place: str = "", **options: Any) -> StandIn:
        context = chromium.new_context(**{"viewport": SIZE, **options})
        found = StandIn(context.new_page(), "classification", groups="[leads]")
        found.loop = past.loop
        made.append(found)
        found.enter(f"/lineage{place}")
        return found

    yield make
    for each in made:
        each.page.context.close()
    assert [said for each in made for said in each.complaints] == []


def cards(lead: StandIn) -> set[str]:
    lead.page.locator(".card").first.wait_for()
    return set(lead.page.locator("[data-id]").evaluate_all("all => all.map(it => it.dataset.id)"))


def focused(lead: StandIn) -> str:
    return str(lead.page.evaluate("document.activeElement.dataset.id"))


def test_a_wrong_answer_is_followed_to_the_models_and_back(lead: Make, past: History) -> None:
    desk = lead(f"/task%3A{past.wrong.task_id}")
    kinds = {each.partition(":")[0] for each in cards(desk)}
    assert kinds == {each.value for each in NodeKind} - {"batch", "feedback", "source", "import"}
    assert desk.page.title() == "Lineage · Pets in words · trueup"
    desk.page.locator(f'[data-id="task:{past.wrong.task_id}"]').focus()
    desk.press("ArrowRight")
    assert focused(desk).startswith("annotation:")
    facts = desk.page.get_by_role("complementary", name="What is looked at")
    assert "led to" in facts.inner_text()
    assert re.search(r"sha256 [0-9a-f]{12}", facts.inner_text())
    desk.press("ArrowLeft", "ArrowLeft")
    assert focused(desk) == f"selection:{past.wrong.sample_id}"
    desk.press("Enter")
    desk.page.wait_for_url(f"{HOST}/#/pets/lineage/selection%3A{past.wrong.sample_id}")
    desk.page.locator(f'.card.middle [data-id="selection:{past.wrong.sample_id}"]').wait_for()
    desk.page.go_back()
    desk.page.locator(f'.card.middle [data-id="task:{past.wrong.task_id}"]').wait_for()


def test_a_fan_is_collapsed_and_opens(lead: Make) -> None:
    desk = lead("/v2")
    before = cards(desk)
    more = desk.page.get_by_role("button", name=re.compile(r"Show 5 more causes of version v2"))
    more.click()
    more.wait_for(state="detached")
    assert len(cards(desk)) == len(before) + 5
    assert len({each for each in cards(desk) if each.startswith("consensus:")}) >= 12


def test_with_the_pointer(lead: Make, past: History) -> None:
    desk = lead("/v3")
    cards(desk)
    card = desk.page.locator('[data-id^="training:trueup-pets-v3"]')
    card.hover()
    facts = desk.page.get_by_role("complementary", name="What is looked at")
    facts.get_by_role("heading", name="training").wait_for()
    assert desk.page.locator(".arrow.near").count() >= 2
    card.dblclick()
    desk.page.wait_for_url("**/lineage/training%3A*")


def test_the_page_asks_of_what_and_says_what_there_is_not(lead: Make) -> None:
    desk = lead()
    desk.page.get_by_role("heading", name="Where does it come from, and what came of it?").wait_for()
    desk.page.get_by_label("Of what").fill("nothing of that name")
    desk.press("Enter")
    desk.page.get_by_text("Lineage knows no 'nothing of that name' in pets.").wait_for()
    desk.complaints.clear()
    desk.page.get_by_label("Of what").fill("v1")
    desk.press("Enter")
    desk.page.locator(".card.middle").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 420])
def test_it_is_readable_wide_and_narrow_light_and_dark(lead: Make, scheme: str, width: int) -> None:
    desk = lead("/v2", color_scheme=scheme, viewport={"width": width, "height": 800})
    cards(desk)
    assert desk.page.evaluate(FAINT) == []
    assert desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_whole_is_seen_at_once(lead: Make) -> None:
    desk = lead("/v2")
    cards(desk)
    desk.page.get_by_role("button", name="Whole").click()
    fits = "() => { const it = document.querySelector('.graph'); return it.scrollWidth <= it.clientWidth + 1; }"
    desk.page.wait_for_function(fits)
    desk.page.get_by_role("button", name="Readable").click()
    desk.page.wait_for_function(f"() => !({fits})()")


def test_reviewers_come_from_a_disputed_task(chromium: Any) -> None:
    context = chromium.new_context(viewport=SIZE)
    desk = StandIn(context.new_page(), "classification", groups="[reviewers]")
    desk.dispute("cat", "dog")
    (task,) = desk.loop.tasks.by_status("pets", TaskStatus.REVIEW, 1)
    desk.enter("/review")
    desk.page.get_by_role("link", name="Where it comes from, and what came of it").click()
    desk.page.locator(f'.card.middle [data-id="task:{task.task_id}"]').wait_for()
    assert desk.page.evaluate(OUTSIDE) == []
    context.close()
