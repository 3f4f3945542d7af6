"""What is deployed: one typed configuration, read from the CDK context key `trueup`.

A wrong configuration ends the synthesis with a ConfigurationError whose sentence names the key. Each rule stands once:
unknown keys, types, and keys of a project that contradict each other in trueup.settings; what a key may hold for
itself, which CloudFormation, SageMaker and the others would refuse later, in the middle of a deployment or a run, in
infra.keys; what projects must not share, here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from infra.keys import CONTEXT_KEYS, DEPLOYMENT_KEYS, MAX_DIFFERENT_MODELS, MAX_QUEUES, PROJECT_KEYS
from trueup.errors import ConfigurationError
from trueup.keys import Key, refusals
from trueup.settings import Project, Record, parse_project, parse_record


class Document(Record, frozen=True, kw_only=True):
    """What stands under `trueup`. Its projects are read one by one, so that an error says in which it is."""

    projects: tuple[Any, ...] = ()
    stage: str = "dev"
    removal_policy: Literal["retain", "destroy"] = "retain"
    alarm_email: str | None = None
    schedule_minutes: int = 5
    log_retention_days: int = 90


class DeploymentConfig(Document, frozen=True, kw_only=True):
    """`removal_policy` destroy also needs the context flag `trueup:allow-data-loss`, so that no single typing
    error deletes labels. `wheels` is lambda (arm64, for AWS) or host (for the embedded AWS on this machine); `nag`
    says whether cdk-nag looks at the templates."""

    projects: tuple[Project, ...] = ()
    wheels: Literal["lambda", "host"] = "lambda"
    nag: bool = True

    @property
    def destroy(self) -> bool:
        return self.removal_policy == "destroy"


def read_config(context: Mapping[str, Any]) -> DeploymentConfig:
    """Read the context of the CDK app. Raises ConfigurationError naming the key."""
    for key in context:
        if key.startswith("trueup") and key not in CONTEXT_KEYS:
            raise _wrong(key, f"is not a known context key; known are: {', '.join(CONTEXT_KEYS)}")
    allow_data_loss = _option(context, "trueup:allow-data-loss", "false") == "true"
    document = parse_record(_raw_document(context), Document, "trueup")
    _check(document, DEPLOYMENT_KEYS, "trueup")
    if document.removal_policy == "destroy" and not allow_data_loss:
        raise _wrong(
            "trueup.removal_policy", "is 'destroy', which deletes every label: also pass -c trueup:allow-data-loss=true"
        )
    projects = tuple(_project(each, f"trueup.projects[{index}]") for index, each in enumerate(document.projects))
    _check_together(projects)
    fields = {name: getattr(document, name) for name in document.__struct_fields__ if name != "projects"}
    return DeploymentConfig(
        **fields,
        projects=projects,
        wheels=_option(context, "trueup:wheels", "lambda"),
        nag=_option(context, "trueup:nag", "true") == "true",
    )


def _raw_document(context: Mapping[str, Any]) -> Any:
    path = context.get("trueup:config")
    if path is None:
        if "trueup" not in context:
            raise _wrong("trueup", "is missing from the context: it stands in cdk.json, or in -c trueup:config=FILE")
        return context["trueup"]
    try:
        return json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise _wrong("trueup:config", f"names {path}, which cannot be read: {error}") from error


def _project(raw: Any, where: str) -> Project:
    project = parse_project(raw, where)
    _check(project, PROJECT_KEYS, where)
    return project


def _check(record: Record, keys: Mapping[str, Key], where: str) -> None:
    """Refuse what the table does not allow."""
    for key, what in refusals(record, keys, where):
        raise _wrong(key, what)


def _check_together(projects: tuple[Project, ...]) -> None:
    _check_names(projects)
    _check_queues(projects)
    models = {each.model_id for project in projects for each in project.annotation.models}
    if len(models) > MAX_DIFFERENT_MODELS:
        raise _wrong(
            "trueup.projects",
            f"name {len(models)} different models in annotation.models: use up to {MAX_DIFFERENT_MODELS} in all",
        )


def _check_queues(projects: tuple[Project, ...]) -> None:
    queues = sum(len(project.annotation.queues) for project in projects)
    if queues > MAX_QUEUES:
        raise _wrong("trueup.projects", f"have {queues} queues in annotation.queues: use up to {MAX_QUEUES} in all")


def _check_names(projects: tuple[Project, ...]) -> None:
    """SageMaker compares endpoint names without case; the logical ids of CloudFormation have no hyphens."""
    same: tuple[tuple[str, Callable[[str], str], str], ...] = (
        ("name", lambda name: name.replace("-", ""), "hyphens"),
        ("endpoint_name", str.lower, "case"),
    )
    for key, form, what in same:
        seen: dict[str, int] = {}
        for index, each in enumerate(projects):
            value = getattr(each, key)
            first = seen.setdefault(form(value), index)
            if first != index:
                raise _wrong(
                    f"trueup.projects[{index}].{key}",
                    f"is {value!r}, which trueup.projects[{first}] has too: they must differ, and not in {what} only",
                )


def _option(context: Mapping[str, Any], key: str, default: str) -> Any:
    """A context key that names a choice. `-c` gives texts, cdk.json may give true and false."""
    value, allowed = str(context.get(key, default)).lower(), CONTEXT_KEYS[key].allowed
    if allowed is not None and not allowed.holds(value):
        raise _wrong(key, f"is {value!r}: use {allowed.says}")
    return value


def _wrong(key: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"{key} {what}", field=key)
