"""lineage, from and to anything."""

from __future__ import annotations

import re

import pytest

from tests.histories import History, history
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
    assert kinds == ["version", "consensus", "annotation", "task", "selection", "sample", "capture", "endpoint"]


def test_a_walk_to_causes_also_tells_what_was_said(trueup: Terminal, lived: FakeDeployed) -> None:
    """The version's number, and what annotators answered."""
    said = trueup("lineage", "v1", "--up").stdout
    assert re.search(r"^version \w+…?  v1  came from$", said, re.MULTILINE)
    labels = {each.label for each in lived.tasks.answers("pets", 10)}
    assert (
        labels == set(re.findall(r"annotation \w+  (\w+)  ", said)) == set(re.findall(r"consensus \w+  (\w+)  ", said))
    )


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
    assert f"task {task.task_id}  came from\n└── selection " in said
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
    assert any(each.startswith(f'  "selection:{task.sample_id}" -> "task:') for each in arrows)
    assert any(each.startswith(f'  "task:{task.task_id}" -> "annotation:') for each in arrows)


@pytest.mark.parametrize(("name", "code"), [("nothing", 4), ("task:nothing", 4), ("unicorn:1", 2)])
def test_what_lineage_does_not_know(trueup: Terminal, lived: FakeDeployed, name: str, code: int) -> None:
    assert trueup("lineage", name).exit_code == code


@pytest.fixture
def past(place: FakeDeployed) -> History:
    return history(loop=place.loop)


def test_options_may_come_before_the_id(trueup: Terminal, past: History) -> None:
    assert trueup.json("lineage", "--up", "v3") == trueup.json("lineage", "show", "v3", "--up")


def test_arrows_tell_what_both_ends_were(trueup: Terminal, past: History) -> None:
    version = trueup.json("lineage", "v3", "--up")["up"]
    (before,) = [each for each in version["branches"] if each["kind"] == "version"]
    assert (before["source_hash"], before["target_hash"]) == (before["id"][8:], version["id"][8:])


def test_a_walk_ends_where_the_loop_closes(trueup: Terminal, past: History) -> None:
    said = trueup("lineage", f"task:{past.wrong.task_id}", "--down").stdout
    assert f"endpoint {past.runs[0].endpoint_config}" in said
    assert "capture" not in said
    config = past.runs[0].endpoint_config or ""
    assert "capture event-101#0" in trueup("lineage", f"endpoint:{config}", "--down").stdout


def test_what_is_left_out_is_counted(trueup: Terminal, place: FakeDeployed) -> None:
    place.loop.ingest(place.loop.capture(80))
    said = trueup("lineage", "endpoint:pets", "--down").stdout
    assert "└── … and 30 more" in said
    assert trueup.json("lineage", "endpoint:pets", "--down")["down"]["more"] == 30
    assert 'label="… and 30 more"' in trueup("lineage", "endpoint:pets", "--down", "--dot").stdout


def test_which_models_learned_from_a_wrong_label(trueup: Terminal, past: History) -> None:
    said = trueup("lineage", "models", past.wrong.task_id).stdout
    wrong, right = said.split("\n\n")[1:3]
    assert "cat  in the dataset from v1 on, until v3 replaced it" in wrong
    assert "train split" in wrong
    rows = [" ".join(each.split()) for each in wrong.splitlines()[3:]]
    assert rows == [
        f"v1 {past.runs[0].run_id} promoted trueup-pets/1 2026-05-03 11:00 to 2026-06-20 17:00",
        f"v2 {past.runs[1].run_id} rejected - never",
    ]
    assert "fox  in the dataset from v3 on, to this day  review, 1 annotator" in right
    assert "promoted" in right


