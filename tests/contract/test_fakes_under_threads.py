"""The fakes among many threads. What the suite asks once per port is asked here often enough for a race to show."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from tests.contract.implementations import in_memory
from tests.contract.records import QUIET
from tests.contract.test_captures import receipt
from tests.worlds import NOW, opening
from trueup.adapters.memory import FixedClock, MemoryAnnotationQueue, MemoryCaptureLedger, World
from trueup.annotation.tasks import grant
from trueup.errors import ConflictError
from trueup.model import Budget, TaskStatus

THREADS, ROUNDS = 8, 150


def together(act: Callable[[int, int], object]) -> list[list[object]]:
    """act(thread, round) in all threads at once, round by round; answers by round."""
    start = threading.Barrier(THREADS)

    def work(thread: int) -> list[object]:
        answers = []
        for number in range(ROUNDS):
            start.wait()
            answers.append(act(thread, number))
        return answers

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(THREADS) as workers:
            columns = list(workers.map(work, range(THREADS)))
    finally:
        sys.setswitchinterval(usual)
    return [list(row) for row in zip(*columns, strict=True)]


@pytest.mark.slow
def test_each_task_is_claimed_once_while_others_read() -> None:
    ports = in_memory()
    tasks = [opening(number).task for number in range(ROUNDS)]
    ports.tasks.open([opening(number) for number in range(ROUNDS)], QUIET)

    def claim(thread: int, number: int) -> bool:
        ports.tasks.by_status("pets", TaskStatus.OPEN, 3)
        try:
            ports.tasks.save(grant(tasks[number], f"p{thread}", "t", "", NOW, 60), QUIET)
        except ConflictError:
            return False
        return True

    assert [sum(map(bool, row)) for row in together(claim)] == [1] * ROUNDS


def test_each_file_is_closed_once_and_the_budget_is_exact() -> None:
    ledger = MemoryCaptureLedger(World())

    def close(thread: int, number: int) -> bool:
        ledger.reserve("pets", f"{thread}-{number}", NOW, {"margin": 1}, Budget(per_day=500))
        return ledger.close(receipt(str(number)), QUIET)

    assert [sum(map(bool, row)) for row in together(close)] == [1] * ROUNDS
    names = [f"{thread}-{number}" for thread in range(THREADS) for number in range(ROUNDS)]
    assert (
        sum(ledger.reserve("pets", each, NOW, {"margin": 1}, Budget(per_day=500)).granted["margin"] for each in names)
        == 500
    )


@pytest.mark.slow
def test_each_message_is_received_once() -> None:
    queue = MemoryAnnotationQueue(FixedClock(NOW))
    queue.send("pets", [f"t{number}" for number in range(THREADS * ROUNDS)])
    rows = together(lambda _thread, _number: queue.receive("pets", 1, 60))
    slots = [slot for row in rows for answer in row for slot in msgspec.convert(answer, list[object])]
    assert len(slots) == THREADS * ROUNDS
    assert len(set(map(str, slots))) == len(slots)
