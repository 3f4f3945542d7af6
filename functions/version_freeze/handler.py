"""First step of the retraining workflow → freeze_version."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.observability import logger_of
from trueup.settings import VersionFreezeSettings
from trueup.usecases.freeze_version import FreezeVersion
from trueup.wiring.freeze_version import freeze_version

logger = logger_of("version_freeze")


@cache
def _freeze() -> FreezeVersion:
    return freeze_version(VersionFreezeSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    logger.info("freezing", project=event["project"], run=event["run_id"])
    return _freeze()(event["project"], event["run_id"], event["execution_arn"])
