"""Typed settings: one frozen class per Lambda, to and from environment variables, and the projects document.

infra renders settings to the environment and projects to a JSON document in each function's package; the
function parses both back. The name of a variable exists once: TRUEUP_<FIELD IN CAPITALS>.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from trueup.errors import ConfigurationError
from trueup.model import Project as Project  # infra takes it from here
from trueup.model import Record

PREFIX = "TRUEUP_"
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_PROJECT_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Settings(Record, frozen=True, kw_only=True):
    """Parent of all settings. Strings go as they are, everything else as JSON."""

    stage: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Raises ConfigurationError naming the variable that is missing or wrong."""
        raw: dict[str, Any] = {}
        for field in msgspec.structs.fields(cls):
            name = PREFIX + field.name.upper()
            if name in environ:
                raw[field.encode_name] = _read(environ[name], field.type, name)
            elif field.required:
                raise ConfigurationError(f"environment variable {name} is not set", field=name)
        try:
            return msgspec.convert(raw, cls)
        except msgspec.ValidationError as error:
            raise ConfigurationError(f"settings of {cls.__name__}: {error}") from error

    def to_env(self) -> dict[str, str]:
        """Environment variables that `from_env` reads back to an equal object."""
        return {
            PREFIX + field.name.upper(): _write(getattr(self, field.name)) for field in msgspec.structs.fields(self)
        }


def _read(text: str, kind: Any, name: str) -> Any:
    if kind is str:
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"environment variable {name} is not JSON: {error}", field=name) from error


def _write(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, order="deterministic").decode()


class CaptureIngestSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    dataset_bucket: str
    annotation_queue_urls: dict[str, str]
    projects_file: str = "projects.json"


class EventPublishSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    bus_name: str


class AnnotationApiSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    dataset_bucket: str
    annotation_queue_urls: dict[str, str]
    presign_seconds: int = 900
    projects_file: str = "projects.json"


class ConsensusSettleSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    annotation_queue_urls: dict[str, str]
    projects_file: str = "projects.json"


class DatasetCommitSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    dataset_bucket: str
    projects_file: str = "projects.json"


class RetrainDecideSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    dataset_bucket: str
    retraining_machine_arn: str
    projects_file: str = "projects.json"


class VersionFreezeSettings(Settings, frozen=True, kw_only=True):
    """`model_package_groups` maps project to group name; `code_uri` is the S3 URI of sourcedir.tar.gz;
    `image_uri` is the training and serving image where a project names none."""

    table_name: str
    dataset_bucket: str
    key_arn: str
    sagemaker_role_arn: str
    code_uri: str
    image_uri: str
    model_package_groups: dict[str, str]
    projects_file: str = "projects.json"


class CandidateEvaluateSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    dataset_bucket: str
    projects_file: str = "projects.json"


class RetrainingConcludeSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    dataset_bucket: str
    projects_file: str = "projects.json"


class ModelPromoteSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    dataset_bucket: str
    captures_bucket: str
    key_arn: str
    sagemaker_role_arn: str
    promotion_machine_arn: str
    model_package_groups: dict[str, str]
    rollback_alarms: dict[str, list[str]]
    projects_file: str = "projects.json"


class BackendSyncSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    dataset_bucket: str
    key_arn: str
    labeling_role_arn: str
    annotation_queue_urls: dict[str, str]
    projects_file: str = "projects.json"


FUNCTION_SETTINGS: dict[str, type[Settings]] = {
    "capture_ingest": CaptureIngestSettings,
    "event_publish": EventPublishSettings,
    "annotation_api": AnnotationApiSettings,
    "consensus_settle": ConsensusSettleSettings,
    "dataset_commit": DatasetCommitSettings,
    "retrain_decide": RetrainDecideSettings,
    "version_freeze": VersionFreezeSettings,
    "candidate_evaluate": CandidateEvaluateSettings,
    "retraining_conclude": RetrainingConcludeSettings,
    "model_promote": ModelPromoteSettings,
    "backend_sync": BackendSyncSettings,
}


class Deployment(Record, frozen=True, kw_only=True):
    """Where everything is: the JSON in the SSM parameter /trueup/<stage>/deployment, for the CLI."""

    stage: str
    region: str
    table: str
    captures_bucket: str
    dataset_bucket: str
    bus: str
    key_arn: str
    api_url: str
    workbench_url: str
    workbench_bucket: str
    workbench_headers: dict[str, str]
    user_pool_id: str
    user_pool_client_id: str
    queues: dict[str, str]
    dlqs: dict[str, str]
    retraining_machine_arn: str
    promotion_machine_arn: str
    sagemaker_role_arn: str
    code_uri: str
    image_uri: str
    topic_arn: str
    dashboard: str
    projects: tuple[str, ...]


class DeployedProject(Record, frozen=True, kw_only=True):
    """Where one project is: the JSON in the SSM parameter /trueup/<stage>/projects/<name>."""

    name: str
    endpoint_name: str
    annotation_queue_url: str
    annotation_dlq_url: str
    model_package_group: str
    capture_uri: str


