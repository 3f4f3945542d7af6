"""Cards: what they say is so, and what a user named cannot break them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.dataset.test_versions import line
from tests.worlds import NOW
from trueup.dataset.cards.diff_page import diff_page
from trueup.dataset.cards.facts import CardFacts, card_facts
from trueup.dataset.cards.markdown import markdown
from trueup.dataset.cards.page import card_page
from trueup.dataset.diff import Changed, changes_between
from trueup.dataset.figures import summary
from trueup.dataset.versions import Making, next_version
from trueup.dataset.view import View
from trueup.model import DatasetVersion, LabelClass, LabelledSample, LabelSchema

# An edge of a cell: a bar that an even number of backslashes stands before.
_EDGE = re.compile(r"(?<!\\)(?:\\\\)*\|")
SCHEMA = LabelSchema(classes=tuple(LabelClass(name=each) for each in ("cat", "dog", "fox")))
ANNOTATED: dict[str, Any] = {"selected_by": "margin", "consensus_id": "c", "labelled_at": NOW}
THEIRS = {**ANNOTATED, "annotators": ("8bbd178be4",)}
SAMPLES = [
    replace(line(1, "cat"), split="train", agreement=1.0, posterior=0.99),
    replace(line(2, "cat"), split="test", agreement=0.5, posterior=0.6, propensity=0.1, **THEIRS),
    replace(line(3, "dog"), split="train", agreement=0.75, posterior=0.9, propensity=0.4, slice="night", **ANNOTATED),
    replace(line(4, "dog"), split="train", labelled_at=NOW + timedelta(days=3)),
]


def version_of(samples: Sequence[LabelledSample], number: int = 2) -> DatasetVersion:
    making = Making(project="pets", number=number, at=NOW, reason="test", by="ada")
    return next_version(None, {}, samples, (), (), making)


def between(before: Sequence[LabelledSample], after: Sequence[LabelledSample]) -> Iterator[Changed]:
    return changes_between(View.of_lines(before), View.of_lines(after), rows=2)


def facts_of(samples: Sequence[LabelledSample], before: Sequence[LabelledSample] = ()) -> CardFacts:
    return card_facts(version_of(samples), samples, SCHEMA, summary(between(before, samples)), "Pets")


def test_the_figures_are_those_of_the_samples() -> None:
    facts = facts_of(SAMPLES, SAMPLES[:1])
    cat, dog, fox = facts.classes
    assert (cat.samples, cat.splits, cat.agreement) == (2, {"train": 1, "validation": 0, "test": 1}, 0.75)
    assert (dog.samples, fox.samples) == (2, 0)
    assert facts.agreements == (0, 0, 0, 0, 0, 1, 0, 1, 0, 2)
    assert facts.posteriors == (0, 0, 0, 0, 0, 0, 1, 0, 0, 3)
    assert [(each.name, each.samples, each.propensities) for each in facts.sources] == [
        ("import", 2, None),
        ("margin", 2, (0.1, 0.4)),
    ]
    assert (facts.slices, facts.by_people) == ({"": 3, "night": 1}, 2)
    assert (facts.oldest, facts.newest) == (NOW, NOW + timedelta(days=3))
    assert facts.changes == {"cat": {"added": 1}, "dog": {"added": 2}}
    assert facts.balance == pytest.approx(0.6309, abs=1e-4)


def test_days_and_shares_are_told_for_what_they_are() -> None:
    """A share is that of the labels from people, not of all; one day is not a span."""
    some, one_day = markdown(facts_of(SAMPLES)), markdown(facts_of(SAMPLES[:3]))
    assert f"Labels were given between {NOW:%Y-%m-%d} and {NOW + timedelta(days=3):%Y-%m-%d}." in some
    assert f"Labels were given on {NOW:%Y-%m-%d}." in one_day
    assert "| annotator | share of people's labels |" in some
    assert "| 8bbd178be4 | 50.0% |" in some


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (SAMPLES, "No sample of fox"),
        (SAMPLES, "No test sample of dog: its score says nothing of it."),
        (SAMPLES, "Annotators agree on cat by 75% only"),
        (SAMPLES, "Fewer than 20 samples of cat, dog."),
        (SAMPLES, "Fewer than 20 samples of the slice night."),
        (SAMPLES[:1], "There is no test split."),
        (SAMPLES[:1], "No sample has a known propensity"),
        ([], "The version holds no sample."),
        ([*[line(each, "cat") for each in range(40)], line(99, "dog")], "cat is 40 times as frequent as dog."),
        ([replace(line(each, "cat"), group="ada") for each in range(30)], "One group has 30 samples, 100% of all."),
    ],
)
def test_what_is_missing_is_said(samples: list[LabelledSample], says: str) -> None:
    assert any(says in each for each in facts_of(samples).gaps), facts_of(samples).gaps


def test_a_dataset_without_gaps_has_none() -> None:
    splits = ("train", "validation", "test")
    names = [(name, split) for name in ("cat", "dog", "fox") for split in splits for _ in range(10)]
    samples = [replace(line(number, name), split=split, propensity=0.5) for number, (name, split) in enumerate(names)]
    facts = facts_of(samples)
    assert facts.gaps == ()
    assert facts.balance == pytest.approx(1.0)
    assert "Nothing stands out." in markdown(facts)


def test_both_forms_say_the_same_figures() -> None:
    facts = facts_of(SAMPLES, SAMPLES[:1])
    for written in (markdown(facts), card_page(facts)):
        for figure in ("Pets, version 2", "81.2%", facts.version.root, "0.1 to 0.4", "8bbd178be4", "50.0%", "night"):
            assert figure in written, figure


class _Balanced(HTMLParser):
    """Raises where a tag is closed that is not open."""

    EMPTY = frozenset({"meta", "rect", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Nothing stays open."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(page: str) -> _Balanced:
    parser = _Balanced()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


@pytest.mark.slow
@given(st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and text == text.strip()))
def test_names_break_neither_form(name: str) -> None:
    samples = [replace(line(1, name), slice=name, selected_by=name)]
    facts = facts_of(samples)
    assert parsed(card_page(facts)).text.count(name) >= 3
    assert parsed(diff_page(facts.version, facts.version, between([], samples))).open == []
    assert "<script" not in card_page(facts_of([line(1, "<script>alert(1)</script>")]))
    for one, other in pairwise(markdown(facts).splitlines()):
        if one.startswith("|") and other.startswith("|"):
            assert len(_EDGE.findall(one)) == len(_EDGE.findall(other))


def test_changes_are_counted_by_class_and_told() -> None:
    before = [line(1, "cat"), line(2, "cat"), line(3, "dog")]
    after = [line(1, "dog"), replace(line(3, "dog"), split="test"), line(4, "fox")]
    assert summary(between(before, after)).classes == {
        "cat": {"from": 1, "removed": 1},
        "dog": {"to": 1},
        "fox": {"added": 1},
    }
    said = parsed(diff_page(version_of(before, 1), version_of(after), between(before, after))).text
    assert "pets: version 1 to version 2" in said
    assert "relabelled from" in said
    assert "The same content." in diff_page(version_of(before, 1), version_of(before), [])


@pytest.mark.slow
def test_a_page_holds_so_much_and_says_how_much_more_there_is() -> None:
    before = [line(number, f"old {number}") for number in range(2_100)]
    after = [line(number, f"new {number}") for number in range(2_100)]
    page = diff_page(version_of(before, 1), version_of(after), between(before, after))
    assert page.count('<span class="relabelled">') == 2_000
    assert "and 100 more" in page
    assert "and 2,050 more" in page
    assert "2,100" in parsed(page).text
