"""The annotation queue: at least once, hidden while held, never lost. Waits are short because moto's are real."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.contract.implementations import Ports
from tests.contract.marks import slow_on_aws
from trueup.ports import Slot


def receive_all(ports: Ports, hold_seconds: int = 60) -> list[Slot]:
    found: list[Slot] = []
    while slots := ports.queue.receive("pets", 10, hold_seconds):
        found += slots
    return found


def test_every_slot_is_one_message(ports: Ports) -> None:
    ports.queue.send("pets", [*(f"t{number}" for number in range(12)), "t0"])
    assert ports.queue.depth("pets") == 13
    found = receive_all(ports)
    assert Counter(each.task_id for each in found) == Counter({**{f"t{n}": 1 for n in range(12)}, "t0": 2})
    assert len({each.receipt for each in found}) == 13
    assert ports.queue.depth("pets") == 13


def test_no_more_come_than_asked_for(ports: Ports) -> None:
    ports.queue.send("pets", ["a", "b", "c"])
    assert len(ports.queue.receive("pets", 2, 60)) == 2


def test_sending_nothing_is_nothing(ports: Ports) -> None:
    ports.queue.send("pets", [])
    assert ports.queue.depth("pets") == 0
    assert ports.queue.receive("pets", 10, 60) == []


@slow_on_aws
def test_what_is_held_is_hidden_and_comes_back(ports: Ports) -> None:
    ports.queue.send("pets", ["t1", "t2"])
    (short,) = ports.queue.receive("pets", 1, 1)
    assert len(ports.queue.receive("pets", 1, 60)) == 1
    assert ports.queue.receive("pets", 1, 60) == []
    ports.wait(1.1)
    assert [each.task_id for each in ports.queue.receive("pets", 2, 60)] == [short.task_id]


@slow_on_aws
def test_a_longer_hold_keeps_it_hidden_and_one_of_nothing_frees_it(ports: Ports) -> None:
    ports.queue.send("pets", ["t1"])
    (slot,) = ports.queue.receive("pets", 1, 1)
    ports.queue.hold("pets", slot.receipt, 60)
    ports.wait(1.1)
    assert ports.queue.receive("pets", 1, 60) == []
    ports.queue.hold("pets", slot.receipt, 0)
    assert [each.task_id for each in ports.queue.receive("pets", 1, 60)] == ["t1"]


def test_what_is_given_back_is_there_for_somebody_else(ports: Ports) -> None:
    ports.queue.send("pets", ["t1"])
    (slot,) = ports.queue.receive("pets", 1, 60)
    ports.queue.give_back("pets", slot)
    assert ports.queue.depth("pets") == 1
    assert [each.task_id for each in ports.queue.receive("pets", 1, 60)] == ["t1"]


@slow_on_aws
def test_what_is_given_back_with_a_delay_comes_later(ports: Ports) -> None:
    ports.queue.send("pets", ["t1"])
    (slot,) = ports.queue.receive("pets", 1, 60)
    ports.queue.give_back("pets", slot, delay_seconds=1)
    assert ports.queue.receive("pets", 1, 60) == []
    ports.wait(1.1)
    assert [each.task_id for each in ports.queue.receive("pets", 1, 60)] == ["t1"]


def test_what_is_done_is_gone_and_its_receipt_is_ignored(ports: Ports) -> None:
    ports.queue.send("pets", ["t1"])
    (slot,) = ports.queue.receive("pets", 1, 60)
    for _ in range(2):
        ports.queue.done("pets", slot.receipt)
    ports.queue.hold("pets", slot.receipt, 5)
    assert ports.queue.depth("pets") == 0


def test_those_who_receive_at_once_get_different_messages(ports: Ports) -> None:
    ports.queue.send("pets", [f"t{number}" for number in range(20)])
    with ThreadPoolExecutor(4) as people:
        found = [each for slots in people.map(lambda _: ports.queue.receive("pets", 5, 60), range(4)) for each in slots]
    assert len({each.task_id for each in found}) == len(found) == 20
