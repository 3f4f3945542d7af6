"""Typed settings: one frozen class per Lambda, to and from environment variables, and the projects document.

infra renders settings to the environment and projects to a JSON document in each function's package; the
function parses both back. The name of a variable exists once: TRUEUP_<FIELD IN CAPITALS>.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Self, TypeVar, Union, get_args, get_origin

import msgspec

from trueup.errors import ConfigurationError
from trueup.model import LabelSchema, SplitPolicy
from trueup.model import Project as Project  # infra takes them from here
from trueup.model import Record as Record
from trueup.model import lane_of as lane_of

PREFIX = "TRUEUP_"
# Where Athena leaves its answers in the dataset bucket, of all projects.
ATHENA_ANSWERS = "athena/"
_TYPES = re.compile(r"Expected `(?P<expected>[^`]+)`, got `(?P<got>[^`]+)`")
_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
}
T = TypeVar("T", bound=Record)


def copies_of(project: str) -> str:
    """Where the copies of a project's segments lie in the dataset bucket: a partition, as Athena wants it."""
    return f"tables/lines/project={project}/"


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
    captures_bucket: str
    dataset_bucket: str
    annotation_queue_urls: dict[str, str]
    projects_file: str = "projects.json"


class CaptureTranslateSettings(Settings, frozen=True, kw_only=True):
    """`queue_url` is the function's own queue, onto which the objects of a manifest go one by one."""

    table_name: str
    captures_bucket: str
    queue_url: str
    projects_file: str = "projects.json"


class FeedbackJoinSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    captures_bucket: str
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


class TableCopySettings(Settings, frozen=True, kw_only=True):
    table_name: str
    dataset_bucket: str


class QualityReportSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    projects_file: str = "projects.json"


class DatasetCommitSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    dataset_bucket: str
    projects_file: str = "projects.json"


class DatasetCollectSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    dataset_bucket: str
    projects_file: str = "projects.json"


class RetrainDecideSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    dataset_bucket: str
    retraining_machine_arn: str
    projects_file: str = "projects.json"


class VersionPartSettings(Settings, frozen=True, kw_only=True):
    """`part_rows` is about how many samples one worker takes."""

    table_name: str
    dataset_bucket: str
    part_rows: int = 250_000
    projects_file: str = "projects.json"


class VersionFreezeSettings(Settings, frozen=True, kw_only=True):
    """`code_uri` is the S3 URI of sourcedir.tar.gz; `image_uri` is the training and serving image where a project
    names none."""

    table_name: str
    dataset_bucket: str
    key_arn: str
    sagemaker_role_arn: str
    code_uri: str
    image_uri: str
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
    rollback_alarms: dict[str, list[str]]
    projects_file: str = "projects.json"


class ModelAnnotateSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    dataset_bucket: str
    annotation_queue_urls: dict[str, str]
    projects_file: str = "projects.json"


class BackendSyncSettings(Settings, frozen=True, kw_only=True):
    """`labeling_topics` is what the ARNs of projects' labeling topics begin with, before the project's name;
    `labeling_functions` are the ARNs of `prepare` and `gather`, where a project has a kind without a built-in task."""

    table_name: str
    dataset_bucket: str
    key_arn: str
    labeling_role_arn: str
    labeling_topics: str
    labeling_functions: dict[str, str]
    api_id: str
    projects_file: str = "projects.json"


class HintReceiveSettings(Settings, frozen=True, kw_only=True):
    sync_queue_url: str
    projects_file: str = "projects.json"


class LineageEmitSettings(Settings, frozen=True, kw_only=True):
    """`sagemaker_arns` is what the ARNs of this account and Region in SageMaker begin with."""

    table_name: str
    dataset_bucket: str
    captures_bucket: str
    bus_name: str
    sagemaker_arns: str
    projects_file: str = "projects.json"


class LabelingPrepareSettings(Settings, frozen=True, kw_only=True):
    """None of its own."""


