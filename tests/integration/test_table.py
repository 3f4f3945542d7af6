"""The table: transactions that fail, race or are throttled, and what the items look like."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from tests.contract.implementations import DATASET, TABLE, clients_of_moto, create_table, items_of
from tests.contract.records import QUIET, consensus, event, journal
from tests.integration.stand_ins import Scripted, cancellation, refusal
from tests.worlds import NOW, opening
from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.capture_ledger import DynamoCaptureLedger
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.feedback_store import DynamoFeedbackStore
from trueup.adapters.aws.ledgers import DynamoBatchStore, DynamoKnowledgeStore, DynamoRunStore, DynamoSkillStore
from trueup.adapters.aws.outbox import envelope_from
from trueup.adapters.aws.table import (
    FRESH,
    TRANSACTION_BYTES,
    ConditionFailedError,
    Table,
    Write,
    chunks,
    descending,
    journal_writes,
    put,
    record_of,
    stamp,
)
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.annotation.tasks import settle
from trueup.errors import ConflictError, RetryableError, ServiceError
from trueup.events import seal
from trueup.model import Budget, Feedback, FeedbackSearch, Knowledge, Segment
from trueup.ports import Journal, LabelingJob


class Pauses(list[float]):
    """Waits that are only written down."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = clients_of_moto()["dynamodb"]
        create_table(client)
        yield client


def two_writes() -> list[Write]:
    return [put(("a", "1"), {}, condition=FRESH), put(("b", "2"), {})]


def test_a_transaction_that_meets_another_is_tried_again() -> None:
    client, pauses = (
        Scripted(cancellation("TransactionConflict", "None"), cancellation("None", "ThrottlingError")),
        Pauses(),
    )
    Table(client, TABLE, pause=pauses).write(two_writes())
    assert len(client.calls) == 3
    assert pauses == sorted(pauses)
    assert len(pauses) == 2


def test_a_transaction_that_always_meets_others_may_be_tried_later() -> None:
    client, pauses = Scripted(*[cancellation("TransactionConflict", "None")] * 99), Pauses()
    with pytest.raises(RetryableError):
        Table(client, TABLE, pause=pauses).write(two_writes())
    assert 2 < len(client.calls) < 20
    assert sum(pauses) < 10


def test_a_failed_condition_is_told_by_its_key_and_not_tried_again() -> None:
    client = Scripted(cancellation("ConditionalCheckFailed", "TransactionConflict"))
    with pytest.raises(ConditionFailedError) as caught:
        Table(client, TABLE, pause=Pauses()).write(two_writes())
    assert caught.value.failed == {("a", "1")}
    assert len(client.calls) == 1