def deployment_parameter(stage: str) -> str:
    return f"/trueup/{stage}/deployment"


def project_parameter(stage: str, project: str) -> str:
    return f"/trueup/{stage}/projects/{project}"


def load_projects(path: Path) -> dict[str, Project]:
    """Read the projects document that infra put into the package."""
    return {each.name: each for each in msgspec.json.decode(path.read_bytes(), type=list[Project])}


def render_projects(projects: list[Project]) -> bytes:
    """The projects document; equal projects give equal bytes."""
    return msgspec.json.encode(sorted(projects, key=lambda each: each.name), order="deterministic")


def parse_project(raw: Mapping[str, Any], where: str) -> Project:
    """One project from configuration. `where` is the path of the key, as in "trueup.projects[0]".

    Raises ConfigurationError whose message names the key, what it held and what it may hold.
    """
    _refuse_unknown(raw, Project, where)
    try:
        project = msgspec.convert(raw, Project)
    except msgspec.ValidationError as error:
        raise ConfigurationError(_with_path(where, str(error)), field=where) from error
    for key, holds, message in _project_rules(project):
        if not holds:
            raise ConfigurationError(f"{where}.{key} {message}", field=f"{where}.{key}")
    return project


def _refuse_unknown(raw: Any, kind: Any, where: str) -> None:
    """msgspec forgives unknown keys; a typing error in a configuration must not pass in silence."""
    if not isinstance(raw, Mapping):
        return
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in raw.items():
        if key not in fields:
            known = ", ".join(sorted(fields))
            raise ConfigurationError(f"{where}.{key} is not a known key; known are: {known}", field=f"{where}.{key}")
        if isinstance(fields[key], type) and issubclass(fields[key], msgspec.Struct):
            _refuse_unknown(value, fields[key], f"{where}.{key}")


def _with_path(where: str, message: str) -> str:
    text, _, path = message.partition(" - at `$")
    return f"{where}{path.rstrip('`')}: {text}" if path else f"{where}: {text}"


def _project_rules(project: Project) -> list[tuple[str, bool, str]]:
    selection, consensus, commit = project.selection, project.consensus, project.commit
    names = project.label_schema.names
    return [
        (
            "name",
            bool(_PROJECT_NAME.fullmatch(project.name)) and len(project.name) <= 32,
            f"is {project.name!r}: use up to 32 small letters, digits and inner hyphens, a letter first",
        ),
        (
            "endpoint_name",
            bool(_NAME.fullmatch(project.endpoint_name)),
            f"is {project.endpoint_name!r}: SageMaker endpoint names hold up to 63 letters, digits and inner hyphens",
        ),
        ("label_schema.classes", len(names) >= 2, "needs at least two classes"),
        ("label_schema.classes", len(set(names)) == len(names), "holds a class name twice"),
        (
            "label_schema.classes",
            all(0 < len(each) <= 256 for each in names),
            "holds a name not of 1 to 256 characters",
        ),
        ("selection.rate", 0 < selection.rate <= 1, f"is {selection.rate}: it must be above 0 and at most 1"),
        (
            "selection.audit_share",
            0 <= selection.audit_share <= 1,
            f"is {selection.audit_share}: it must lie between 0 and 1",
        ),
        ("selection.budget.per_day", selection.budget.per_day >= 0, "must not be negative"),
        (
            "consensus.overlap",
            1 <= consensus.overlap <= 9,
            f"is {consensus.overlap}: it must lie between 1 and 9",
        ),
        (
            "consensus.max_overlap",
            consensus.overlap <= consensus.max_overlap <= 15,
            f"is {consensus.max_overlap}: it must lie between consensus.overlap and 15",
        ),
        ("consensus.target", 0.5 <= consensus.target < 1, f"is {consensus.target}: it must lie in [0.5, 1)"),
        (
            "consensus.lease_seconds",
            30 <= consensus.lease_seconds <= 43200,
            f"is {consensus.lease_seconds}: SQS holds a message for 30 to 43200 seconds",
        ),
        (
            "commit.test_share",
            0 < commit.test_share < 1 and commit.test_share + commit.validation_share < 1,
            "and commit.validation_share must leave something for training",
        ),
        ("commit.batch", commit.batch >= 1, "must be at least 1"),
        ("gate.confidence", 0.5 <= project.gate.confidence < 1, "must lie in [0.5, 1)"),
        (
            "training.canary.percent",
            1 <= project.training.canary.percent <= 50,
            f"is {project.training.canary.percent}: SageMaker allows a canary of 1 to 50 percent",
        ),
        (
            "training.canary.wait_seconds",
            0 <= project.training.canary.wait_seconds <= 3600,
            "must lie between 0 and 3600",
        ),
        (
            "ground_truth",
            project.backend != "ground_truth" or project.ground_truth is not None,
            "is missing: backend ground_truth needs a workteam_arn",
        ),
    ]
