"""One cold call of a function in this process, which imports nothing else: python -P cold_call.py NAME, where the
function's package is on the path."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from types import SimpleNamespace
from typing import Any

MODULES = {
    "usual": "scripts.bench.usual_handler",
    "capture_ingest": "functions.capture_ingest.handler",
    "annotation_api": "functions.annotation_api.handler",
}
BUCKET, KEY = "captures", "bench/e/v/2026/11/25/10/a.jsonl"


def call(contender: str) -> None:
    handler = import_module(MODULES[contender]).handler
    context = SimpleNamespace(
        function_name="bench",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:bench",
        aws_request_id="request",
        get_remaining_time_in_millis=lambda: 60_000,
    )
    answer = handler(_request() if contender == "annotation_api" else _message(), context)
    if answer not in ({"batchItemFailures": []}, {**answer, "statusCode": 200}):
        raise ValueError(f"not what was to be measured: {answer}")


def _message() -> dict[str, Any]:
    detail = {"bucket": {"name": BUCKET}, "object": {"key": KEY}}
    return {
        "Records": [
            {"messageId": "m", "eventSource": "aws:sqs", "body": json.dumps({"detail": detail}), "attributes": {}}
        ]
    }


def _request() -> dict[str, Any]:
    claims = {"sub": "ada", "cognito:groups": "[annotators]"}
    return {
        "routeKey": "GET /api/projects",
        "pathParameters": {},
        "requestContext": {"requestId": "r", "authorizer": {"jwt": {"claims": claims}}},
    }


def peak() -> str:
    """This process's own: getrusage counts what its parent held when it began."""
    with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib is none of what is measured
        return next(line for line in status if line.startswith("VmHWM"))


if __name__ == "__main__":
    call(sys.argv[1])
    print(peak(), flush=True)
    # A function is frozen after its answer; nothing is torn down.
    os._exit(0)
