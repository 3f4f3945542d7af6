"""How versions follow from each other, on any graph."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.dataset.test_versions import line, made
from trueup.adapters.memory import MemoryDatasetStore, World
from trueup.dataset.history import ancestry, first_parents, merge_base
from trueup.model import DatasetVersion

_ANY = made(MemoryDatasetStore(World()), None, [line(1, "cat")])


def graph(parents: Sequence[tuple[int | None, int | None]]) -> list[DatasetVersion]:
    """Versions 1, 2, … by parent and merged version."""
    return [
        replace(
            _ANY,
            version_id=str(number),
            number=number,
            parent=str(one) if one else None,
            merged=str(other) if other else None,
        )
        for number, (one, other) in enumerate(parents, start=1)
    ]


@st.composite
def graphs(draw: st.DrawFn) -> list[DatasetVersion]:
    parents: list[tuple[int | None, int | None]] = [(None, None)]
    for number in range(2, draw(st.integers(2, 14)) + 1):
        older = st.integers(1, number - 1)
        parents.append((draw(older), draw(st.none() | older)))
    return graph(parents)


def above(version: DatasetVersion, versions: Sequence[DatasetVersion]) -> set[int]:
    """By following links, one by one."""
    found, todo = set[int](), [version]
    while todo:
        each = todo.pop()
        found.add(each.number)
        todo += [versions[int(name) - 1] for name in (each.parent, each.merged) if name]
    return found


@pytest.mark.slow
@given(graphs(), st.data())
def test_the_base_is_the_newest_that_both_came_from(versions: list[DatasetVersion], data: st.DataObject) -> None:
    ours, theirs = data.draw(st.sampled_from(versions)), data.draw(st.sampled_from(versions))
    walk = [each for each in reversed(versions) if each.number <= max(ours.number, theirs.number)]
    found = merge_base(ours, theirs, walk)
    assert found is not None
    assert found.number == max(above(ours, versions) & above(theirs, versions))


@pytest.mark.slow
@given(graphs(), st.data())
def test_ancestry_is_all_that_a_version_came_from_once(versions: list[DatasetVersion], data: st.DataObject) -> None:
    head = data.draw(st.sampled_from(versions))
    found = [each.number for each in ancestry([head], reversed(versions))]
    assert found == sorted(above(head, versions), reverse=True)


def test_the_walk_ends_where_the_answer_is_found() -> None:
    versions = graph([(None, None), (1, None), (2, None), (2, None), (3, None)])
    walk = iter(reversed(versions))
    assert merge_base(versions[4], versions[3], walk) == versions[1]
    assert [each.number for each in walk] == [1]


def test_versions_without_anything_in_common_have_no_base() -> None:
    one, other = graph([(None, None), (None, None)])
    assert merge_base(one, other, [other, one]) is None


def test_first_parents_leave_out_what_was_merged() -> None:
    versions = graph([(None, None), (1, None), (1, None), (2, 3)])
    assert [each.number for each in first_parents(versions[3], reversed(versions))] == [4, 2, 1]
