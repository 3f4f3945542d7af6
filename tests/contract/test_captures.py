"""Capture files: their lines, their receipts, the budget; and the inputs that are kept of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest

from tests.contract.implementations import Ports
from tests.contract.records import QUIET, edge, event, journal
from tests.worlds import NOW, capture_file
from trueup.errors import NotFoundError
from trueup.model import Budget, FileReceipt, Payload, Quarantined


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
        ingested_at=NOW + timedelta(seconds=seconds),
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"one\ntwo\n", [(0, b"one"), (4, b"two")]),
        (b"one\r\n\n  two \nlast", [(0, b"one"), (5, b""), (6, b"  two "), (13, b"last")]),
        (b'{"a":"\xe2\x80\xa8\x0b\r"}\nnext\n', [(0, b'{"a":"\xe2\x80\xa8\x0b\r"}'), (14, b"next")]),
        (b"\xff\xfe\n" + b"x" * 700_000 + b"\n.", [(0, b"\xff\xfe"), (3, b"x" * 700_000), (700_004, b".")]),
    ],
    ids=["empty", "plain", "ends and blanks", "only newlines cut", "any bytes, long lines"],
)
def test_lines_come_whole_with_their_offsets(ports: Ports, data: bytes, expected: list[tuple[int, bytes]]) -> None:
    ports.put_file(capture_file(), data)
    assert list(ports.archive.lines(capture_file())) == expected


def test_a_file_that_is_gone_is_not_found(ports: Ports) -> None:
    with pytest.raises(NotFoundError):
        list(ports.archive.lines(capture_file("gone")))


def test_quarantine_is_one_object_per_file_however_often(ports: Ports) -> None:
    items = [Quarantined(line=2, offset=4, reason="no JSON", raw=b"\xff{")]
    first = ports.archive.quarantine(capture_file(), items)
    assert ports.archive.quarantine(capture_file(), items) == first
    assert ports.archive.quarantine(capture_file("b"), items) != first


def test_a_file_is_closed_once_with_its_journal(ports: Ports) -> None:
    assert ports.ledger.receipt(capture_file()) is None
    assert ports.ledger.close(receipt(), journal(1)) is True
    assert ports.ledger.close(receipt(seconds=9), journal(2)) is False
    assert ports.ledger.receipt(capture_file()) == receipt()
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
    found = ports.ledger.receipts("pets", NOW + timedelta(seconds=1))
    assert [each.file for each in found] == [capture_file(str(number)) for number in (1, 2, 3, 4)]
    assert list(ports.ledger.receipts("nobody", NOW)) == []


def test_the_budget_is_granted_once_per_file_and_never_overrun(ports: Ports) -> None:
    budget = Budget(per_day=10, total=9)
    grants = [ports.ledger.reserve(capture_file(str(each)), NOW, 4, budget) for each in range(4)]
    assert grants == [4, 4, 1, 0]
    assert ports.ledger.reserve(capture_file("0"), NOW, 99, budget) == 4
    assert ports.ledger.reserve(capture_file("3"), NOW, 1, Budget(per_day=99)) == 0


def test_a_new_day_has_a_new_budget_but_the_total_goes_on(ports: Ports) -> None:
    tomorrow, daily = NOW + timedelta(days=1), Budget(per_day=5)
    assert ports.ledger.reserve(capture_file("a"), NOW, 5, daily) == 5
    assert ports.ledger.reserve(capture_file("b"), NOW, 5, daily) == 0
    assert ports.ledger.reserve(capture_file("c"), tomorrow, 5, Budget(per_day=5, total=8)) == 3
    assert ports.ledger.reserve(capture_file("d"), tomorrow, 5, daily) == 2
    assert ports.ledger.reserve(capture_file("e"), tomorrow, 0, daily) == 0


def test_an_hour_takes_no_more_than_its_share_of_the_day(ports: Ports) -> None:
    later, budget = NOW + timedelta(hours=1), Budget(per_hour=3, per_day=5)
    grants = [ports.ledger.reserve(capture_file(name), NOW, 2, budget) for name in "abc"]
    grants += [ports.ledger.reserve(capture_file(name), later, 2, budget) for name in "def"]
    assert grants == [2, 1, 0, 2, 0, 0]


def test_files_that_reserve_at_once_share_the_budget_exactly(ports: Ports) -> None:
    def reserve(number: int) -> int:
        return ports.ledger.reserve(capture_file(str(number % 6)), NOW, 3, Budget(per_day=10))

    with ThreadPoolExecutor(4) as workers:
        grants = list(workers.map(reserve, range(12)))
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
