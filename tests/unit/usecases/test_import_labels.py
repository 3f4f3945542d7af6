"""Labels that exist already become a version with a past."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from tests.worlds import Loop, project
from trueup.adapters.memory import MemoryPayloadStore
from trueup.errors import LabelError
from trueup.model import CommitPolicy, DatasetVersion, Node, NodeKind, Payload
from trueup.usecases.import_labels import ImportedLabel, ImportLabels
from trueup.usecases.making_versions import view_of

JSON = "application/json"


def importing(loop: Loop) -> ImportLabels:
    return ImportLabels({"pets": loop.config}, MemoryPayloadStore(), loop.datasets, loop.clock, loop.tasks)


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


def test_an_input_s_own_group_and_likeness_decide_its_split() -> None:
    config = replace(project(selection={"group_by": "payload:user"}), commit=CommitPolicy(test_share=0.5))
    loop = Loop(config)
    words = " ".join(f"word{each}" for each in range(300))
    made = [
        ImportedLabel(
            payload=Payload(data=json.dumps({"user": user, "text": text}).encode(), content_type=JSON), label="cat"
        )
        for user, text in [(each % 7, f"{each} {words}"[: 9 * each]) for each in range(1, 40)]
    ]
    importing(loop)("pets", [*made, ImportedLabel(payload=made[0].payload, label="dog", group="said")], "groups")
    held = list(view_of(loop.datasets, "pets", loop.datasets.head("pets")))
    splits = {each.group: {other.split for other in held if other.group == each.group} for each in held}
    assert set(splits) <= {*map(str, range(7)), "said"}
    assert all(len(each) == 1 for each in splits.values())


def test_texts_that_hardly_differ_are_imported_into_one_split() -> None:
    loop = Loop(replace(project(), commit=CommitPolicy(test_share=0.5)))
    words = " ".join(f"word{each}" for each in range(300))
    texts = [f"{words} {each}" for each in range(30)]
    for portion in (texts[:10], texts[10:]):
        payloads = [Payload(data=each.encode(), content_type="text/plain") for each in portion]
        importing(loop)("pets", [ImportedLabel(payload=each, label="cat") for each in payloads], "alike")
    head = loop.datasets.head("pets")
    assert head is not None
    assert list(head.split_counts.values()) == [30]
    assert all(each.fingerprint for each in view_of(loop.datasets, "pets", head))
