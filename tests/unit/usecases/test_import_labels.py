"""Labels that exist already become a version with a past."""

from __future__ import annotations

import pytest

from tests.worlds import Loop
from trueup.adapters.memory import MemoryPayloadStore
from trueup.errors import LabelError
from trueup.model import DatasetVersion, Node, NodeKind, Payload
from trueup.usecases.import_labels import ImportedLabel, ImportLabels


def importing(loop: Loop) -> ImportLabels:
    return ImportLabels(
        projects={"pets": loop.config}, payloads=MemoryPayloadStore(), datasets=loop.datasets, clock=loop.clock
    )


def labels(count: int, label: str = "cat") -> list[ImportedLabel]:
    payloads = [Payload(data=f"text {number}".encode(), content_type="text/plain") for number in range(count)]
    return [ImportedLabel(payload=each, label=label) for each in payloads]


def node(version: DatasetVersion) -> Node:
    return Node(kind=NodeKind.VERSION, id=version.version_id)


def test_an_import_comes_from_the_version_before_it() -> None:
    loop = Loop()
    first = importing(loop)("pets", labels(2), "the start")
    second = importing(loop)("pets", labels(3), "more")
    assert first is not None
    assert second is not None
    assert loop.lineage.edges_to("pets", node(first)) == []
    (edge,) = loop.lineage.edges_to("pets", node(second))
    assert (edge.source, edge.target) == (node(first), node(second))
    assert edge.at == second.created_at


def test_what_is_there_already_makes_no_version_and_no_edge() -> None:
    loop = Loop()
    first = importing(loop)("pets", labels(2), "the start")
    assert importing(loop)("pets", labels(2), "again") is None
    assert loop.datasets.head("pets") == first
    assert loop.world.edges == {}


def test_a_changed_label_makes_a_version() -> None:
    loop = Loop()
    importing(loop)("pets", labels(2), "the start")
    second = importing(loop)("pets", labels(1, "dog"), "a correction")
    assert second is not None
    assert (second.number, second.added, second.relabelled) == (2, 0, 1)


def test_an_unknown_label_imports_nothing() -> None:
    loop = Loop()
    with pytest.raises(LabelError, match="label 3: 'cow' is not a class"):
        importing(loop)("pets", [*labels(2), *labels(1, "cow")], "the start")
    assert loop.datasets.head("pets") is None
