"""What functions say, as CloudWatch reads it: a line of JSON each."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import pytest

from trueup.errors import CaptureError
from trueup.observability import Log, count

LOG = Log("capture_ingest")


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_bears_who_where_when_and_the_callers_fields(capsys: pytest.CaptureFixture[str]) -> None:
    LOG.info("capture file accounted for", file="s3://b/k", lines=3, odd={1})
    (line,) = said(capsys)
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() is not None
    assert re.fullmatch(r"test_a_line_bears_\w+:\d+", line.pop("location"))
    assert line == {
        "level": "INFO",
        "message": "capture file accounted for",
        "service": "capture_ingest",
        "file": "s3://b/k",
        "lines": 3,
        "odd": "{1}",
    }


def test_a_failure_is_one_line_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise CaptureError("no project is named 'dogs'")

    try:
        work()
    except CaptureError as error:
        LOG.failure("a record failed", error, record="m1")
    (line,) = said(capsys)
    assert (line["level"], line["exception_name"], line["record"]) == ("ERROR", "CaptureError", "m1")
    assert "no project is named 'dogs'" in line["exception"]
    assert "test_observability.py" in line["exception"]


def test_a_line_bears_the_trace_that_lambda_tells(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
    LOG.info("hello")
    assert said(capsys)[0]["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("TRACE", ["INFO", "WARNING", "ERROR"]),
        ("DEBUG", ["INFO", "WARNING", "ERROR"]),
        ("WARN", ["WARNING", "ERROR"]),
        ("ERROR", ["ERROR"]),
        ("FATAL", []),
    ],
)
def test_lambdas_own_setting_says_what_is_heard(
    level: str, heard: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html names these."""
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", level)
    LOG.info("i")
    LOG.warning("w")
    LOG.failure("e", ValueError("e"))
    assert [each["level"] for each in said(capsys)] == heard


def test_counts_are_one_line_of_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    count("dogs", {"CaptureFiles": 1, "Captures": 200})
    (line,) = said(capsys)
    about = line.pop("_aws")
    assert line == {"project": "dogs", "service": "trueup", "CaptureFiles": 1, "Captures": 200}
    assert isinstance(about["Timestamp"], int)
    (directive,) = about["CloudWatchMetrics"]
    assert directive["Namespace"] == "trueup"
    assert directive["Dimensions"] == [["project", "service"]]
    assert directive["Metrics"] == [
        {"Name": "CaptureFiles", "Unit": "Count"},
        {"Name": "Captures", "Unit": "Count"},
    ]
