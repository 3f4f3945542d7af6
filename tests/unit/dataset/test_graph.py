"""Lines beside a log."""

from __future__ import annotations

from trueup.dataset.graph import Link, drawn


def picture(*links: Link) -> list[str]:
    lines: list[str] = []
    for link, row in zip(links, drawn(links), strict=True):
        lines += [*row.above, f"{row.beside} {link.version_id}", *row.below]
    return lines


def link(name: str, parent: str | None = None, merged: str | None = None) -> Link:
    return Link(version_id=name, parent=parent, merged=merged)


def test_a_line_is_a_line() -> None:
    assert picture(link("3", "2"), link("2", "1"), link("1")) == ["* 3", "* 2", "* 1"]


def test_a_merge_opens_a_lane_and_the_common_parent_closes_it() -> None:
    assert picture(link("5", "4", "3"), link("4", "2"), link("3", "2"), link("2", "1"), link("1")) == [
        "* 5",
        "|\\",
        "* | 4",
        "| * 3",
        "|/",
        "* 2",
        "* 1",
    ]


def test_two_heads_stand_beside_each_other() -> None:
    assert picture(link("4", "2"), link("3", "2"), link("2")) == ["* 4", "| * 3", "|/", "* 2"]


def test_three_branches_end_one_by_one() -> None:
    assert picture(link("5", "1"), link("4", "1"), link("3", "1"), link("1")) == [
        "* 5",
        "| * 4",
        "| | * 3",
        "| |/",
        "|/",
        "* 1",
    ]


def test_a_merge_inside_a_lane_shifts_what_is_right_of_it() -> None:
    assert picture(link("6", "4", "3"), link("5", "1"), link("4", "1"), link("3", "1"), link("1")) == [
        "* 6",
        "|\\",
        "| | * 5",
        "* | | 4",
        "| * | 3",
        "| |/",
        "|/",
        "* 1",
    ]
