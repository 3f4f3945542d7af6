"""Versions as use cases make them."""

from __future__ import annotations

from tests.unit.dataset.test_versions import line
from tests.worlds import Loop, project
from trueup.dataset.verify import verify
from trueup.model import Change, DatasetVersion
from trueup.usecases.making_versions import MakeVersion, Proposal


def made(loop: Loop, *changes: Change) -> DatasetVersion | None:
    make = MakeVersion(datasets=loop.datasets, clock=loop.clock)
    return make(project(), lambda _: Proposal(changes=changes), "test")


def test_what_does_not_change_is_neither_written_nor_counted_off() -> None:
    loop = Loop()
    made(loop, line(1, "cat"), line(2, "cat"))
    version = made(loop, line(1, "cat"), line(3, "dog"))
    assert version is not None
    assert (version.samples, version.added, version.class_counts) == (3, 1, {"cat": 2, "dog": 1})
    assert sum(each.samples for each in version.delta) == 1
    read = lambda name: loop.datasets.segment("pets", name)  # noqa: E731
    assert verify(version, read, lambda name: loop.datasets.document("pets", name)) == []
    assert made(loop, line(1, "cat"), line(3, "dog")) is None
