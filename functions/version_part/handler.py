"""The steps of the bulk workflow → bulk: plan, part by part, conclude."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import msgspec

from trueup.observability import logger_of
from trueup.settings import VersionPartSettings
from trueup.usecases.bulk.run import BulkVersions
from trueup.wiring.bulk_versions import bulk_versions, place_of

logger = logger_of("version_part")


@cache
def _bulk() -> BulkVersions:
    return bulk_versions(VersionPartSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> Any:
    job = event["job"]
    logger.info(event["step"], project=job.get("project"), run=job.get("run"), part=event.get("part"))
    return _STEPS[event["step"]](event)


def _plan(event: dict[str, Any]) -> Any:
    planned = _bulk().plan(event["job"])
    return {"job": msgspec.to_builtins(planned.job), "parts": place_of(planned.parts)}


def _part(event: dict[str, Any]) -> None:
    _bulk().part(event["job"], event["part"])


def _conclude(event: dict[str, Any]) -> Any:
    return msgspec.to_builtins(_bulk().conclude(event["job"]))


_STEPS = {"plan": _plan, "part": _part, "conclude": _conclude}
