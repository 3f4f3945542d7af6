"""Ground Truth, once people have answered: what its output says of each object."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.observability import logger_of
from trueup.settings import LabelingGatherSettings
from trueup.wiring.labeling_gather import Gather, gather

logger = logger_of("labeling_gather")


@cache
def _gather() -> Gather:
    return gather(LabelingGatherSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> list[dict[str, Any]]:
    told = _gather()(event)
    logger.info("answers gathered", job=event.get("labelingJobArn"), objects=len(told))
    return told
