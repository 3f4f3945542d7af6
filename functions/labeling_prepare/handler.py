"""Ground Truth, before it asks people about an object: what their page shows of it."""

from __future__ import annotations

from typing import Any

from trueup.wiring.labeling_prepare import prepare


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return prepare(event["dataObject"])
