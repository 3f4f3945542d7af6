"""Errors as the workbench sees them: one JSON shape, {"error": {"code", "message", "field", "request_id"}}.

What the caller can mend is told in full. What they cannot (AWS refuses the function, stored bytes are wrong, a defect)
is logged with its trace and answered by the request's id alone, with a status that makes the workbench keep the answer
and send it again. API Gateway answers for us before the function is called: 401 {"message"} when the token is missing,
spoiled or expired, 404 for another route, 429 when throttled.
"""

from __future__ import annotations

import msgspec

from functions.annotation_api.shapes import CallerDeniedError, Response
from trueup.errors import (
    ConfigurationError,
    ConflictError,
    InputError,
    NotFoundError,
    RetryableError,
    SuspendedError,
    TrueupError,
)
from trueup.model import Record
from trueup.observability import logger_of

logger = logger_of("annotation_api")
_BUSY = "The server is busy: try again in a moment."
_BROKEN = "Something went wrong on the server and was logged. If it stays, tell whoever runs trueup: request {}."


class Refusal(Record, frozen=True, kw_only=True):
    code: str
    message: str
    request_id: str
    field: str | None = None


def refusal(error: Exception, request_id: str) -> Response:
    """The answer to a call that raised. A permission that a use case misses is the function's own, for which the caller
    can do nothing."""
    match error:
        case ConfigurationError():
            pass
        case InputError():
            return _told(400, error, request_id, error.field)
        case CallerDeniedError() | SuspendedError():
            return _told(403, error, request_id)
        case NotFoundError():
            return _told(404, error, request_id)
        case ConflictError():
            return _told(409, error, request_id)
        case RetryableError():
            logger.warning("busy", reason=str(error), request_id=request_id)
            return _answer(503, Refusal(code=error.code, message=_BUSY, request_id=request_id))
    logger.error("request failed", exc_info=error, request_id=request_id)
    return _answer(500, Refusal(code="Internal", message=_BROKEN.format(request_id), request_id=request_id))


def _told(status: int, error: TrueupError, request_id: str, field: str | None = None) -> Response:
    said = Refusal(code=error.code, message=str(error), request_id=request_id, field=field)
    logger.info("request refused", status=status, code=said.code, reason=said.message, request_id=request_id)
    return _answer(status, said)


def _answer(status: int, said: Refusal) -> Response:
    return Response(status=status, body={"error": msgspec.to_builtins(said)})
