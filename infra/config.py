"""What is deployed: one typed configuration, read from the CDK context key `trueup`.

A wrong configuration ends the synthesis with a ConfigurationError whose sentence names the key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from trueup.errors import ConfigurationError
from trueup.settings import Project, parse_project

_STAGE = re.compile(r"[a-z][a-z0-9]{0,15}")
_KEYS = {
    "stage": str,
    "removal_policy": str,
    "projects": list,
    "alarm_email": str,
    "schedule_minutes": int,
    "log_retention_days": int,
}


@dataclass(frozen=True)
class DeploymentConfig:
    """`removal_policy` destroy also needs the context flag `trueup:allow-data-loss`, so that no single typing
    error deletes labels. `wheels` is lambda (arm64, for AWS) or host (for the embedded AWS on this machine)."""

    stage: str = "dev"
    removal_policy: Literal["retain", "destroy"] = "retain"
    projects: tuple[Project, ...] = ()
    alarm_email: str | None = None
    schedule_minutes: int = 5
    log_retention_days: int = 90
    wheels: Literal["lambda", "host"] = "lambda"
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def destroy(self) -> bool:
        return self.removal_policy == "destroy"


def read_config(context: Mapping[str, Any]) -> DeploymentConfig:
    """Read the context of the CDK app. Raises ConfigurationError naming the key."""
    raw = _document(context)
    _check_keys(raw)
    stage = str(raw.get("stage", "dev"))
    if not _STAGE.fullmatch(stage):
        raise _wrong("trueup.stage", f"is {stage!r}: use up to 16 small letters and digits, a letter first")
    projects = tuple(parse_project(each, f"trueup.projects[{index}]") for index, each in enumerate(raw["projects"]))
    _check_unique(projects)
    return DeploymentConfig(
        stage=stage,
        removal_policy=_removal_policy(raw, context),
        projects=projects,
        alarm_email=raw.get("alarm_email"),
        schedule_minutes=_at_least(raw, "schedule_minutes", 5, 1),
        log_retention_days=_at_least(raw, "log_retention_days", 90, 1),
        wheels=_choice("trueup:wheels", context.get("trueup:wheels", "lambda"), ("lambda", "host")),
        raw=raw,
    )


def _document(context: Mapping[str, Any]) -> Mapping[str, Any]:
    path = context.get("trueup:config")
    if path is None:
        found = context.get("trueup")
        if not isinstance(found, Mapping):
            raise _wrong("trueup", "is missing from the context: see cdk.json")
        return found
    try:
        document = json.loads(Path(path).read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise _wrong("trueup:config", f"names {path}, which cannot be read: {error}") from error
    if not isinstance(document, Mapping):
        raise _wrong("trueup:config", f"names {path}, which is not a JSON object")
    return document


def _check_keys(raw: Mapping[str, Any]) -> None:
    for key, value in raw.items():
        if key not in _KEYS:
            raise _wrong(f"trueup.{key}", f"is not a known key; known are: {', '.join(sorted(_KEYS))}")
        if not isinstance(value, _KEYS[key]):
            raise _wrong(f"trueup.{key}", f"must be of type {_KEYS[key].__name__}, not {type(value).__name__}")
    if not raw.get("projects"):
        raise _wrong("trueup.projects", "must list at least one project")


def _check_unique(projects: tuple[Project, ...]) -> None:
    for key, values in (
        ("name", [each.name for each in projects]),
        ("endpoint_name", [each.endpoint_name for each in projects]),
    ):
        twice = sorted({each for each in values if values.count(each) > 1})
        if twice:
            raise _wrong(f"trueup.projects[].{key}", f"{twice[0]!r} stands twice: each project has its own")


def _removal_policy(raw: Mapping[str, Any], context: Mapping[str, Any]) -> Literal["retain", "destroy"]:
    policy = _choice("trueup.removal_policy", raw.get("removal_policy", "retain"), ("retain", "destroy"))
    allowed = str(context.get("trueup:allow-data-loss", "false")).lower() == "true"
    if policy == "retain":
        return "retain"
    if not allowed:
        raise _wrong(
            "trueup.removal_policy", "is destroy: add -c trueup:allow-data-loss=true to say that labels may be deleted"
        )
    return "destroy"


def _choice(key: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise _wrong(key, f"is {value!r}: use one of {', '.join(allowed)}")
    return value


def _at_least(raw: Mapping[str, Any], key: str, default: int, least: int) -> int:
    value = int(raw.get(key, default))
    if value < least:
        raise _wrong(f"trueup.{key}", f"is {value}: it must be at least {least}")
    return value


def _wrong(key: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"{key} {what}", field=key)