class LabelingGatherSettings(Settings, frozen=True, kw_only=True):
    dataset_bucket: str


FUNCTION_SETTINGS: dict[str, type[Settings]] = {
    "capture_ingest": CaptureIngestSettings,
    "capture_translate": CaptureTranslateSettings,
    "feedback_join": FeedbackJoinSettings,
    "event_publish": EventPublishSettings,
    "annotation_api": AnnotationApiSettings,
    "consensus_settle": ConsensusSettleSettings,
    "quality_report": QualityReportSettings,
    "table_copy": TableCopySettings,
    "dataset_commit": DatasetCommitSettings,
    "dataset_collect": DatasetCollectSettings,
    "retrain_decide": RetrainDecideSettings,
    "version_freeze": VersionFreezeSettings,
    "version_part": VersionPartSettings,
    "candidate_evaluate": CandidateEvaluateSettings,
    "retraining_conclude": RetrainingConcludeSettings,
    "model_promote": ModelPromoteSettings,
    "backend_sync": BackendSyncSettings,
    "hint_receive": HintReceiveSettings,
    "model_annotate": ModelAnnotateSettings,
    "labeling_prepare": LabelingPrepareSettings,
    "labeling_gather": LabelingGatherSettings,
    "lineage_emit": LineageEmitSettings,
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
    backfill_machine_arn: str
    bulk_machine_arn: str
    sagemaker_role_arn: str
    code_uri: str
    image_uri: str
    topic_arn: str
    dashboard: str
    database: str
    workgroup: str
    projects: tuple[str, ...]
    signing_key_arn: str = ""


class DeployedProject(Record, frozen=True, kw_only=True):
    """Where one project is: the JSON in the SSM parameter /trueup/<stage>/projects/<name>. `queues` and `dlqs` are
    those of the queues beside its own, by name."""

    name: str
    endpoint_name: str
    annotation_queue_url: str
    annotation_dlq_url: str
    queues: Mapping[str, str] = {}
    dlqs: Mapping[str, str] = {}
    model_package_group: str
    capture_uri: str


def deployment_parameter(stage: str) -> str:
    return f"/trueup/{stage}/deployment"


def project_parameter(stage: str, project: str) -> str:
    return f"/trueup/{stage}/projects/{project}"


def model_package_group(stage: str, project: str) -> str:
    """The name of a project's group in the model registry."""
    return f"trueup-{stage}-{project}"


def lineage_namespace(stage: str, project: Project) -> str:
    """The OpenLineage namespace of a project's jobs."""
    sink = project.lineage.openlineage
    return (sink.namespace if sink else None) or f"trueup://{stage}"


def labeling_topic(stage: str, project: str = "") -> str:
    """The name of the topic by which a project's tasks flow to a labeling service."""
    return f"trueup-{stage}-labeling-{project}"


def load_projects(path: Path) -> dict[str, Project]:
    """Read the projects document that infra put into the package."""
    return {each.name: each for each in msgspec.json.decode(path.read_bytes(), type=list[Project])}


def render_projects(projects: list[Project]) -> bytes:
    """The projects document; equal projects give equal bytes."""
    return msgspec.json.encode(sorted(projects, key=lambda each: each.name), order="deterministic")


def parse_project(raw: Mapping[str, Any], where: str) -> Project:
    """One project from configuration. `where` is the path of the key, as in "trueup.projects[0]".

    Unknown keys, wrong types, and keys that contradict each other are refused here; what each key may hold for
    itself is in infra/keys.py and trueup.policy_keys. Raises ConfigurationError whose message names the key.
    """
    project = parse_record(raw, Project, where)
    for key, holds, message in _agreements(project):
        if not holds:
            raise ConfigurationError(f"{where}.{key} {message}", field=f"{where}.{key}")
    return project


def parse_record(raw: Any, kind: type[T], where: str) -> T:
    """A record of configuration, in which a typing error must not pass in silence: msgspec forgives unknown keys.

    Raises ConfigurationError naming the key that is unknown, missing or of the wrong type.
    """
    _refuse_unknown(raw, kind, where)
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        key = f"{where}{path.rstrip('`')}"
        raise ConfigurationError(f"{key}{_told(text)}", field=key) from error


def _told(text: str) -> str:
    """msgspec's sentence about types, in the words of the configuration."""
    types = _TYPES.fullmatch(text)
    if types is None:
        return f": {text}"
    expected = " or ".join(_NAMES.get(each, each) for each in types["expected"].split(" | "))
    return f" is {_NAMES.get(types['got'], types['got'])}: use {expected}"


def _refuse_unknown(raw: Any, kind: Any, where: str) -> None:
    """Unknown keys at any depth, those of list elements and of optional records too."""
    record = record_of(kind)
    if record is None:
        return
    if isinstance(raw, Sequence) and not isinstance(raw, str):
        for index, each in enumerate(raw):
            _refuse_unknown(each, record, f"{where}[{index}]")
    if not isinstance(raw, Mapping):
        return
    fields = _fields_of(record)
    for key, value in raw.items():
        if key not in fields:
            known = ", ".join(sorted(fields))
            raise ConfigurationError(f"{where}.{key} is not a known key; known are: {known}", field=f"{where}.{key}")
        _refuse_unknown(value, fields[key], f"{where}.{key}")


@functools.cache
def _fields_of(record: type[Record]) -> Mapping[str, Any]:
    """Their types by name; msgspec reads annotations anew each time."""
    return {field.name: field.type for field in msgspec.structs.fields(record)}


def record_of(kind: Any) -> type[Record] | None:
    """The record that a field holds: itself, or one of it, or a tuple of them."""
    if isinstance(kind, type) and issubclass(kind, Record):
        return kind
    if get_origin(kind) in (tuple, Union, UnionType):
        return next((found for each in get_args(kind) if (found := record_of(each))), None)
    return None


def _agreements(project: Project) -> Iterator[tuple[str, bool, str]]:
    """What keys of a project say about each other: the key, whether it agrees, and what is wrong when not."""
    consensus, commit = project.consensus, project.commit
    yield from _schema_agreements(project)
    yield (
        "consensus.max_overlap",
        not consensus.max_overlap < consensus.overlap,
        f"is {consensus.max_overlap}: it must not be below consensus.overlap, which is {consensus.overlap}",
    )
    yield (
        "commit.test_share",
        not commit.test_share + commit.validation_share >= 1,
        f"is {commit.test_share}: with commit.validation_share, which is {commit.validation_share}, it must leave "
        "something for training",
    )
    yield from _split_agreements(commit.splits)
    policy = project.selection
    yield (
        "selection.answer",
        policy.answer is None or policy.decoder is None,
        f"is there beside selection.decoder, which is {policy.decoder!r}: answers are read in one way",
    )
    yield (
        "sources.buckets",
        not project.sources.on or bool(project.sources.buckets),
        "is empty: name the buckets that inputs and outputs lie in, which nothing else may be read from",
    )
    models = project.annotation.models
    yield (
        "annotation.models",
        not models or consensus.overlap > 1,
        f"holds {len(models)} where consensus.overlap is 1: a model would decide alone, so let two answer",
    )
    yield (
        "annotation.models",
        not models or project.backend == "queue",
        f"is set, but backend is {project.backend!r}: models take tasks from the queue",
    )
    yield from _queue_agreements(project)
    names = [each.name for each in models]
    twice = next((each for index, each in enumerate(names) if each in names[:index]), None)
    yield "annotation.models[].name", twice is None, f"is {twice!r} twice: each model has its own"
    kind = project.label_schema.kind
    yield (
        "annotation.models",
        not models or kind in ("classification", "preference"),
        f"is set, but label_schema.kind is {kind!r}: models answer what is a class or a preference",
    )
    yield from _backend_agreements(project)
    yield from _lineage_agreements(project)
    yield (
        "triggers.action",
        kind == "classification" or project.triggers.action == "notify",
        f"is 'retrain', but label_schema.kind is {kind!r}: the gate compares classes, so use notify and train yourself",
    )


def _lineage_agreements(project: Project) -> Iterator[tuple[str, bool, str]]:
    sink = project.lineage.openlineage
    if sink is None:
        return
    over_http = sink.transport == "http"
    yield "lineage.openlineage.url", not (over_http and not sink.url), "is missing: transport http needs one"
    for key, value in (("url", sink.url), ("secret", sink.secret)):
        yield (
            f"lineage.openlineage.{key}",
            over_http or value is None,
            "is set, but transport is 'eventbridge', which goes to trueup's own bus",
        )


def _split_agreements(splits: SplitPolicy) -> Iterator[tuple[str, bool, str]]:
    by_time = splits.method == "time"
    yield (
        "commit.splits.method",
        not by_time or (splits.test_from is None) != (splits.test_days is None),
        "is 'time': say when the test begins, with one of commit.splits.test_from and commit.splits.test_days",
    )
    for name in ("test_from", "validation_from", "test_days", "validation_days"):
        value = getattr(splits, name)
        yield (
            f"commit.splits.{name}",
            by_time or value is None,
            f"is {value!r}, but commit.splits.method is {splits.method!r}: it belongs to the method time",
        )
    yield (
        "commit.splits.validation_from",
        splits.validation_from is None or splits.validation_days is None,
        f"is {splits.validation_from!r} beside commit.splits.validation_days: use one of them",
    )
    yield (
        "commit.splits.validation_from",
        not (splits.validation_from and splits.test_from) or splits.validation_from <= splits.test_from,
        f"is {splits.validation_from}, after commit.splits.test_from, which is {splits.test_from}",
    )


def _backend_agreements(project: Project) -> Iterator[tuple[str, bool, str]]:
    """Settings of a backend may be there without it: its batches are called back."""
    kind, media = project.label_schema.kind, project.label_schema.media
    ground_truth, studio = project.backend == "ground_truth", project.backend == "label_studio"
    yield (
        "backend",
        not ground_truth or media in _GROUND_TRUTH_MEDIA,
        f"is 'ground_truth', which has no task for {media} samples: use another backend",
    )
    yield (
        "ground_truth",
        not ground_truth or project.ground_truth is not None,
        "is missing: backend ground_truth needs a workteam_arn",
    )
    yield (
        "label_studio",
        not studio or project.label_studio is not None,
        "is missing: backend label_studio needs a url and a secret",
    )
    yield (
        "backend",
        not (studio and kind == "rating" and project.label_schema.scale.low != 1),
        "is 'label_studio', whose ratings are stars: use a label_schema.scale that begins at 1, or backend queue",
    )


def _queue_agreements(project: Project) -> Iterator[tuple[str, bool, str]]:
    queues = project.annotation.queues
    names = [each.name for each in queues]
    twice = next((each for index, each in enumerate(names) if each in names[:index]), None)
    yield "annotation.queues[].name", twice is None, f"is {twice!r} twice: each queue has its own"
    open_ones = [each.name for each in queues if not (each.slices or each.classes or each.reasons)]
    yield (
        "annotation.queues",
        not open_ones,
        f"holds {open_ones[0] if open_ones else ''!r}, which wants nothing: give it slices, classes or reasons",
    )
    sliced = next((each.name for each in queues if each.slices and project.selection.slice_by is None), None)
    yield (
        "annotation.queues",
        sliced is None,
        f"holds {sliced!r} with slices, but selection.slice_by is null: nothing has a slice",
    )
    yield (
        "annotation.queues",
        not queues or project.backend == "queue",
        f"is set, but backend is {project.backend!r}: queues are the workbench's",
    )


# What the page can show, where it is not everything.
_MEDIA: dict[str, tuple[str, ...]] = {
    "boxes": ("image",),
    "polygons": ("image",),
    "mask": ("image",),
    "spans": ("text",),
    "preference": ("text",),
}
# What Ground Truth's pages show.
_GROUND_TRUTH_MEDIA = ("image", "text")
# Kinds that Ground Truth has no built-in task for: pages of ours show them.
LABELING_PAGES = ("polygons", "text", "rating", "preference")
_WITHOUT_CLASSES = ("text", "rating", "preference")


def _schema_agreements(project: Project) -> Iterator[tuple[str, bool, str]]:
    schema = project.label_schema
    for key, named in (("classes", schema.classes), ("relations", schema.relations)):
        for part, values in (
            ("name", [each.name for each in named]),
            ("key", [each.key.lower() for each in named if each.key]),
        ):
            twice = next((each for index, each in enumerate(values) if each in values[:index]), None)
            yield f"label_schema.{key}[].{part}", twice is None, f"is {twice!r} twice: each has its own"
    kind, media = schema.kind, _MEDIA.get(schema.kind, (schema.media,))
    bare = kind in _WITHOUT_CLASSES
    yield (
        "label_schema.classes",
        not (bare and schema.classes),
        f"is set, but label_schema.kind is {kind!r}, which has none",
    )
    least = 2 if kind == "classification" else 1
    yield (
        "label_schema.classes",
        bare or len(schema.classes) >= least,
        f"is a list of {len(schema.classes)}: label_schema.kind {kind!r} needs at least {least}",
    )
    yield (
        "label_schema.media",
        schema.media in media,
        f"is {schema.media!r}, but label_schema.kind is {kind!r}: use {' or '.join(media)}",
    )
    yield (
        "label_schema.relations",
        not schema.relations or kind == "spans",
        f"is set, but label_schema.kind is {kind!r}: relations lie between spans",
    )
    yield from _name_agreements(schema)
    yield from _asking_agreements(schema)
    yield (
        "label_schema.scale",
        schema.scale.low < schema.scale.high,
        f"reaches from {schema.scale.low} to {schema.scale.high}: the high end must lie above the low one",
    )


def _asking_agreements(schema: LabelSchema) -> Iterator[tuple[str, bool, str]]:
    """Of classes that people are asked about anew: they are no classes, nor renamed, and what one was split into is."""
    for key, names in (("split", tuple(schema.split)), ("removed", schema.removed)):
        alive = next((each for each in names if each in schema.names), None)
        yield (
            f"label_schema.{key}",
            alive is None,
            f"holds {alive!r}, which is a class of label_schema.classes",
        )
        twice = next((each for each in names if each in schema.renamed), None)
        yield (
            f"label_schema.{key}",
            twice is None,
            f"holds {twice!r}, which label_schema.renamed holds too",
        )
    both = next((each for each in schema.removed if each in schema.split), None)
    yield "label_schema.removed", both is None, f"holds {both!r}, which label_schema.split holds too"
    lost = next((each for parts in schema.split.values() for each in parts if each not in schema.names), None)
    yield "label_schema.split", lost is None, f"leads to {lost!r}, which is no class of label_schema.classes"


def _name_agreements(schema: LabelSchema) -> Iterator[tuple[str, bool, str]]:
    """That old names lead to today's, and no old one is one of these, leaves no chain of them either."""
    today = (*schema.names, *schema.relation_names)
    alive = next((each for each in schema.renamed if each in today), None)
    yield (
        "label_schema.renamed",
        alive is None,
        f"holds {alive!r} as a name of before, which a class or relation has today",
    )
    lost = next((each for each in schema.renamed.values() if each not in today), None)
    yield (
        "label_schema.renamed",
        lost is None,
        f"leads to {lost!r}, which no class or relation is called; there are: {', '.join(today) or 'none'}",
    )
