"""lineage, from and to anything."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import FakeDeployed, Terminal, check_golden
from trueup.model import Payload, TaskStatus
from trueup.usecases.import_labels import ImportedLabel


def test_a_version_came_from_captures(trueup: Terminal, lived: FakeDeployed) -> None:
    found = trueup.json("lineage", "v1", "--up")
    assert found["id"].startswith("version:")
    assert "down" not in found
    kinds = []
    node = found["up"]
    while True:
        kinds.append(node["kind"])
        if not node["branches"]:
            break
        node = node["branches"][0]
    assert kinds == ["version", "consensus", "annotation", "task", "sample", "capture"]


def test_a_version_that_was_imported_came_from_nothing(trueup: Terminal, place: FakeDeployed) -> None:
    labels = [ImportedLabel(label="cat", payload=Payload(data=b"mine", content_type="text/plain"))]
    version = place.import_labels("pets", labels, "test")
    assert version is not None
    for name in (f"v{version.number}", version.version_id, f"version:{version.version_id}"):
        said = trueup("lineage", name)
        assert (said.exit_code, "nothing" in said.stdout) == (0, True), said.output
    assert trueup("lineage", "v99").exit_code == 4


def test_both_ways_by_default(trueup: Terminal, lived: FakeDeployed) -> None:
    (task, *_) = lived.tasks.by_status("pets", TaskStatus.SETTLED, 10)
    check_golden("lineage", trueup.json("lineage", task.task_id))
    said = trueup("lineage", f"task:{task.task_id}").stdout
    assert f"task {task.task_id}  came from\n└── sample " in said
    assert f"task {task.task_id}  led to\n├── annotation " in said
    assert "project pets" in said


def test_a_bare_id_is_tried_against_the_kinds(trueup: Terminal, lived: FakeDeployed) -> None:
    head = lived.datasets.head("pets")
    assert head is not None
    names = ["event-1#0", "capture:event-1#0", head.version_id, head.version_id[:8], "version:v1", "1"]
    found = [trueup.json("lineage", name)["id"] for name in names]
    assert found[0] == found[1] == "capture:event-1#0"
    assert set(found[2:]) == {f"version:{head.version_id}"}


def test_graphviz_holds_both_directions_once(trueup: Terminal, lived: FakeDeployed) -> None:
    (task, *_) = lived.tasks.by_status("pets", TaskStatus.SETTLED, 10)
    lines = trueup("lineage", task.task_id, "--dot").stdout.splitlines()
    assert (lines[0], lines[-1]) == ("digraph lineage {", "}")
    assert len(lines) == len(set(lines))
    arrows = [each for each in lines if "->" in each]
    assert any(each.startswith(f'  "sample:{task.sample_id}" -> "task:') for each in arrows)
    assert any(each.startswith(f'  "task:{task.task_id}" -> "annotation:') for each in arrows)


@pytest.mark.parametrize(("name", "code"), [("nothing", 4), ("task:nothing", 4), ("unicorn:1", 2)])
def test_what_lineage_does_not_know(trueup: Terminal, lived: FakeDeployed, name: str, code: int) -> None:
    assert trueup("lineage", name).exit_code == code