@pytest.mark.parametrize(
    ("code", "kind"), [("ThrottlingException", RetryableError), ("ValidationException", ServiceError)]
)
def test_other_refusals_are_translated(code: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Table(Scripted(refusal(code)), TABLE).write(two_writes())


def test_a_cancellation_for_another_reason_is_told() -> None:
    with pytest.raises(ConflictError):
        Table(Scripted(cancellation("ItemCollectionSizeLimitExceeded", "None")), TABLE).write(two_writes())


def test_a_lost_race_for_a_receipt_is_no_receipt() -> None:
    """A file whose closing was cancelled by another transaction must come again, or it would be lost."""
    from tests.contract.test_captures import receipt

    client = Scripted(*[cancellation("TransactionConflict", "None", "None")] * 99)
    with pytest.raises(RetryableError):
        DynamoCaptureLedger(Table(client, TABLE, pause=Pauses())).close(receipt(), journal())


def test_keys_that_dynamodb_left_are_asked_for_again() -> None:
    def answer(*served: str, left: tuple[str, ...] = ()) -> dict[str, Any]:
        keys = [{"pk": {"S": each}, "sk": {"S": "x"}} for each in left]
        rows = [{"pk": {"S": each}, "sk": {"S": "x"}, "n": {"N": "7"}} for each in served]
        return {"Responses": {TABLE: rows}, "UnprocessedKeys": {TABLE: {"Keys": keys}} if keys else {}}

    pauses = Pauses()
    client = Scripted(answer("a", left=("b", "c")), answer(left=("b", "c")), answer("b", "c"))
    found = Table(client, TABLE, pause=pauses).get_many([("a", "x"), ("b", "x"), ("c", "x"), ("a", "x")])
    assert {key: item["n"] for key, item in found.items()} == {("a", "x"): 7, ("b", "x"): 7, ("c", "x"): 7}
    assert len(pauses) == 1
    stuck = Scripted(*[answer(left=("b",))] * 99)
    with pytest.raises(RetryableError):
        Table(stuck, TABLE, pause=pauses).get_many([("b", "x")])


def test_what_the_table_itself_answers_is_strongly_consistent() -> None:
    client = Scripted({}, {"Responses": {}}, {"Items": []}, {"Items": []}, {"Count": 0})
    table = Table(client, TABLE)
    table.get("a", "b")
    table.get_many([("a", "b")])
    list(table.query("a"))
    list(table.query("a", index=True))
    table.count("a")
    got, batch, own, index, count = client.requests
    assert got["ConsistentRead"] is own["ConsistentRead"] is count["ConsistentRead"] is True
    assert batch["RequestItems"][TABLE]["ConsistentRead"] is True
    assert "ConsistentRead" not in index


def test_of_two_writes_to_a_key_the_first_counts(dynamodb: Any) -> None:
    table = Table(dynamodb, TABLE)
    table.write([put(("a", "1"), "first"), put(("b", "1"), "other"), put(("a", "1"), "second")])
    found = table.get("a", "1")
    assert found is not None
    assert record_of(found, str) == "first"


def test_no_page_is_read_beyond_the_limit() -> None:
    page = {"Items": [{"pk": {"S": "p"}, "sk": {"S": "1"}}], "LastEvaluatedKey": {"pk": {"S": "p"}}}
    client = Scripted(page, page)
    assert len(list(Table(client, TABLE).query("p", limit=1))) == 1
    assert len(client.calls) == 1


def test_transactions_are_filled_by_number_and_by_size() -> None:
    small = [put((str(number), "x"), {}) for number in range(250)]
    assert [len(each) for each in chunks(small)] == [100, 100, 50]
    large = [put((str(number), "x"), "ä" * 150_000) for number in range(25)]
    sizes = [sum(each.size for each in chunk) for chunk in chunks(large)]
    assert len(sizes) == 3
    assert max(sizes) <= TRANSACTION_BYTES


def test_more_than_a_transaction_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="100"):
        Table(Scripted(), TABLE).write([put((str(number), "x"), {}) for number in range(101)])


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(numbers, numbers)
def test_numbers_sort_from_the_greatest_down(one: float, other: float) -> None:
    assert (descending(one) < descending(other)) == (one > other)
    assert (descending(one) == descending(other)) == (one == other)
    assert len(descending(one)) == 16


def test_the_zero_below_zero_is_zero() -> None:
    assert math.copysign(1, -0.0) == -1
    assert descending(-0.0) == descending(0.0)


