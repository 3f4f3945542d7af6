"""Retraining runs: one at a time per project, triggers that come meanwhile coalesce, none is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.contract.implementations import Ports
from tests.contract.records import QUIET, edge, journal
from tests.worlds import NOW
from trueup.errors import ConflictError, NotFoundError, RunActiveError
from trueup.model import Action, Evaluation, RetrainingRun, RunStatus, TriggerDecision


def run(number: int, **changes: Any) -> RetrainingRun:
    values = {
        "project": "pets",
        "run_id": f"r{number}",
        "status": RunStatus.RUNNING,
        "version_id": "v",
        "rule": "count",
        "reason": "enough",
        "started_at": NOW + timedelta(seconds=number),
    }
    return RetrainingRun(**{**values, **changes})


def decision(reason: str) -> TriggerDecision:
    return TriggerDecision(action=Action.RETRAIN, rule="count", reason=reason)


def test_a_run_begins_once(ports: Ports) -> None:
    ports.runs.begin(run(1), journal(1))
    ports.runs.begin(run(1, reason="again"), journal(2))
    assert ports.runs.active("pets") == ports.runs.get("pets", "r1") == run(1)
    assert [each.data["task_id"] for each in ports.outbox()] == ["t1"]


def test_a_second_run_is_refused_while_one_is_active(ports: Ports) -> None:
    ports.runs.begin(run(1), QUIET)
    with pytest.raises(RunActiveError):
        ports.runs.begin(run(2), journal())
    assert ports.outbox() == []
    assert ports.lineage.edges_from("pets", edge().source) == []
    assert [each.run_id for each in ports.runs.runs("pets", 9)] == ["r1"]
    ports.runs.begin(run(2, project="birds"), QUIET)


def test_of_many_runs_that_begin_at_once_one_does(ports: Ports) -> None:
    def begin(number: int) -> bool:
        try:
            ports.runs.begin(run(number), journal(number))
        except RunActiveError:
            ports.runs.postpone("pets", decision(str(number)), "v")
            return False
        return True

    with ThreadPoolExecutor(4) as workers:
        won = list(workers.map(begin, range(4)))
    assert sum(won) == 1
    active = ports.runs.active("pets")
    assert active is not None
    assert active.run_id == f"r{won.index(True)}"
    assert ports.runs.postponed("pets") is not None


@pytest.mark.parametrize("status", [each for each in RunStatus if each is not RunStatus.RUNNING])
def test_a_run_that_ended_makes_room_and_never_runs_again(ports: Ports, status: RunStatus) -> None:
    ports.runs.begin(run(1), QUIET)
    ports.runs.save(run(1, execution_arn="arn"), QUIET)
    assert ports.runs.active("pets") == run(1, execution_arn="arn")
    for _ in range(2):
        ports.runs.save(run(1, status=status, metrics={"accuracy": 0.5}), journal())
    assert ports.runs.active("pets") is None
    with pytest.raises(ConflictError):
        ports.runs.save(run(1), journal(2))
    assert ports.runs.get("pets", "r1").status is status
    assert len(ports.outbox()) == 1
    ports.runs.begin(run(2), QUIET)
    ports.runs.save(run(1, status=RunStatus.PROMOTED), QUIET)
    assert ports.runs.active("pets") == run(2)


def test_the_newest_postponed_trigger_is_kept_until_a_run_begins(ports: Ports) -> None:
    assert ports.runs.postponed("pets") is None
    ports.runs.begin(run(1), QUIET)
    ports.runs.postpone("pets", decision("first"), "v1")
    ports.runs.postpone("pets", decision("second"), "v2", journal())
    assert ports.runs.postponed("pets") == (decision("second"), "v2")
    assert len(ports.outbox()) == 1
    with pytest.raises(RunActiveError):
        ports.runs.begin(run(2), QUIET)
    assert ports.runs.postponed("pets") == (decision("second"), "v2")
    ports.runs.save(run(1, status=RunStatus.FAILED), QUIET)
    ports.runs.begin(run(2), QUIET)
    assert ports.runs.postponed("pets") is None


def test_runs_come_newest_first_over_all_pages(ports: Ports) -> None:
    for number in (2, 5, 1, 4, 3):
        ports.runs.begin(run(number), QUIET)
        ports.runs.save(run(number, status=RunStatus.REJECTED), QUIET)
    assert [each.run_id for each in ports.runs.runs("pets", 4)] == ["r5", "r4", "r3", "r2"]
    assert ports.runs.runs("birds", 4) == []


def test_a_run_that_is_not_there_is_said(ports: Ports) -> None:
    with pytest.raises(NotFoundError):
        ports.runs.get("pets", "none")
    for status in (RunStatus.RUNNING, RunStatus.FAILED):
        with pytest.raises(NotFoundError):
            ports.runs.save(run(9, status=status), journal())
    assert ports.runs.active("pets") is None
    assert ports.outbox() == []


def test_trained_runs_are_found_by_the_numbers_of_their_versions(ports: Ports) -> None:
    for number in (1, 2, 2, 5, 12):
        name = len(ports.runs.runs("pets", 99))
        made = run(name, version_number=number, training_job=f"job-{name}")
        ports.runs.begin(made, QUIET)
        ports.runs.save(replace(made, status=RunStatus.REJECTED), QUIET)

    def found(first: int, before: int | None, limit: int = 99) -> list[str]:
        return [each.run_id for each in ports.runs.trained("pets", first, before, limit)]

    assert found(1, None) == ["r0", "r1", "r2", "r3", "r4"]
    assert found(2, 5) == ["r1", "r2"]
    assert found(2, 6) == ["r1", "r2", "r3"]
    assert found(6, 12) == []
    assert found(0, None, 2) == ["r0", "r1"]
    assert ports.runs.trained("birds", 1, None, 9) == []
    assert ports.runs.trained("pets", 5, 6, 9)[0].status is RunStatus.REJECTED


def test_runs_that_never_trained_or_know_no_number_are_not_among_the_trained(ports: Ports) -> None:
    for each in (run(1, version_number=1), run(2, training_job="job-2")):
        ports.runs.begin(each, QUIET)
        ports.runs.save(replace(each, status=RunStatus.FAILED), QUIET)
    assert ports.runs.trained("pets", 0, None, 9) == []


def test_which_model_served_when_and_which_came_after(ports: Ports) -> None:
    ends = [NOW + timedelta(days=day) for day in (1, 5, 9)]
    made = [run(number, status=RunStatus.PROMOTED, ended_at=end) for number, end in enumerate(ends)]
    for each in made:
        ports.runs.begin(replace(each, status=RunStatus.RUNNING, ended_at=None), QUIET)
        ports.runs.save(each, QUIET)
    rejected = run(7, status=RunStatus.REJECTED, ended_at=ends[1] + timedelta(hours=1))
    ports.runs.begin(run(7), QUIET)
    ports.runs.save(rejected, QUIET)
    moments = [
        NOW,
        ends[0],
        ends[1] - timedelta(microseconds=1),
        ends[1] + timedelta(days=1),
        ends[2] + timedelta(days=99),
    ]
    assert [ports.runs.serving("pets", each) for each in moments] == [None, made[0], made[0], made[1], made[2]]
    assert ports.runs.serving("birds", moments[-1]) is None
    assert [ports.runs.succeeded_by(each) for each in made] == [made[1], made[2], None]


def test_an_evaluation_is_kept_with_its_arrows(ports: Ports) -> None:
    evaluation = Evaluation(
        project="pets",
        run_id="r1",
        version_id="v",
        uri="s3://bucket/predictions.jsonl",
        sha256="a" * 64,
        passed=True,
        at=NOW,
        samples=9,
        wrong=2,
        labels_by={"8bbd178be4": 5},
        wrong_by={"8bbd178be4": 1},
    )
    assert ports.runs.evaluation("pets", "r1") is None
    ports.runs.save_evaluation(replace(evaluation, wrong=3), QUIET)
    ports.runs.save_evaluation(evaluation, journal())
    assert ports.runs.evaluation("pets", "r1") == evaluation
    assert ports.runs.evaluation("birds", "r1") is None
    assert ports.lineage.edges_from("pets", edge().source) == [edge()]
