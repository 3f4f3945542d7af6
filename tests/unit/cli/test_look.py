"""status, queue, task."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import FakeDeployed, Terminal, check_golden
from tests.worlds import NOW
from trueup.model import Charge, TaskStatus
from trueup.ports import DeadLetter, Journal, LabelingJob
from trueup.usecases.rule_on_task import RuleOnTask


def test_status_counts_what_happened(trueup: Terminal, lived: FakeDeployed) -> None:
    lived.letters.put("https://sqs/ingest-dead", [DeadLetter(message_id="1", body="{}", reason="why")])
    check_golden("status", trueup.json("status"))


def test_status_of_an_empty_deployment(trueup: Terminal, place: FakeDeployed) -> None:
    place.registry.champions.clear()
    (project,) = trueup.json("status")["projects"]
    assert (project["head"], project["champion"], project["active_run"]) == (None, None, None)
    said = trueup("status").stdout
    assert "no version yet" in said
    assert "no endpoint pets" in said


def test_status_for_people_names_the_dead_letters(trueup: Terminal, lived: FakeDeployed) -> None:
    lived.letters.put("https://sqs/ingest-dead", [DeadLetter(message_id="1", body="{}", reason="why")])
    said = trueup("status").stdout
    assert "v1, 3 samples" in said
    assert "v1-0123abcd awaiting approval" in said
    assert "dead letters: ingest 1" in said


def test_queue_counts_slots_and_leases(trueup: Terminal, lived: FakeDeployed) -> None:
    check_golden("queue", trueup.json("queue"))
    assert "pets" in trueup("queue").stdout


def test_a_task_tells_its_story(trueup: Terminal, lived: FakeDeployed) -> None:
    (task, *_) = lived.tasks.by_status("pets", TaskStatus.SETTLED, 10)
    story = trueup.json("task", "show", task.task_id)
    assert story["consensus"]["label"] == "cat"
    assert [each["annotator"] for each in story["annotations"]] == ["ada", "ben"]
    check_golden("task", story)
    said = trueup("task", "show", task.task_id).stdout
    assert "settled, 2 of 2 answers" in said
    assert "asked because" in said


def test_tasks_are_listed_by_status(trueup: Terminal, lived: FakeDeployed) -> None:
    assert len(trueup.json("task", "list")) == 2
    assert len(trueup.json("task", "list", "--status", "settled")) == 3
    assert trueup("task", "list", "--status", "review").stdout == "no task is review\n"
    assert len(trueup("task", "list", "--status", "settled").stdout.splitlines()) == 5


def test_an_unknown_task_is_not_found(trueup: Terminal, place: FakeDeployed) -> None:
    result = trueup("task", "show", "nothing")
    assert result.exit_code == 4
    assert result.stdout == ""
    assert result.stderr.startswith("trueup: there is no task nothing in pets\n  → ")


def test_a_queue_is_paused_drained_and_opened_again(trueup: Terminal, lived: FakeDeployed) -> None:
    said = trueup("queue", "pause", "--reason", "new guidelines").stdout
    assert said == "the queue of pets is paused: new guidelines\n"
    (line,) = trueup.json("queue")
    assert (line["status"], line["reason"]) == ("paused", "new guidelines")
    assert "paused: new guidelines" in trueup("queue").stdout
    assert trueup.json("queue", "drain", "--reason", "done")["status"] == "draining"
    assert trueup("queue", "resume").stdout == "the queue of pets is active\n"
    assert trueup("queue", "pause", "--reason", " ").exit_code == 2


def test_tasks_come_first_and_are_cancelled(trueup: Terminal, lived: FakeDeployed) -> None:
    first, second = lived.tasks.by_status("pets", TaskStatus.OPEN, 10)
    assert "comes first" in trueup("task", "prioritise", second.task_id).stdout
    assert [each["task_id"] for each in trueup.json("task", "list")] == [second.task_id, first.task_id]
    assert trueup("task", "cancel", second.task_id, "--reason", "broken").exit_code == 0
    assert trueup("queue", "cancel", "--reason", "enough").exit_code == 2
    assert trueup.json("queue", "cancel", "--reason", "enough", "--yes") == {"project": "pets", "cancelled": 1}
    assert lived.tasks.count("pets", TaskStatus.CANCELLED) == 2


def test_the_report_tells_a_leads_figures(trueup: Terminal, lived: FakeDeployed) -> None:
    made = trueup.json("report")
    assert (made["looked_at"], made["tasks"]["settled"], made["cost"]) == (8, 3, None)
    said = trueup("report", "--refresh").stdout
    for each in ("no hourly_cost is configured", "ada", "3 settled", "skill"):
        assert each in said


def test_the_report_tells_what_a_labeling_service_charges(trueup: Terminal, lived: FakeDeployed) -> None:
    ended = LabelingJob(project="pets", name="b", status="completed")
    told = {"project": "pets", "batch": "b", "backend": "ground_truth", "objects": 155, "answers": 310}
    lived.loop.batches.end_batch(ended, Journal(at=NOW), Charge(**told, at=NOW, amount=12.4))
    said = " ".join(trueup("report", "--refresh").stdout.split())
    assert "12.40 USD by list price for 155 objects, 0.080 an object; 12.40 this month" in said


def test_gold_is_made_listed_and_removed(trueup: Terminal, lived: FakeDeployed) -> None:
    assert "no gold task" in trueup("gold", "list").stdout
    made = trueup.json("gold", "add", "--count", "2", "--least", "0.5")
    assert len(made) == 2
    assert trueup("gold", "add", "--least", "0.5").stdout == "1 gold task made\n"
    assert made[0]["gold_id"] in trueup("gold", "list").stdout
    assert trueup("gold", "remove", made[0]["gold_id"]).exit_code == 0
    assert len(trueup.json("gold", "list")) == 2
    assert trueup("gold", "remove", made[0]["gold_id"]).exit_code == 4


def test_an_annotator_is_suspended_and_reinstated(trueup: Terminal, lived: FakeDeployed) -> None:
    assert trueup("annotator", "list").stdout == "nobody was warned or suspended\n"
    assert trueup("annotator", "suspend", "ada", "--reason", "too quick").stdout == "ada is suspended\n"
    (found,) = trueup.json("annotator", "list")
    assert (found["annotator"], found["status"], found["reason"]) == ("ada", "suspended", "too quick")
    assert "suspended" in trueup("report", "--refresh").stdout
    assert trueup("annotator", "reinstate", "ada").stdout == "ada is active\n"


def test_guidelines_have_versions(trueup: Terminal, lived: FakeDeployed, tmp_path: Path) -> None:
    assert trueup("guidelines", "show").stdout == "none are written yet\n"
    file = tmp_path / "guide.txt"
    file.write_text("Look twice.\n")
    assert trueup("guidelines", "set", str(file), "--reason", "ears").stdout == "the guidelines of pets are version 1\n"
    assert trueup("guidelines", "show").stdout == "Look twice.\n"
    assert [each["number"] for each in trueup.json("guidelines", "history")] == [1, 0]
    assert "ears" in trueup("guidelines", "history").stdout
    assert trueup("guidelines", "set", str(tmp_path / "gone"), "--reason", "x").exit_code == 2


def test_corrections_are_listed(trueup: Terminal, lived: FakeDeployed) -> None:
    assert trueup("corrections").stdout == "no label was changed\n"
    (task, *_) = lived.tasks.by_status("pets", TaskStatus.SETTLED, 10)
    loop = lived.loop
    rule = RuleOnTask({"pets": loop.config}, loop.tasks, loop.lineage, loop.queue, loop.clock)
    rule.label("pets", task.task_id, "rita", "fox", "the tail")
    (found,) = trueup.json("corrections")
    assert (found["before"], found["after"], found["held_by"]) == ("cat", "fox", [1])
    assert "cat → fox" in trueup("corrections").stdout
