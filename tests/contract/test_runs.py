"""Retraining runs: one at a time per project, triggers that come meanwhile coalesce, none is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.implementations import Ports
from tests.contract.records import QUIET, edge, journal
from tests.worlds import NOW
from trueup.errors import ConflictError, NotFoundError, RunActiveError
from trueup.model import Action, RetrainingRun, RunStatus, TriggerDecision


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
