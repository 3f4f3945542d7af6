"""HTTP API of the workbench: a route's function is called with the request, errors become one JSON shape."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import msgspec

from functions.annotation_api.routes import ROUTES, Request, Response
from trueup.errors import (
    ConflictError,
    InputError,
    NotFoundError,
    PermissionDeniedError,
    RetryableError,
    TrueupError,
)
from trueup.observability import count, logger_of
from trueup.settings import AnnotationApiSettings
from trueup.wiring.annotation_desk import AnnotationDesk, annotation_desk

logger = logger_of("annotation_api")
_STATUS: tuple[tuple[type[TrueupError], int], ...] = (
    (InputError, 400),
    (PermissionDeniedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (RetryableError, 503),
)


@cache
def _desk() -> AnnotationDesk:
    return annotation_desk(AnnotationApiSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    try:
        response = ROUTES[event["routeKey"]](_desk(), Request.of(event))
    except TrueupError as error:
        response = _refusal(error)
    if response.metric:
        count(event.get("pathParameters", {}).get("project", "-"), {response.metric: 1})
    return {
        "statusCode": response.status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": msgspec.json.encode(response.body).decode(),
    }


def _refusal(error: TrueupError) -> Response:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    logger.info("request refused", status=status, code=error.code, reason=str(error))
    field = error.field if isinstance(error, InputError) else None
    return Response(status=status, body={"error": {"code": error.code, "message": str(error), "field": field}})