@pytest.mark.slow
def test_a_trace_is_found_from_everything_that_names_the_label(trueup: Terminal, past: History) -> None:
    loop, task = past.loop, past.wrong
    settled, ruled = loop.tasks.consensuses("pets", task.task_id)
    (ruling,) = loop.tasks.rulings_of("pets", task.task_id)
    selection = loop.tasks.selection("pets", task.sample_id)
    assert selection is not None
    both = [settled.consensus_id, ruled.consensus_id]
    wanted = {
        f"sample:{task.sample_id}": both,
        f"selection:{task.sample_id}": both,
        f"capture:{selection.event_id}#0": both,
        f"task:{task.task_id}": both,
        f"annotation:{settled.annotation_ids[0]}": both[:1],
        f"consensus:{ruled.consensus_id}": both[1:],
        f"review:{ruling.ruling_id}": both[:1],
    }
    for name, labels in wanted.items():
        found = trueup.json("lineage", "models", name)
        assert [each["held"]["consensus"]["consensus_id"] for each in found["labels"]] == labels, name


def test_a_version_is_no_label(trueup: Terminal, past: History) -> None:
    said = trueup("lineage", "models", "v1")
    assert (said.exit_code, "a version is no label" in said.stderr) == (2, True)


def test_which_annotators_shaped_a_model(trueup: Terminal, past: History) -> None:
    found = trueup.json("lineage", "annotators", "2026-05")
    assert found["run"]["run_id"] == past.runs[0].run_id
    assert len(found["annotators"]) == 3
    head = found["version"]
    # Two people stand behind each label.
    assert sum(each["train"] for each in found["annotators"]) == 2 * head["split_counts"]["train"]
    assert sum(each["judged"] for each in found["annotators"]) == 2 * head["split_counts"]["test"]
    assert sum(each["wrong"] for each in found["annotators"]) == 2 * found["evaluation"]["wrong"] == 4
    said = trueup("lineage", "annotators", "2026-05").stdout
    assert not {"ada", "ben", "cleo"} & set(said.split())
    assert {"ada", "ben", "cleo"} <= set(trueup("lineage", "annotators", "2026-05", "--names").stdout.split())


def test_what_changed_between_the_models_of_two_months(trueup: Terminal, past: History) -> None:
    found = trueup.json("lineage", "between", "2026-06", "2026-05")
    assert [found[each]["model"]["run"]["run_id"] for each in ("before", "after")] == [
        past.runs[0].run_id,
        past.runs[2].run_id,
    ]
    assert [each["number"] for each in found["versions"]] == [2, 3]
    assert found["common"]["number"] == 1
    difference = found["difference"]
    assert (difference["added"], difference["removed"], difference["relabelled"]) == (12, 0, 1)
    changes = {each["name"]: (each["came"], each["left"]) for each in difference["by_class"]}
    assert changes == {"cat": (0, 1), "dog": (12, 0), "fox": (1, 0)}
    assert {"name": "epochs", "before": "10", "after": "30"} in found["settings"]
    said = trueup("lineage", "between", "2026-05", "2026-06").stdout
    assert "2 versions since v1: v2 to v3" in said
    assert "12 added, 0 removed, 1 relabelled" in said


@pytest.mark.slow
def test_a_model_is_found_by_all_its_names(trueup: Terminal, past: History) -> None:
    run = past.runs[2]
    names = [
        run.run_id,
        run.training_job,
        f"training:{run.training_job}",
        run.model_package_arn,
        f"model:{run.model_package_arn}",
        f"endpoint:{run.endpoint_config}",
        f"evaluation:{run.run_id}",
        f"deployment:{run.run_id}",
        "champion",
        "2026-06",
        "2026-06-20",
        "2026-07-01",
    ]
    for each in names:
        found = trueup.json("lineage", "annotators", str(each))
        assert found["run"]["run_id"] == run.run_id, each
    assert trueup.json("lineage", "annotators", "2026-06-19")["run"]["run_id"] == past.runs[0].run_id
    for name in ("v2", run.version_id):
        assert trueup.json("lineage", "annotators", name)["run"] is None


@pytest.mark.parametrize(
    ("name", "code"), [("2026-04", 4), ("2026-13", 2), ("2026-02-30", 2), ("nothing", 4), ("v9", 4)]
)
def test_models_that_are_none(trueup: Terminal, past: History, name: str, code: int) -> None:
    assert trueup("lineage", "annotators", name).exit_code == code
