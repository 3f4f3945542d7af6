"""Every kind of label at the keyboard and with the pointer: what is posted, and what comes back to be changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import SIZE
from tests.browser.stand_in import HOST, PAYLOADS, TEXT, StandIn
from tests.browser.test_screens import FAINT, OUTSIDE
from tests.worlds import NOW, opening
from trueup.model import Gold, StandingStatus

pytestmark = pytest.mark.browser
Make = Callable[..., StandIn]


@pytest.fixture
def stand_in(chromium: Any) -> Iterator[Make]:
    made: list[StandIn] = []

    def make(kind: Any, payload: str = "image", **given: Any) -> StandIn:
        options = given.pop("options", {})
        context = chromium.new_context(**{"viewport": SIZE, **options})
        made.append(StandIn(context.new_page(), kind, payload, **given))
        return made[-1]

    yield make
    for each in made:
        each.page.context.close()
    assert [said for each in made for said in each.complaints] == []


def said(posted: dict[str, Any]) -> Any:
    assert posted["status"] in (200, 201), posted
    return json.loads(posted["label"])


def test_several_classes(stand_in: Make) -> None:
    desk = stand_in("multilabel")
    desk.enter()
    desk.press("3", "1", "2", "2")
    assert said(desk.send()) == {"classes": ["fox", "cat"]}
    assert said(desk.send()) == {"classes": []}
    # Back to the last answer, and to the one before, which is corrected.
    desk.press("u")
    desk.page.locator(".ribbon", has_text="no class").wait_for()
    desk.press("u")
    desk.page.locator(".ribbon", has_text="fox, cat").wait_for()
    desk.page.get_by_role("button", name="dog").click()
    desk.press("u", "2")
    posted = desk.send()
    assert (said(posted), "supersedes" in posted) == ({"classes": ["fox", "cat", "dog"]}, True)


def test_boxes_by_keys(stand_in: Make) -> None:
    desk = stand_in("boxes")
    desk.enter()
    desk.press("2", "Shift+Enter", "ArrowRight", "ArrowUp", "Shift+ArrowDown", "1")
    box = {"label": "cat", "left": 123, "top": 72, "right": 203, "bottom": 125}
    assert said(desk.send()) == {"width": 320, "height": 200, "boxes": [box]}


def test_boxes_by_the_pointer(stand_in: Make) -> None:
    desk = stand_in("boxes")
    desk.enter()
    desk.press("3")
    desk.drag((40, 60), (120, 150))
    desk.drag((190, 40), (280, 130))
    rows = desk.page.locator(".things li")
    assert rows.all_inner_texts() == ["fox · 80 \u00d7 90", "fox · 90 \u00d7 90"]
    desk.press("1")
    # A corner of the selected one, then all of it; and one step back.
    desk.drag((280, 130), (300, 150))
    desk.drag((240, 90), (230, 80))
    desk.press("Control+z")
    first, second = said(desk.send())["boxes"]
    assert [round(first[each]) for each in ("left", "top", "right", "bottom")] == [40, 60, 120, 150]
    assert [round(second[each]) for each in ("left", "top", "right", "bottom")] == [190, 40, 300, 150]
    assert (first["label"], second["label"]) == ("fox", "cat")


def test_zoom_pan_and_brightness_change_nothing_of_the_answer(stand_in: Make) -> None:
    desk = stand_in("boxes")
    desk.enter()
    before = desk.page.locator(".plane").bounding_box()
    desk.press("+", "+", "ArrowRight", ".")
    box = desk.page.locator(".plane").bounding_box()
    assert box["width"] > before["width"] * 1.5
    assert "brightness(1.25)" in desk.page.locator(".plane img").get_attribute("style")
    desk.drag((100, 60), (150, 110))
    desk.press("=")
    (found,) = said(desk.send())["boxes"]
    assert [round(found[each]) for each in ("left", "top", "right", "bottom")] == [100, 60, 150, 110]


def test_polygons(stand_in: Make) -> None:
    desk = stand_in("polygons")
    desk.enter()
    desk.press("2")
    for place in ((40, 60), (120, 60), (120, 150)):
        desk.click(*place)
    desk.press("Backspace")
    desk.click(120, 140)
    desk.press("Enter")
    desk.press("Escape")
    for place in ((190, 40), (280, 40), (280, 130), (191, 41)):
        desk.click(*place)
    posted = said(desk.send())
    assert [[[round(x), round(y)] for x, y in each["points"]] for each in posted["polygons"]] == [
        [[40, 60], [120, 60], [120, 140]],
        [[190, 40], [280, 40], [280, 130]],
    ]
    desk.press("Shift+Enter", "End", "ArrowLeft")
    (one,) = said(desk.send())["polygons"]
    assert one["points"][0] == [117, 75]


def test_an_open_polygon_is_no_answer(stand_in: Make) -> None:
    desk = stand_in("polygons")
    desk.enter()
    desk.click(40, 60)
    desk.page.get_by_role("button", name="Send the answer").click()
    desk.page.get_by_text("Close the polygon first").wait_for()
    assert desk.posted == []


def test_masks(stand_in: Make) -> None:
    desk = stand_in("mask")
    desk.enter()
    desk.drag((40, 100), (120, 100))
    desk.press("2", ";")
    desk.click(10, 10)
    found = said(desk.send())
    painted = sum(length for which, length in found["runs"] if which == 1)
    assert (found["classes"], sum(length for _, length in found["runs"])) == (["cat", "dog"], 320 * 200)
    assert 500 < painted < 900
    desk.press("]", "]", "Space", "Delete", "[", "[", "[", "Space", "Control+z")
    again = said(desk.send())
    assert again["classes"] == ["dog"] or again["classes"] == ["cat"]


def test_spans_by_keys_with_a_relation(stand_in: Make) -> None:
    desk = stand_in("spans", "text", schema={"relations": [{"name": "met"}, {"name": "likes"}]})
    desk.enter()
    desk.press("ArrowRight", "1", "Shift+Enter")
    desk.press("ArrowRight", "ArrowRight", "ArrowRight")
    desk.press("2", "1")
    found = said(desk.send())
    (one, two) = found["spans"]
    assert (TEXT[one["start"] : one["end"]], TEXT[two["start"] : two["end"]]) == ("Ada", "Ben")
    assert found["relations"] == [{"label": "met", "from": 0, "to": 1}]


def test_spans_by_the_pointer_count_code_points(stand_in: Make) -> None:
    desk = stand_in("spans", "text")
    desk.enter()
    desk.page.evaluate(
        """() => { const text = document.querySelector('.piece').firstChild, range = document.createRange();
        const at = text.data.indexOf('Paris'); range.setStart(text, at - 1); range.setEnd(text, at + 5);
        getSelection().removeAllRanges(); getSelection().addRange(range); }"""
    )
    desk.page.locator(".spans").dispatch_event("mouseup")
    desk.press("3")
    (found,) = said(desk.send())["spans"]
    assert (TEXT[found["start"] : found["end"]], found["label"]) == ("Paris", "fox")


def test_free_text_of_a_sound(stand_in: Make) -> None:
    desk = stand_in("text", "audio")
    desk.enter()
    loaded = "new Promise(done => each.addEventListener('loadedmetadata', done))"
    length = f"async each => {{ if (!each.readyState) await {loaded}; return each.duration; }}"
    assert desk.page.locator("audio").evaluate(length) == 1
    desk.press("Enter")
    desk.page.get_by_text("Write the text first").wait_for()
    desk.page.get_by_label("What is it?").fill("nothing\nat all")
    now = desk.ready()
    desk.press("Control+Enter")
    desk.ready(but=now)
    assert said(desk.posted[0]) == {"text": "nothing\nat all"}
    assert desk.page.get_by_label("What is it?").input_value() == ""


def test_ratings(stand_in: Make) -> None:
    desk = stand_in("rating", "text")
    desk.enter()
    desk.press("4")
    desk.page.get_by_label("Why?").fill("too long")
    desk.press("Escape")
    assert said(desk.send()) == {"rating": 4, "critique": "too long"}


def test_preferences(stand_in: Make) -> None:
    desk = stand_in("preference", "pair")
    desk.enter()
    desk.press("ArrowLeft", "2")
    assert desk.page.locator(".pair .chosen").inner_text().startswith("2")
    assert said(desk.send()) == {"preferred": "second", "critique": ""}


def test_what_is_not_a_pair_says_so(stand_in: Make) -> None:
    desk = stand_in("preference", "text")
    desk.enter()
    desk.page.get_by_text("These are not two answers").wait_for()


def test_a_draft_outlives_a_reload(stand_in: Make) -> None:
    desk = stand_in("boxes")
    desk.enter()
    desk.press("Shift+Enter")
    desk.page.reload()
    desk.ready()
    assert len(said(desk.send())["boxes"]) == 1


def test_none_of_these_a_comment_and_a_flag(stand_in: Make) -> None:
    desk = stand_in("classification")
    desk.enter()
    now = desk.ready()
    desk.press("/")
    desk.page.get_by_label("It goes with the answer").fill("a lynx?")
    desk.press("Enter", "!")
    desk.press("#")
    desk.page.get_by_label("Which class is missing?").fill("lynx")
    desk.press("Enter")
    then = desk.ready(but=now)
    assert said(desk.posted[0]) == {"none": True, "proposed": "lynx"}
    assert (desk.posted[0]["comment"], desk.posted[0]["flagged"]) == ("a lynx?", True)
    assert "none of these (lynx)" in desk.page.locator(".last").inner_text()
    desk.press("1")
    desk.ready(but=then)
    assert "comment" not in desk.posted[1]


def test_none_of_these_is_not_there_where_a_project_does_not_offer_it(stand_in: Make) -> None:
    desk = stand_in("classification", schema={"none_of_these": False})
    desk.enter()
    desk.press("#")
    assert desk.page.locator("dialog").count() == 0
    assert desk.page.get_by_role("button", name="None fits").count() == 0


def test_the_models_word_is_shown_where_the_project_wishes(stand_in: Make) -> None:
    desk = stand_in("classification", more={"annotation": {"show_prediction": True}})
    desk.enter()
    assert desk.page.locator(".said").inner_text() == "The model says cat 50 %"


def test_a_reviewer_takes_one_of_the_answers_and_mends_it(stand_in: Make) -> None:
    desk = stand_in("boxes", groups="[reviewers]")
    box = {"label": "cat", "left": 40, "top": 60, "right": 120, "bottom": 150}
    other = {**box, "label": "dog", "left": 190, "right": 280}
    size = {"width": 320, "height": 200}
    desk.dispute(*(json.dumps({**size, "boxes": [each]}) for each in (box, other)))
    desk.enter("/review")
    desk.ready()
    assert desk.page.locator(".things li").all_inner_texts() == ["cat · 80 \u00d7 90"]
    assert "“hard to see”" in desk.page.locator(".answers").inner_text()
    desk.press("v")
    desk.page.locator(".things li", has_text="dog").wait_for()
    desk.press("PageDown", "3", "Enter")
    desk.page.get_by_text("Ruled: 1 box: fox.").wait_for()
    assert said(desk.posted[0]) == {**size, "boxes": [{**other, "label": "fox"}]}


def test_a_reviewer_rules_that_nothing_fits(stand_in: Make) -> None:
    desk = stand_in("classification", groups="[reviewers]")
    desk.dispute("cat", '{"none":true,"proposed":"lynx"}')
    desk.enter("/review")
    desk.ready()
    assert "none of these (lynx)" in desk.page.locator(".answers").inner_text()
    desk.press("#")
    desk.page.get_by_label("Which class is missing?").fill("lynx")
    desk.press("Enter")
    desk.page.get_by_text("Ruled: none of these (lynx).").wait_for()
    assert said(desk.posted[0]) == {"none": True, "proposed": "lynx"}


def test_a_reviewer_mends_the_guidelines_and_annotators_are_told(stand_in: Make) -> None:
    desk = stand_in("classification", groups="[reviewers]")
    desk.dispute("cat", "dog")
    desk.enter()
    desk.enter("/review")
    desk.page.reload()
    desk.ready()
    desk.press("e")
    desk.page.get_by_label("What everybody reads from now on").fill("Look at the ears.")
    desk.page.get_by_label("Why?", exact=False).last.fill("ears were missed")
    desk.page.get_by_role("button", name="Change them").click()
    desk.page.get_by_text("The guidelines are changed for everybody.").wait_for()
    assert "Look at the ears." in desk.page.locator(".guide").inner_text()
    desk.page.get_by_role("button", name="Back to labeling").click()
    desk.page.get_by_role("button", name="Changed: I have read them").click()
    assert "Look at the ears." in desk.page.locator(".guide").inner_text()
    assert desk.page.get_by_role("button", name="Changed: I have read them").count() == 0
    assert desk.loop.guidelines.newest("pets").task_id is not None


ALL = [
    ("multilabel", "text"),
    ("boxes", "image"),
    ("polygons", "image"),
    ("mask", "image"),
    ("spans", "text"),
    ("text", "audio"),
    ("rating", "text"),
    ("preference", "pair"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("kind", "payload"), ALL)
def test_every_editor_is_readable_and_within_its_bounds(stand_in: Make, kind: Any, payload: str, scheme: str) -> None:
    schema = {"relations": [{"name": "met"}]} if kind == "spans" else {}
    desk = stand_in(kind, payload, schema=schema, options={"color_scheme": scheme})
    desk.enter()
    desk.press("ArrowRight", "1", "Shift+Enter")
    for width, height in ((1280, 720), (900, 700)):
        desk.page.set_viewport_size({"width": width, "height": height})
        assert desk.page.evaluate(FAINT) == []
        assert not any(desk.page.evaluate(OUTSIDE)), (width, height)
    desk.press("?")
    assert desk.page.evaluate(FAINT) == []


def test_in_training_the_known_answer_is_shown(stand_in: Make) -> None:
    desk = stand_in("classification", "text", more={"gold": {"train_below": 0.7}})
    for number in (71, 72):
        made = opening(number, config=desk.loop.config).sample
        uri = desk.stored.put("pets", made.sample_id, PAYLOADS["text"])
        desk.loop.gold.put(
            Gold(
                project="pets",
                gold_id=f"g{number}",
                sample_id=made.sample_id,
                label="dog",
                names=("dog",),
                content_type="text/plain",
                payload_uri=uri,
                added_at=NOW,
            )
        )
    desk.loop.keep_gold.set_standing("pets", "ada", StandingStatus.TRAINING, "lea", "You are new here")
    desk.page.goto(f"{HOST}/#/pets")
    desk.ready()
    desk.page.get_by_text("Training: after each answer").wait_for()
    desk.press("1")
    desk.page.get_by_text("The answer is dog; you said cat.").wait_for()
    desk.complaints[:] = [each for each in desk.complaints if "403" not in each]
