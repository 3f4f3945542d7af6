"""Where groups stand, what is frozen, and under which schemas: kept once, and heeded by commits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.contract.implementations import Ports
from tests.contract.records import QUIET
from tests.contract.test_datasets import committed, version
from tests.worlds import NOW, SCHEMA, opening, project
from trueup.annotation.tasks import task_of_schema
from trueup.errors import ConflictError, HeadMovedError, NotFoundError
from trueup.model import FrozenTest, GroupDocument, GroupPart, LabelClass, SchemaVersion
from trueup.ports import Journal


def frozen(name: str = "frozen-2026-11", sha256: str = "a" * 64, owner: str = "pets") -> FrozenTest:
    return FrozenTest(
        project=owner, name=name, version_id="v" * 64, number=1, samples=2, groups=1, sha256=sha256, at=NOW, by="ada"
    )


def test_parts_are_named_by_their_content(ports: Ports) -> None:
    name = ports.datasets.put_part("pets", b"part")
    assert ports.datasets.put_part("pets", b"part") == name
    assert ports.datasets.part("pets", name) == b"part"
    for other in ("birds", "pets"):
        with pytest.raises(NotFoundError):
            ports.datasets.part(other, name if other == "birds" else "0" * 64)


def test_the_groups_of_a_version_are_there_once_they_were_put(ports: Ports) -> None:
    document = GroupDocument(parts=(GroupPart(sha256="a", rows=3),), counts={"": {"train": 3}, "cat": {"train": 2}})
    assert ports.datasets.groups("pets", "1" * 64) is None
    ports.datasets.put_groups("pets", "1" * 64, document)
    ports.datasets.put_groups("pets", "1" * 64, document)
    assert ports.datasets.groups("pets", "1" * 64) == document
    assert ports.datasets.groups("birds", "1" * 64) is None


def test_a_test_set_is_frozen_once(ports: Ports) -> None:
    assert ports.datasets.frozen("pets") == ()
    ports.datasets.freeze(frozen(), QUIET)
    ports.datasets.freeze(replace(frozen(), at=NOW + timedelta(days=1)), QUIET)
    ports.datasets.freeze(frozen("a-later-one", "b" * 64), QUIET)
    ports.datasets.freeze(frozen(owner="birds"), QUIET)
    assert ports.datasets.frozen("pets") == (frozen("a-later-one", "b" * 64), frozen())
    with pytest.raises(ConflictError):
        ports.datasets.freeze(frozen(sha256="c" * 64), QUIET)
    assert len(ports.datasets.frozen("pets")) == 2


def test_a_commit_that_knew_of_other_frozen_sets_is_refused(ports: Ports) -> None:
    (first,) = committed(ports, 1)
    second = version(ports, first, 2)
    ports.datasets.freeze(frozen(), QUIET)
    for known in (0, 2):
        with pytest.raises(HeadMovedError):
            ports.datasets.commit(second, QUIET, frozen=known)
    assert ports.datasets.head("pets") == first
    ports.datasets.commit(second, QUIET, frozen=1)
    assert ports.datasets.head("pets") == second


def test_a_project_without_frozen_sets_commits_so(ports: Ports) -> None:
    (first,) = committed(ports, 1)
    second = version(ports, first, 2)
    with pytest.raises(HeadMovedError):
        ports.datasets.commit(second, QUIET, frozen=1)
    ports.datasets.commit(second, QUIET, frozen=0)
    assert ports.datasets.head("pets") == second


def test_a_schema_is_noted_once_in_the_order_of_time(ports: Ports) -> None:
    later = replace(SCHEMA, classes=(*SCHEMA.classes, LabelClass(name="aardvark")), renamed={"kitten": "cat"})
    noted = [
        SchemaVersion(project="pets", version=each.version, schema=each, at=NOW + timedelta(days=days))
        for days, each in enumerate((SCHEMA, later))
    ]
    for each in (*noted[::-1], replace(noted[0], at=NOW + timedelta(days=9))):
        ports.datasets.note_schema(each)
    assert ports.datasets.schemas("pets") == noted
    assert ports.datasets.schemas("birds") == []


def test_a_task_brings_its_sample_along_once(ports: Ports) -> None:
    asked, config = opening(), project()
    task = task_of_schema(asked.sample, None, "why", NOW, config)
    ports.tasks.add(task, Journal(at=NOW), sample=asked.sample)
    assert ports.tasks.sample("pets", asked.sample.sample_id) == asked.sample
    with pytest.raises(ConflictError):
        ports.tasks.add(task, Journal(at=NOW), sample=replace(asked.sample, group="other"))
    other = replace(config, label_schema=replace(SCHEMA, none_of_these=False))
    again = task_of_schema(asked.sample, None, "why", NOW, other)
    ports.tasks.add(again, Journal(at=NOW), sample=replace(asked.sample, group="other"))
    assert ports.tasks.sample("pets", asked.sample.sample_id) == asked.sample
    assert ports.tasks.get("pets", again.task_id) == again
