"""Who gave a label, by which answers; and what a log shows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.usecases.refs import BY, MemoryShelf, sample, shelf
from tests.worlds import NOW, Loop
from trueup.errors import NotFoundError
from trueup.model import Pruned
from trueup.usecases.blame_label import BlameLabel
from trueup.usecases.show_log import LogFilter
from trueup.usecases.submit_annotation import Submission


def lives(found: MemoryShelf, number: int, at: str = "head") -> list[tuple[int, str | None, int | None]]:
    told = found.blame(found.find("pets", at), sample(number))
    return [(each.number, each.line.label if each.line else None, each.brought_by) for each in told]


def test_each_label_that_a_sample_had_is_told_newest_first() -> None:
    found = shelf()
    found.put({1: "cat", 2: "dog"})
    found.put({2: "fox"})
    found.put({1: "dog"})
    found.put({1: None})
    found.put({3: "cat"})
    found.put({1: "fox"})
    found.put({2: "cat"})
    assert lives(found, 1) == [(6, "fox", None), (4, None, None), (3, "dog", None), (1, "cat", None)]
    assert lives(found, 1, "v5") == [(4, None, None), (3, "dog", None), (1, "cat", None)]
    assert lives(found, 1, "v2") == [(1, "cat", None)]
    with pytest.raises(NotFoundError, match="neither v2 of pets nor one before it holds"):
        lives(found, 3, "v2")


def test_a_merge_only_brings_along_what_somebody_else_did() -> None:
    found = shelf()
    found.put({1: "cat", 2: "dog"})
    found.branch("side")
    found.put({1: "fox"}, "side")
    found.put({2: "cat"})
    found.merge("pets", found.find("pets", "side"), "main", "merge", by=BY)
    assert lives(found, 1) == [(2, "fox", 4), (1, "cat", None)]
    assert lives(found, 2) == [(3, "cat", None), (1, "dog", None)]


def test_what_was_pruned_ends_what_is_known() -> None:
    found = shelf()
    first = found.put({1: "cat"})
    found.put({1: "dog"})
    found.refs.prune([Pruned(project="pets", version_id=first.version_id, number=1, at=NOW)])
    assert lives(found, 1) == [(2, "dog", None)]


def test_the_answers_behind_a_label_are_told() -> None:
    loop = Loop()
    loop.ingest(loop.capture(1))
    for annotator in ("ada", "ben"):
        claimed = loop.claim("pets", annotator)
        assert claimed is not None
        loop.clock.advance(1)
        answer = Submission(
            project="pets",
            task_id=claimed.task.task_id,
            annotator=annotator,
            label="fox",
            lease_token=claimed.lease.token,
        )
        loop.submit(answer)
        loop.settle("pets", claimed.task.task_id)
    (version,) = loop.commit("pets", "settled", force=True)
    blame = BlameLabel(loop.datasets, loop.refs, loop.lineage, loop.tasks)
    (life,) = blame(version, claimed.task.sample_id)
    assert life.settled is not None
    assert (life.line.label if life.line else None, life.settled.method) == ("fox", "dawid-skene")
    assert [each.annotator for each in life.settled.annotations] == ["ada", "ben"]
    assert life.settled.at == NOW + timedelta(seconds=2)


def logged(found: MemoryShelf, *heads: str, **wanted: object) -> list[int]:
    at = [found.find("pets", each) for each in heads or ("head",)]
    return [each.number for each in found.log("pets", at, LogFilter(**wanted))]  # type: ignore[arg-type]


def test_a_log_holds_what_a_version_came_from() -> None:
    found = shelf()
    found.put({1: "cat", 2: "dog"})
    found.branch("side")
    for branch, labels in (("side", {1: "fox"}), ("main", {2: "cat"}), ("side", {3: "dog"})):
        found.clock.advance(3600)
        found.put(labels, branch)
    found.names.tag("frozen", found.find("pets", "v2"), BY, "")
    assert logged(found) == [3, 1]
    assert logged(found, "side") == [4, 2, 1]
    assert logged(found, "main", "side") == [4, 3, 2, 1]
    assert logged(found, "main", "side", limit=2) == [4, 3]
    assert logged(found, "main", "side", since=NOW + timedelta(hours=2)) == [4, 3]
    assert logged(found, "main", "side", until=NOW + timedelta(hours=1)) == [2, 1]
    assert logged(found, "main", "side", sample_id=sample(1)) == [2, 1]
    assert logged(found, "side", class_name="fox") == [2]
    assert logged(found, "main", class_name="cat") == [3, 1]
    names = {
        each.number: (each.branches, each.tags) for each in found.log("pets", [found.find("pets", "side")], LogFilter())
    }
    assert names == {4: (("side",), ()), 2: ((), ("frozen",)), 1: ((), ())}
    with pytest.raises(NotFoundError, match="had a sample of class 'wolf'"):
        logged(found, class_name="wolf")
