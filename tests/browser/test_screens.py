"""Every screen as a picky person meets it: readable, within its bounds, named, and reached by the keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.pages import Desk, seed
from tests.conftest import Cloud

pytestmark = pytest.mark.browser
SIZES = [(1280, 720), (1920, 1080), (900, 700), (700, 900)]
WORK = {
    "annotations": [
        {"annotation_id": f"a{number}", "task_id": f"t{number}", "label": label, "status": status, "submitted_at": at}
        for number, (label, status, at) in enumerate(
            [
                ("4", "open", "2026-11-24T09:00:00Z"),
                ("a label that is rather long " * 3, "settled", "2026-01-02T09:00:00Z"),
                ("9", "corrected", "2026-01-01T09:00:00Z"),
                ("0", "review", "2025-12-31T09:00:00Z"),
            ]
        )
    ],
    "today": 1,
    "total": 4,
}

# Text below the 4.5 : 1 of WCAG AA, each as [text, ratio]; what is switched off is exempt there.
FAINT = """() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(each => each / 255)
    .map(each => each <= .04045 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4)
    .reduce((sum, each, index) => sum + each * [.2126, .7152, .0722][index], 0);
  const ground = element => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parts(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const each of document.querySelectorAll('body *')) {
    const own = [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!own || !each.checkVisibility() || each.closest('.unseen, :disabled, [aria-disabled="true"], option')) continue;
    const [one, other] = [light(parts(getComputedStyle(each).color)), light(ground(each))].sort((a, b) => b - a);
    const ratio = (one + .05) / (other + .05);
    if (ratio < 4.5) found.push([each.textContent.slice(0, 40), ratio]);
  }
  return found;
}"""

# What sticks out of the window sideways, and whether the page itself scrolls sideways.
OUTSIDE = """() => [
  ...[...document.querySelectorAll('button, input, select, h1, h2, p, img')]
    .filter(each => each.checkVisibility() && !each.closest('.unseen'))
    .filter(each => (box => box.left < 0 || box.right > innerWidth + 1)(each.getBoundingClientRect()))
    .map(each => each.outerHTML.slice(0, 80)),
  ...(document.documentElement.scrollWidth > innerWidth ? ['the page'] : [])]"""

# The element that has the focus: [role or tag, name, how its focus shows].
FOCUSED = """() => (it => [it.tagName.toLowerCase(),
  (it.getAttribute('aria-label') || it.textContent || it.labels?.[0]?.textContent || '').trim(),
  getComputedStyle(it).outlineStyle])(document.activeElement)"""


def look_at(desk: Desk) -> None:
    assert desk.page.evaluate(FAINT) == []
    assert desk.page.evaluate(OUTSIDE) == []


def sign_in_screen(desk: Desk) -> None:
    desk.page.goto(desk.cloud.workbench_url)
    desk.page.get_by_label("Name").wait_for()
    assert desk.page.title() == "Sign in · trueup"
    assert desk.page.evaluate(FOCUSED)[1] == "Name"
    look_at(desk)
    desk.sign_in("ada", "not it")
    desk.page.get_by_role("alert").get_by_text("wrong").wait_for()
    look_at(desk)
    desk.complaints.clear()


def work_screens(desk: Desk) -> None:
    desk.page.route("**/annotations", lambda route: route.fulfill(json={"annotation_id": "a"}, status=201))
    desk.enter("digits")
    assert desk.page.title() == "Handwritten digits · trueup"
    look_at(desk)
    assert desk.page.locator(".sample img").evaluate(
        "it => (p => it.width <= p.clientWidth && it.height <= p.clientHeight)(it.parentElement)"
    )
    for key, dialog in (("s", "Why skip this task?"), ("?", "Keys")):
        desk.press(key)
        desk.page.get_by_role("dialog", name=dialog).wait_for()
        look_at(desk)
        desk.press("Escape")
        desk.page.get_by_role("dialog").wait_for(state="detached")
    _, following = desk.answer("4")
    desk.press("u")
    desk.page.get_by_text("You answered 4. Choose again").wait_for()
    desk.ready(but=following)
    look_at(desk)


def my_work_screen(desk: Desk) -> None:
    desk.page.route("**/work", lambda route: route.fulfill(json=WORK))
    desk.page.get_by_role("button", name="My work").click()
    desk.page.get_by_role("row", name="corrected by you").wait_for()
    assert desk.page.title() == "My work · Handwritten digits · trueup"
    look_at(desk)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_screen_is_readable_and_within_its_bounds(
    new_desk: Callable[..., Desk], pictures: None, size: tuple[int, int], theme: str
) -> None:
    desk = new_desk(viewport={"width": size[0], "height": size[1]}, color_scheme=theme)
    sign_in_screen(desk)
    work_screens(desk)
    my_work_screen(desk)


def test_tab_walks_everything_in_the_order_of_reading(desk: Desk, pictures: None) -> None:
    desk.enter("digits")
    walked = []
    for _ in range(21):
        desk.press("Tab")
        walked.append(desk.page.evaluate(FOCUSED))
    assert [name for _, name, _ in walked[:4]] == [
        "Project",
        "My work",
        "Switch between light and dark",
        "Sign out ada",
    ]
    names = [name for _, name, _ in walked[4:]]
    assert [each[0] for each in names[:10]] == list("0123456789")
    # Undo is off, for nothing was answered.
    assert names[10:16] == ["None fits #", "Comment /", "Flag !", "Skip s", "Keys ?", "Guidelines"]
    assert all(outline != "none" for _, _, outline in walked[:20])


def test_a_dialog_keeps_the_focus_and_gives_it_back(desk: Desk, pictures: None) -> None:
    desk.enter("digits")
    skip = desk.page.get_by_role("button", name="Skip")
    skip.focus()
    desk.press("Enter")
    dialog = desk.page.get_by_role("dialog", name="Why skip this task?")
    dialog.wait_for()
    assert desk.page.evaluate(FOCUSED)[1].endswith("Unreadable")
    for _ in range(3):
        desk.press("Tab")
    assert desk.page.evaluate(FOCUSED)[1] == "Another reason"
    desk.press("s", "1")
    assert dialog.is_visible()
    desk.press("Escape")
    dialog.wait_for(state="detached")
    assert skip.evaluate("it => it === document.activeElement")


def test_texts_run_as_they_are_written(desk: Desk, cloud: Cloud) -> None:
    texts: list[tuple[str, bytes]] = [
        ("text/plain", "שלום, החבילה לא הגיעה.".encode()),
        ("text/csv", b"age,city\n41,Paris\n"),
        ("application/json", b'{"id": 12345678901234567890, "p": 1.0}'),
    ]
    seed(cloud, "pets", "screens", texts)
    shown = {}
    desk.enter("pets")
    task = desk.ready()
    for _ in range(30):
        sample = desk.page.locator(".sample")
        shown[sample.inner_text()] = sample.locator("p, td").first.evaluate("it => getComputedStyle(it).direction")
        if all(any(part in each for each in shown) for part in ("שלום", "Paris", "1.0")):
            break
        desk.press("s", "3")
        task = desk.ready(but=task)
    assert next(way for text, way in shown.items() if "שלום" in text) == "rtl"
    assert next(way for text, way in shown.items() if "Paris" in text) == "ltr"
    assert any(json.dumps({"id": 12345678901234567890, "p": 1.0}, indent=2) == text for text in shown)


def test_who_is_in_no_group_is_told_whom_to_ask(desk: Desk) -> None:
    pool = desk.cloud.operator.deployment.user_pool_id
    idp: Any = desk.cloud.operator.clients["cognito-idp"]
    idp.admin_create_user(UserPoolId=pool, Username="guest", MessageAction="SUPPRESS")
    idp.admin_set_user_password(UserPoolId=pool, Username="guest", Password=desk.cloud.password, Permanent=True)
    desk.page.goto(desk.cloud.workbench_url)
    desk.sign_in("guest", desk.cloud.password)
    desk.page.get_by_role("heading", name="You may not label here yet").wait_for()
    desk.page.get_by_text("Whoever runs trueup can add it to one; then sign out and in again.").wait_for()
    desk.complaints.clear()


def test_an_empty_project_says_where_there_is_work(desk: Desk, pictures: None) -> None:
    nothing = {"status": 200, "content_type": "application/json", "body": '{"task": null}'}
    desk.page.route("**/projects/pets/claims", lambda route: route.fulfill(**nothing))
    desk.page.goto(f"{desk.cloud.workbench_url}/#/pets")
    desk.sign_in("ada", desk.cloud.password)
    desk.page.get_by_role("heading", name="Nothing to label right now").wait_for()
    look_at(desk)
    desk.page.get_by_role("button", name="Handwritten digits").click()
    desk.ready()
    assert desk.page.title() == "Handwritten digits · trueup"
