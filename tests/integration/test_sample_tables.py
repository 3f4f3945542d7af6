"""What Athena reads: copies of segments that say of every version what the version itself says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from msgspec.structs import replace

from tests.unit.dataset.test_versions import commit, line
from tests.worlds import NOW, Loop
from trueup.adapters.aws.athena import AthenaSamples
from trueup.adapters.aws.segment_tables import S3SegmentTables, lines_key
from trueup.adapters.integrations.duck import DuckSamples
from trueup.adapters.memory import MemoryDatasetStore, World
from trueup.adapters.memory_forgetting import MemoryReceiptBook
from trueup.dataset.querying.columns import VERSIONS
from trueup.dataset.querying.statements import SAMPLES_OF_VERSIONS
from trueup.errors import InputError, NotFoundError, RetryableError
from trueup.model import Change, Removal
from trueup.usecases.copy_tables import CopyTables
from trueup.usecases.making_versions import view_of
from trueup.usecases.resolve_subject import Wish

SECOND = replace(line(2, "dog"), labelled_at=NOW, slice="night", propensity=0.5, consensus_id="c" * 32)
HISTORY: list[list[Change]] = [
    [line(1, "cat"), SECOND],
    [replace(line(1, "cat"), label="it's\na dog", agreement=0.3), line(3, '{"classes":["cat","dog"]}')],
    [Removal(sample_id=SECOND.sample_id)],
    [SECOND],
]
ALL = "SELECT * FROM samples ORDER BY version, sample_id"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="dataset")
        yield client


def test_the_copies_say_what_the_versions_say(s3: Any, tmp_path: Path) -> None:
    store, receipts = MemoryDatasetStore(World()), MemoryReceiptBook(World())
    versions = [commit(store, changes) for changes in HISTORY]
    copy = CopyTables(datasets=store, tables=S3SegmentTables(s3, "dataset"), receipts=receipts)
    for each in versions:
        copy("pets", each.version_id)
        copy("pets", each.version_id)
    assert len(_download(s3, tmp_path)) == 2 * len(HISTORY)
    theirs = _over_copies(tmp_path).execute(ALL).fetchall()
    ours = DuckSamples((each, view_of(store, "pets", each)) for each in versions).ask(ALL, 100)
    assert len(ours.rows) == 2 + 3 + 2 + 3
    assert theirs == list(ours.rows)


def test_copies_from_before_a_deletion_are_made_again(s3: Any, tmp_path: Path) -> None:
    """Also those of a deployment that did not note yet what a copy is of."""
    loop = Loop()
    commit(loop.datasets, HISTORY[0])
    copy = CopyTables(loop.datasets, S3SegmentTables(s3, "dataset"), loop.receipts)
    version = copy("pets", "v1")
    loop.forget(Wish(project="pets", sample_ids=(SECOND.sample_id,)), by="operator:dpo")
    bare = lines_key("pets", version.segments[0].sha256)
    data = s3.get_object(Bucket="dataset", Key=bare)["Body"].read()
    s3.put_object(Bucket="dataset", Key=bare, Body=data)
    copy.again("pets", loop.receipts.entries("pets")[0].uri)
    copy("pets", "v2")
    _download(s3, tmp_path)
    left = _over_copies(tmp_path).execute("SELECT version, sample_id FROM samples ORDER BY version").fetchall()
    assert left == [(1, line(1, "").sample_id), (2, line(1, "").sample_id)]


def test_a_version_is_not_listed_before_all_of_it_is_there(s3: Any) -> None:
    store = MemoryDatasetStore(World())
    version = commit(store, HISTORY[0])
    store.objects.clear()
    copy = CopyTables(store, S3SegmentTables(s3, "dataset"), MemoryReceiptBook(World()))
    with pytest.raises(NotFoundError):
        copy("pets", version.version_id)
    assert s3.list_objects_v2(Bucket="dataset")["KeyCount"] == 0


def test_a_copy_is_asked_for_by_its_key_alone(s3: Any) -> None:
    tables, calls = S3SegmentTables(s3, "dataset"), list[str]()
    s3.put_object(Bucket="dataset", Key=f"{lines_key('pets', 'a' * 64)}.part", Body=b"of something else")
    s3.meta.events.register("before-call.s3", lambda model, **_: calls.append(model.name))
    assert tables.made_of("pets", "a" * 64) is None
    assert calls == ["HeadObject"]


def _download(s3: Any, folder: Path) -> list[str]:
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="dataset")["Contents"]]
    for key in keys:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        s3.download_file("dataset", key, str(folder / key))
    return keys


def _over_copies(folder: Path) -> duckdb.DuckDBPyConnection:
    """As the catalog describes them to Athena."""
    connection = duckdb.connect()
    types = ", ".join(f"{each.name}: '{each.sql}'" for each in VERSIONS)
    connection.execute(
        f"CREATE VIEW lines AS SELECT * FROM read_parquet('{folder}/tables/lines/*/*.parquet', hive_partitioning=true)"
    )
    connection.execute(
        f"CREATE VIEW versions AS SELECT * FROM read_json('{folder}/tables/versions/*/*.jsonl', hive_partitioning=true,"
        f" format='newline_delimited', columns={{{types}}})"
    )
    connection.execute(f"CREATE VIEW samples AS {SAMPLES_OF_VERSIONS}")
    return connection


Script = Callable[[Stubber], None]


def _athena(script: Script, seconds: float = 2.0) -> AthenaSamples:
    client = boto3.client("athena", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    stubber = Stubber(client)
    stubber.add_response(
        "start_query_execution",
        {"QueryExecutionId": "q"},
        {"QueryString": "SELECT 1", "QueryExecutionContext": {"Database": "trueup_dev"}, "WorkGroup": "trueup-dev"},
    )
    script(stubber)
    stubber.activate()
    return AthenaSamples(client, "trueup-dev", "trueup_dev", seconds, sleep=lambda _: None)


def _state(stubber: Stubber, state: str, reason: str = "") -> None:
    status = {"State": state, **({"StateChangeReason": reason} if reason else {})}
    stubber.add_response("get_query_execution", {"QueryExecution": {"Status": status}})


def _page(rows: list[list[str | None]], token: str = "") -> dict[str, Any]:
    kinds = ("varchar", "bigint", "double", "boolean", "timestamp")
    info = [{"Name": each, "Type": each} for each in kinds]
    data = [{"Data": [{} if each is None else {"VarCharValue": each} for each in row]} for row in rows]
    page: dict[str, Any] = {"ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": info}}}
    return {**page, "NextToken": token} if token else page


HEAD: list[str | None] = ["varchar", "bigint", "double", "boolean", "timestamp"]
ROW: list[str | None] = ["cat", "7", "0.5", "true", "2026-05-01 10:00:00.123"]


def test_athenas_pages_are_read_with_their_types() -> None:
    def script(stubber: Stubber) -> None:
        for each in ("QUEUED", "RUNNING", "SUCCEEDED"):
            _state(stubber, each)
        stubber.add_response("get_query_results", _page([HEAD, ROW], "more"))
        stubber.add_response("get_query_results", _page([[None] * 5, ROW]))

    answer = _athena(script, 9.0).ask("SELECT 1", 2)
    at = NOW.replace(2026, 5, 1, 10, 0, 0, 123000, tzinfo=None)
    assert answer.columns == tuple(HEAD)
    assert answer.rows == (("cat", 7, 0.5, True, at), (None,) * 5)
    assert answer.more


def test_what_athena_refuses_is_said_in_its_words() -> None:
    with pytest.raises(InputError, match="COLUMN_NOT_FOUND"):
        _athena(lambda stubber: _state(stubber, "FAILED", "COLUMN_NOT_FOUND: x")).ask("SELECT 1", 2)


def test_a_query_that_does_not_end_is_stopped() -> None:
    def script(stubber: Stubber) -> None:
        for _ in range(3):
            _state(stubber, "RUNNING")
        stubber.add_response("stop_query_execution", {}, {"QueryExecutionId": "q"})

    with pytest.raises(RetryableError, match="2 seconds"):
        _athena(script).ask("SELECT 1", 2)