def test_times_sort_as_text_in_utc() -> None:
    there = datetime(2026, 11, 24, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert stamp(there) == "2026-11-24T10:00:00.000005Z" == stamp(there.astimezone(UTC))


def test_an_event_and_an_edge_are_written_once(dynamodb: Any) -> None:
    table = Table(dynamodb, TABLE)
    table.write(journal_writes(journal()))
    before = items_of(dynamodb)
    later = Journal(at=NOW + timedelta(days=1), edges=journal().edges, events=journal().events)
    table.write(journal_writes(later))
    assert items_of(dynamodb) == before
    assert len(before) == 2


def test_an_outbox_item_is_what_the_stream_reader_reads_and_ends_after_a_week(dynamodb: Any) -> None:
    Table(dynamodb, TABLE).write(journal_writes(Journal(at=NOW, events=(event(),))))
    (item,) = items_of(dynamodb)
    keys = {name: item[name] for name in ("pk", "sk")}
    record = {"eventName": "INSERT", "dynamodb": {"Keys": keys, "NewImage": item}}
    assert envelope_from(record) == seal(event(), NOW)
    assert envelope_from({**record, "eventName": "REMOVE"}) is None
    assert int(item["expires_at"]["N"]) == int((NOW + timedelta(days=7)).timestamp())


def test_a_committed_consensus_leaves_the_index(dynamodb: Any) -> None:
    tasks = DynamoTaskStore(Table(dynamodb, TABLE))
    tasks.open([opening()], QUIET)
    task = opening().task
    tasks.save(settle(task), QUIET, consensus=consensus(task, "c1"))
    tasks.mark_committed(tasks.uncommitted("pets", 1), "v1")
    (item,) = [each for each in items_of(dynamodb) if each["sk"]["S"].startswith("CONSENSUS#")]
    assert item["version_id"] == {"S": "v1"}
    assert "gsi1pk" not in item


def test_an_index_that_lags_behind_does_not_bring_a_committed_label_back(dynamodb: Any) -> None:
    tasks = DynamoTaskStore(Table(dynamodb, TABLE))
    tasks.open([opening()], QUIET)
    task = opening().task
    tasks.save(settle(task), QUIET, consensus=consensus(task, "c1"))
    stale = dynamodb.query(
        TableName=TABLE,
        IndexName="gsi1",
        KeyConditionExpression="gsi1pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "P#pets#UNCOMMITTED"}},
    )
    tasks.mark_committed(tasks.uncommitted("pets", 1), "v1")

    class Lagging:
        def __getattr__(self, name: str) -> Any:
            return (lambda **_: stale) if name == "query" else getattr(dynamodb, name)

    assert DynamoTaskStore(Table(Lagging(), TABLE)).uncommitted("pets", 9) == []


def test_every_key_that_is_written_is_in_the_table_of_keys(dynamodb: Any) -> None:
    """docs/table.md lists every kind of item: its partition and sort keys with the parts between the signs left out."""
    documented = (Path(__file__).parents[2] / "docs" / "table.md").read_text()
    write_one_of_everything(Table(dynamodb, TABLE))
    missing = {
        (pk, sk)
        for pk, sk in (kind_of(each) for each in items_of(dynamodb))
        if not any(f"`{pk}" in row and (sk is None or f"`{sk}" in row) for row in documented.splitlines())
    }
    assert missing == set()


def test_sixteen_workers_buy_exactly_the_budget(dynamodb: Any) -> None:
    ledger, budget = DynamoCaptureLedger(Table(dynamodb, TABLE)), Budget(per_hour=1000, per_day=5000)

    def buy(worker: int) -> int:
        wanted = {"margin": 15, "audit": 4}
        grants = (ledger.reserve("pets", f"{worker}-{each}", NOW, wanted, budget) for each in range(4))
        return sum(sum(each.granted.values()) for each in grants)

    with ThreadPoolExecutor(16) as workers:
        assert sum(workers.map(buy, range(16))) == 1000


def kind_of(item: dict[str, Any]) -> tuple[str, str | None]:
    """("P#TASK#", "CONSENSUS#") of an item of a task; no sort key where it is a mere name."""
    pk, sk = item["pk"]["S"].replace("P#pets#", "P#"), item["sk"]["S"]
    parts = pk.split("#")
    prefix = "#".join(parts[:2]) if pk.startswith("P#") else f"{parts[0]}#"
    named = re.match(r"[A-Z]+(#|$)", sk)
    return prefix, named.group() if named else None


def write_one_of_everything(table: Table) -> None:
    from tests.contract.records import annotation
    from tests.contract.test_captures import receipt
    from tests.contract.test_runs import decision, run
    from tests.contract.test_small_ports import charge, skill
    from tests.contract.test_tasks import ruling
    from tests.unit.dataset.test_versions import line
    from trueup.dataset.versions import Making, next_version

    ledger, tasks, runs = DynamoCaptureLedger(table), DynamoTaskStore(table), DynamoRunStore(table)
    ledger.close(receipt(), journal())
    ledger.reserve("pets", "a", NOW, {"margin": 1}, Budget(per_hour=9))
    tasks.open([opening()], QUIET)
    task = opening().task
    said = ruling(task)
    tasks.save(settle(task), QUIET, annotation=annotation(task), consensus=consensus(task, "c1"), ruling=said)
    runs.begin(run(1), QUIET)
    runs.postpone("pets", decision("later"), "v")
    DynamoSkillStore(table).save_skills("pets", [skill("ada", 0.9)])
    DynamoKnowledgeStore(table).learn(Knowledge(project="pets"))
    feedback = DynamoFeedbackStore(table)
    feedback.put(Feedback(project="pets", kind="truth", label="cat", received_at=NOW, event_id="e"))
    feedback.save_search(FeedbackSearch(project="pets"))
    DynamoBatchStore(table).end_batch(LabelingJob(project="pets", name="b", status="failed"), QUIET, charge("b", 1))
    segment = Segment(sha256="0" * 64, samples=1, bytes=1)
    version = next_version(
        None, {}, [line(1, "cat")], (segment,), (), Making(project="pets", number=1, at=NOW, reason="test")
    )
    AwsDatasetStore(table, Bucket(Scripted(), DATASET)).commit(version, QUIET)
