"""A labeling server's webhook → a wake-up of backend_sync, if it comes with the project's token."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.errors import PermissionDeniedError
from trueup.observability import count, logger_of
from trueup.settings import HintReceiveSettings
from trueup.usecases.receive_hint import HEADER, ReceiveHint
from trueup.wiring.receive_hint import receive_hint

logger = logger_of("hint_receive")


@cache
def _receive() -> ReceiveHint:
    return receive_hint(HintReceiveSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """The body is not looked at: what is true is read from the server."""
    project = event["pathParameters"]["project"]
    try:
        _receive()(project, event.get("headers", {}).get(HEADER.lower(), ""))
    except PermissionDeniedError as error:
        logger.warning("a hint was refused", reason=str(error))
        return {"statusCode": 401}
    count(project, {"BackendHints": 1})
    return {"statusCode": 202}
