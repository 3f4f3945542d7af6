"""What changes amount to is what the two contents say, and is counted without keeping them."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings

from tests.unit.dataset.lines import sample_ids
from tests.unit.dataset.test_history import History, histories
from tests.unit.dataset.test_versions import line
from trueup.dataset.cards.diff_page import diff_page
from trueup.dataset.diff import Changed, changes_between, diff
from trueup.dataset.figures import Tally, between, glance, summary
from trueup.dataset.view import View
from trueup.labels.naming import names_in
from trueup.model import SampleChange


def kinds_of(changes: list[SampleChange]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for each in changes:
        told = {each.change: each.after if each.after is not None else each.before}
        if each.change == "relabelled":
            told = {"from": each.before, "to": each.after}
        for kind, label in told.items() if each.change != "moved" else ():
            for name in names_in(label or ""):
                found.setdefault(name, Counter())[kind] += 1
    return found


@pytest.mark.slow
@settings(max_examples=30)
@given(histories(sample_ids))
def test_a_summary_counts_what_a_diff_lists(history: History) -> None:
    for one, other in pairwise(range(len(history.versions))):
        before, after = history.view(one), history.view(other)
        listed = list(diff(before, after))
        first, told = glance(changes_between(before, after, rows=2), 3)
        assert first == listed[:3]
        assert told.counts == Counter(each.change for each in listed)
        assert told.changes == len(listed)
        assert told.classes == kinds_of(listed)


@pytest.mark.slow
@settings(max_examples=30)
@given(histories(sample_ids))
def test_what_came_and_what_left_is_the_difference_of_the_contents(history: History) -> None:
    counts = [Counter(name for line in each.values() for name in names_in(line.label)) for each in history.contents]
    for one, other in pairwise(range(len(history.versions))):
        told = summary(changes_between(history.view(one), history.view(other)))
        found = between(history.versions[one], history.versions[other], told)
        assert found.added - found.removed == len(history.contents[other]) - len(history.contents[one])
        for each in found.by_class:
            assert (each.before, each.after) == (counts[one][each.name], counts[other][each.name])
            assert each.before + each.came - each.left == each.after
        names = counts[one].keys() | counts[other].keys()
        changed = {each for each in names if counts[one][each] != counts[other][each]}
        assert changed <= {each.name for each in found.by_class}
        for split in found.by_split:
            assert split.after == sum(each.split == split.name for each in history.contents[other].values())


def test_without_a_beginning_all_is_new() -> None:
    history = History()
    history.commit([line(1, "cat"), line(2, "dog")])
    history.commit([line(3, "dog")])
    found = between(None, history.versions[-1], summary(changes_between(View(None, lambda _: b""), history.view(-1))))
    assert (found.added, found.removed, found.relabelled) == (3, 0, 0)
    assert [(each.name, each.before, each.after, each.came, each.left) for each in found.by_class] == [
        ("cat", 0, 1, 1, 0),
        ("dog", 0, 2, 2, 0),
    ]


class Watched:
    """Changes in many parts; says how many of them were held at once."""

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self.most = 0
        self._made: list[weakref.ref[Changed]] = []

    def __iter__(self) -> Iterator[Changed]:
        for number in range(self.parts):
            (made,) = changes_between(View.of_lines([line(number, "cat")]), View.of_lines([line(number, "dog")]))
            self._made.append(weakref.ref(made))
            yield made
            del made
            self.most = max(self.most, sum(each() is not None for each in self._made))


@pytest.mark.parametrize("most", [0, 5])
def test_nobody_holds_more_than_a_part(most: int) -> None:
    watched = Watched(30)
    first, told = glance(watched, most)
    assert (len(first), told.relabelled, watched.most) == (most, 30, 1)


def test_a_page_holds_no_more_than_a_part() -> None:
    history, watched = History(), Watched(30)
    history.commit([line(1, "cat")])
    page = diff_page(history.versions[0], history.versions[0], watched)
    assert (page.count('<span class="relabelled">'), watched.most) == (30, 1)


def test_what_goes_by_is_counted_when_it_goes_by() -> None:
    tally = Tally()
    for number, _ in enumerate(tally.passing(Watched(3)), 1):
        assert tally.summary().relabelled == number
