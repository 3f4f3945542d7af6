"""HTTP API of the workbench: the route's function is called with the request; errors become one JSON shape."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from functions.annotation_api.refusals import refusal
from functions.annotation_api.routes import ROUTES, Route
from functions.annotation_api.shapes import Request, Response
from trueup.errors import NotFoundError
from trueup.observability import count
from trueup.settings import AnnotationApiSettings
from trueup.wiring.annotation_desk import AnnotationDesk, annotation_desk


@cache
def _desk() -> AnnotationDesk:
    return annotation_desk(AnnotationApiSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return respond(event, _desk)


def respond(event: dict[str, Any], desk: Callable[[], AnnotationDesk]) -> dict[str, Any]:
    """The answer to an API Gateway event, whatever happens: nothing is raised from here."""
    response = _response(event, desk)
    return {
        "statusCode": response.status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": msgspec.json.encode(response.body).decode(),
    }


def _route(key: str) -> Route:
    if key not in ROUTES:
        raise NotFoundError(f"there is no route {key}")
    return ROUTES[key]


def _response(event: dict[str, Any], desk: Callable[[], AnnotationDesk]) -> Response:
    try:
        route = _route(event["routeKey"])
        request = Request.of(event)
        response = route(desk(), request)
        if response.metric:
            count(request.path["project"], {response.metric: 1})
    except Exception as error:
        request_id = event.get("requestContext", {}).get("requestId", "unknown")
        return refusal(error, request_id)
    return response
