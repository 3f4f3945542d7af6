"""What asynchronous endpoints tell on SNS: successes and errors, with the places of input and output.

Format: docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from trueup.errors import CaptureError
from trueup.model import Record

VARIANT = "async"
_NOTIFICATION = "Notification"
_FAILURE = "failure="


class _Request(msgspec.Struct):
    endpointName: str  # noqa: N815 - the wire's name
    inputLocation: str | None = None  # noqa: N815
    contentType: str | None = None  # noqa: N815


class _Response(msgspec.Struct):
    outputLocation: str | None = None  # noqa: N815
    contentType: str | None = None  # noqa: N815


class _Message(msgspec.Struct):
    invocationStatus: Literal["Completed", "Failed"]  # noqa: N815
    eventTime: datetime  # noqa: N815
    requestParameters: _Request  # noqa: N815
    responseParameters: _Response | None = None  # noqa: N815
    inferenceId: str | None = None  # noqa: N815
    failureReason: str | None = None  # noqa: N815


class AsyncInference(Record, frozen=True, kw_only=True):
    """One inference. `failure` is the reason where there is no output; `input` is None where the request brought its
    body along."""

    endpoint: str
    at: datetime
    inference_id: str | None
    input: str | None
    input_type: str
    output: str | None
    output_type: str
    failure: str | None = None


def failure_attribute(reason: str) -> str:
    """How a capture without an output carries the reason, among its custom attributes."""
    return f"{_FAILURE}{reason}"


def failure_of(custom_attributes: Sequence[str]) -> str | None:
    return next((each.removeprefix(_FAILURE) for each in custom_attributes if each.startswith(_FAILURE)), None)


def is_inference(message: dict[str, Any]) -> bool:
    """Whether it is one of these, or SNS's envelope, in which one may be."""
    return "invocationStatus" in message or message.get("Type") == _NOTIFICATION


def read_inference(message: dict[str, Any]) -> AsyncInference:
    """Read a message, in SNS's envelope or bare. Raises CaptureError that names the field that is wrong."""
    try:
        inner = msgspec.json.decode(message["Message"]) if message.get("Type") == _NOTIFICATION else message
        found = msgspec.convert(inner, _Message)
    except (KeyError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CaptureError(f"not a message of an asynchronous endpoint: {error}") from error
    request, response = found.requestParameters, found.responseParameters or _Response()
    failed = found.invocationStatus == "Failed"
    if not failed and response.outputLocation is None:
        raise CaptureError(
            f"the message of inference {found.inferenceId} has no responseParameters.outputLocation",
            field="responseParameters.outputLocation",
        )
    return AsyncInference(
        endpoint=request.endpointName,
        at=found.eventTime,
        inference_id=found.inferenceId,
        input=request.inputLocation,
        input_type=request.contentType or "",
        output=None if failed else response.outputLocation,
        output_type=response.contentType or "",
        failure=(found.failureReason or "no reason given") if failed else None,
    )
