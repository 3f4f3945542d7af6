"""Capture files: their lines, their receipts, the budget; and the inputs that are kept of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import msgspec
import pytest

from tests.contract.implementations import Ports
from tests.contract.marks import slow_on_aws
from tests.contract.records import QUIET, edge, event, journal
from tests.worlds import NOW, capture_file
from trueup.errors import NotFoundError
from trueup.model import Budget, Drawn, FileReceipt, Payload, Quarantined, ReasonBudget, Reservation, Sketch


def receipt(name: str = "a", seconds: int = 0, project: str = "pets") -> FileReceipt:
    return FileReceipt(
        file=msgspec.structs.replace(capture_file(name), project=project),
        lines=3,
        captures=2,
        quarantined=1,
        duplicates=0,
        predictions=2,
        selected=1,
        class_counts={"cat": 1, "dög": 1},
        scores=Sketch(bins=(0, 7), counts=(1, 1)),
        class_scores={"dög": Sketch(bins=(7,), counts=(1,))},
        wanted={"margin": 1},
        ingested_at=NOW + timedelta(seconds=seconds),
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"one\ntwo\n", [b"one", b"two"]),
        (b"one\r\n\n  two \nlast", [b"one\r", b"", b"  two ", b"last"]),
        (b'{"a":"\xe2\x80\xa8\x0b\r"}\nnext\n', [b'{"a":"\xe2\x80\xa8\x0b\r"}', b"next"]),
        (b"\xff\xfe\n" + b"x" * 700_000 + b"\n.", [b"\xff\xfe", b"x" * 700_000, b"."]),
        (b"y" * 900_000, [b"y" * 900_000]),
    ],
    ids=["empty", "plain", "ends and blanks", "only newlines cut", "any bytes, long lines", "no end at all"],
)
def test_blocks_are_whole_lines(ports: Ports, data: bytes, expected: list[bytes]) -> None:
    ports.put_file(capture_file(), data)
    blocks = list(ports.archive.blocks(capture_file()))
    assert b"".join(blocks) == data
    assert all(each.endswith(b"\n") for each in blocks[:-1])
    assert [line for each in blocks for line in each.removesuffix(b"\n").split(b"\n")] == expected


def test_a_file_that_is_gone_is_not_found(ports: Ports) -> None:
    with pytest.raises(NotFoundError):
        list(ports.archive.blocks(capture_file("gone")))


def test_quarantine_is_one_object_per_file_however_often(ports: Ports) -> None:
    items = [Quarantined(line=2, offset=4, reason="no JSON", raw=b"\xff{")]
    first = ports.archive.quarantine(capture_file(), items)
    assert ports.archive.quarantine(capture_file(), items) == first
    assert ports.archive.quarantine(capture_file("b"), items) != first
    assert ports.archive.quarantine(capture_file(), items, 2) != first


def test_what_was_put_away_waits_until_it_is_released(ports: Ports) -> None:
    first = [
        Quarantined(line=2, offset=4, reason="no JSON", raw=b"\xff{"),
        Quarantined(line=3, offset=9, reason="r", raw=b"\r"),
    ]
    later = [Quarantined(line=8, offset=90, reason="no JSON", raw="grün".encode())]
    ports.archive.quarantine(capture_file("a"), first)
    ports.archive.quarantine(capture_file("b"), later)
    parts = sorted(ports.quarantine.parts("pets"), key=lambda each: each.file)
    assert [(each.file, list(each.lines)) for each in parts] == [
        (capture_file("a").uri, first),
        (capture_file("b").uri, later),
    ]
    assert list(ports.quarantine.parts("dogs")) == []
    for _ in range(2):
        ports.quarantine.release(parts[0], capture_file("again"), b"\xff{\n\r\n")
    assert b"".join(ports.archive.blocks(capture_file("again"))) == b"\xff{\n\r\n"
    assert [each.file for each in ports.quarantine.parts("pets")] == [capture_file("b").uri]


def test_a_file_is_closed_once_with_its_journal(ports: Ports) -> None:
    assert ports.ledger.begun(capture_file()) == (None, None)
    assert ports.ledger.close(receipt(), journal(1)) is True
    assert ports.ledger.close(receipt(seconds=9), journal(2)) is False
    assert ports.ledger.begun(capture_file()) == (receipt(), None)
    assert [each.data["task_id"] for each in ports.outbox()] == ["t1"]
    assert ports.lineage.edges_from("pets", edge().source) == [edge(1)]


def test_of_many_closings_at_once_one_counts(ports: Ports) -> None:
    with ThreadPoolExecutor(4) as workers:
        won = list(workers.map(lambda number: ports.ledger.close(receipt(), journal(number)), range(4)))
    assert sum(won) == 1
    assert len(ports.outbox()) == 1


def test_receipts_come_oldest_first_over_all_pages(ports: Ports) -> None:
    for number in (4, 2, 3, 1, 0):
        ports.ledger.close(receipt(str(number), seconds=number), QUIET)
    ports.ledger.close(receipt("x", seconds=2, project="other"), QUIET)
    assert [each.file for each in ports.ledger.latest("pets")] == [capture_file(str(each)) for each in (4, 3, 2, 1, 0)]
    found = ports.ledger.receipts("pets", NOW + timedelta(seconds=1))
    assert [each.file for each in found] == [capture_file(str(number)) for number in (1, 2, 3, 4)]
    assert list(ports.ledger.receipts("nobody", NOW)) == []


def take(ports: Ports, name: str, wanted: int, budget: Budget, at: datetime = NOW) -> int:
    return ports.ledger.reserve("pets", name, at, {"margin": wanted}, budget).granted["margin"]


def test_the_budget_is_granted_once_per_file_and_never_overrun(ports: Ports) -> None:
    budget = Budget(per_day=10, total=9)
    assert [take(ports, str(each), 4, budget) for each in range(4)] == [4, 4, 1, 0]
    assert take(ports, "0", 99, budget) == 4
    assert take(ports, "3", 1, Budget(per_day=99)) == 0
    assert set(ports.ledger.left("pets", NOW, budget).values()) == {None, 1, 0}


def test_a_new_day_has_a_new_budget_but_the_total_goes_on(ports: Ports) -> None:
    tomorrow, daily = NOW + timedelta(days=1), Budget(per_day=5)
    assert take(ports, "a", 5, daily) == 5
    assert take(ports, "b", 5, daily) == 0
    assert take(ports, "c", 5, Budget(per_day=5, total=8), tomorrow) == 3
    assert take(ports, "d", 5, daily, tomorrow) == 2
    assert take(ports, "e", 0, daily, tomorrow) == 0


@slow_on_aws
def test_an_hour_takes_no_more_than_its_share_of_the_day(ports: Ports) -> None:
    later, budget = NOW + timedelta(hours=1), Budget(per_hour=3, per_day=5)
    grants = [take(ports, name, 2, budget) for name in "abc"]
    grants += [take(ports, name, 2, budget, later) for name in "def"]
    assert grants == [2, 1, 0, 2, 0, 0]


def test_a_reason_has_limits_of_its_own_within_the_whole(ports: Ports) -> None:
    own = {"novelty": ReasonBudget(per_day=3), "audit": ReasonBudget(per_hour=1, total=2)}
    budget, wanted = Budget(per_day=10, reasons=own), {"margin": 3, "novelty": 2, "audit": 2}
    later = NOW + timedelta(hours=1)
    first = ports.ledger.reserve("pets", "a", NOW, wanted, budget)
    assert first.granted == {"margin": 3, "novelty": 2, "audit": 1}
    second = ports.ledger.reserve("pets", "b", later, {"margin": 1, "novelty": 2, "audit": 2}, budget)
    assert second.granted == {"margin": 1, "novelty": 1, "audit": 1}
    third = ports.ledger.reserve("pets", "c", later + timedelta(hours=1), wanted, budget)
    assert third.granted == {"margin": 1, "novelty": 0, "audit": 0}
    assert ports.ledger.reserve("pets", "a", later, wanted, budget) == first
    assert ports.ledger.left("pets", NOW, budget) == {"HOUR#2026-11-24T10": None, "DAY#2026-11-24": 0, "TOTAL": None}


def drawing(rate: float, told: list[Mapping[str, int]]) -> Callable[[Mapping[str, int]], Drawn]:
    """Chooses the first positions of the window."""

    def draw(granted: Mapping[str, int]) -> Drawn:
        told.append(granted)
        chosen = {reason: tuple(range(number)) for reason, number in granted.items()}
        return Drawn(rate=rate, wanted={"margin": 5}, chosen=chosen)

    return draw


def test_what_the_first_reading_of_a_file_chose_is_kept(ports: Ports) -> None:
    file, budget, told = capture_file(), Budget(per_day=3), list[Mapping[str, int]]()
    reserve = partial(ports.ledger.reserve, "pets", file.file_id, NOW, {"margin": 5}, budget)
    first = reserve(drawing(0.5, told))
    assert first.granted == {"margin": 3}
    assert first.drawn == Drawn(rate=0.5, wanted={"margin": 5}, chosen={"margin": (0, 1, 2)})
    assert reserve(drawing(0.9, told)) == first
    assert told == [{"margin": 3}]
    assert ports.ledger.begun(file) == (None, first)
    assert ports.ledger.begun(capture_file("b")) == (None, None)


def test_of_readings_at_once_one_choice_is_kept(ports: Ports) -> None:
    file = capture_file()

    def reserve(number: int) -> Reservation:
        draw = drawing(number / 10, [])
        return ports.ledger.reserve("pets", file.file_id, NOW, {"margin": 5}, Budget(per_day=50), draw)

    with ThreadPoolExecutor(4) as workers:
        first, *others = workers.map(reserve, range(1, 9))
    assert others == [first] * 7
    assert ports.ledger.begun(file) == (None, first)
    assert ports.ledger.left("pets", NOW, Budget(per_day=50))["DAY#2026-11-24"] == 45


@slow_on_aws
def test_files_that_reserve_at_once_share_the_budget_exactly(ports: Ports) -> None:
    with ThreadPoolExecutor(4) as workers:
        grants = list(workers.map(lambda number: take(ports, str(number % 6), 3, Budget(per_day=10)), range(12)))
    assert grants[:6] == grants[6:]
    assert sum(grants[:6]) == 10


def test_payloads_are_kept_once_and_lent_by_link(ports: Ports) -> None:
    payload = Payload(data=b"\x00woof", content_type="image/png")
    uri = ports.payloads.put("pets", "ab12", payload)
    assert ports.payloads.put("pets", "ab12", Payload(data=b"later", content_type="text/plain")) == uri
    assert ports.payloads.get(uri) == payload
    assert "ab12" in ports.payloads.presign(uri, 60)
    assert ports.payloads.put("other", "ab12", payload) != uri
    with pytest.raises(NotFoundError):
        ports.payloads.get(uri.replace("ab12", "cd34"))


def test_an_event_told_again_is_not_told_twice(ports: Ports) -> None:
    ports.ledger.close(receipt("a"), QUIET)
    first = msgspec.structs.replace(QUIET, events=(event(),))
    ports.ledger.close(receipt("b"), first)
    ports.ledger.close(receipt("c"), msgspec.structs.replace(first, at=NOW + timedelta(hours=1)))
    (envelope,) = ports.outbox()
    assert envelope.at == NOW
