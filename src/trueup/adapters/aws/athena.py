"""Athena: the same SQL over the Parquet copies, for datasets that no machine wants to hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from trueup.adapters.aws.errors import translated
from trueup.errors import InputError, RetryableError
from trueup.ports import Answer, SampleSql

_POLL_SECONDS = 1.0
_DONE = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})


def _flag(text: str) -> bool:
    return text == "true"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


_READ: Mapping[str, Callable[[str], Any]] = {
    "bigint": int,
    "integer": int,
    "double": float,
    "float": float,
    "boolean": _flag,
    "timestamp": _time,
}


class AthenaSamples(SampleSql):
    """Answers of a workgroup, which says where results lie and under which key. `seconds` is the longest wait."""

    def __init__(
        self,
        client: Any,
        workgroup: str,
        database: str,
        seconds: float = 300.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._workgroup = workgroup
        self._database = database
        self._seconds = seconds
        self._sleep = sleep

    def ask(self, sql: str, most: int) -> Answer:
        with translated("asking Athena"):
            started = self._client.start_query_execution(
                QueryString=sql, QueryExecutionContext={"Database": self._database}, WorkGroup=self._workgroup
            )
            execution = started["QueryExecutionId"]
            self._wait(execution)
            columns, rows = self._read(execution, most + 1)
        return Answer(columns=columns, rows=tuple(rows[:most]), more=len(rows) > most)

    def _wait(self, execution: str) -> None:
        waited = 0.0
        while True:
            status = self._client.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
            if status["State"] in _DONE:
                break
            if waited >= self._seconds:
                self._client.stop_query_execution(QueryExecutionId=execution)
                raise RetryableError(f"Athena has not answered within {self._seconds:.0f} seconds: it was stopped")
            self._sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
        if status["State"] != "SUCCEEDED":
            reason = status.get("StateChangeReason", status["State"])
            raise InputError(f"Athena cannot answer the SQL: {reason}", field="--sql")

    def _read(self, execution: str, most: int) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Athena's first row of a SELECT is the names of its columns."""
        columns: tuple[str, ...] = ()
        rows: list[tuple[Any, ...]] = []
        for page in self._pages(execution):
            info = page["ResultSetMetadata"]["ColumnInfo"]
            found = page["Rows"][0 if columns else 1 :]
            columns = tuple(each["Name"] for each in info)
            rows += [_row(each["Data"], info) for each in found]
            if len(rows) >= most:
                break
        return columns, rows

    def _pages(self, execution: str) -> Iterator[Any]:
        more: dict[str, str] = {}
        while True:
            answer = self._client.get_query_results(QueryExecutionId=execution, MaxResults=1000, **more)
            yield answer["ResultSet"]
            if not answer.get("NextToken"):
                return
            more = {"NextToken": answer["NextToken"]}


def _row(data: Sequence[Mapping[str, str]], info: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    return tuple(_cell(cell, column["Type"]) for cell, column in zip(data, info, strict=True))


def _cell(cell: Mapping[str, str], kind: str) -> Any:
    text = cell.get("VarCharValue")
    return None if text is None else _READ.get(kind, str)(text)
