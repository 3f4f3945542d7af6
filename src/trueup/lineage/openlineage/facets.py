"""Facets: what is told of a run, a job or a dataset. One record for each that we tell of, as the official schema of
its `SCHEMA` says it (github.com/OpenLineage/OpenLineage, spec/facets), and one of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from trueup.model import Record

# Who says it. A name, not an address: one deployment cannot tell where this source is published.
PRODUCER = "urn:trueup:openlineage"
_SPEC = "https://openlineage.io/spec/facets"
# Names our own facet's schema; schemas/1-0-0/TrueupAnnotationDatasetFacet.json is it. A change is a new version.
ANNOTATION_SCHEMA = "urn:trueup:openlineage:facets:1-0-0:TrueupAnnotationDatasetFacet"
_ANNOTATION = f"{ANNOTATION_SCHEMA}#/$defs/TrueupAnnotationDatasetFacet"
BASE_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet"

Document = dict[str, Any]


class Part(Record, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What lies inside a facet."""


class Facet(Part, frozen=True, kw_only=True):
    """Parent of all facets; `NAME` is the key that it stands under."""

    NAME: ClassVar[str]
    SCHEMA: ClassVar[str]

    def document(self) -> Document:
        fields: Document = msgspec.to_builtins(self)
        return {"_producer": PRODUCER, "_schemaURL": self.SCHEMA, **fields}


def facets(*told: Facet | None) -> dict[str, Document]:
    """By their names; None is left out."""
    return {each.NAME: each.document() for each in told if each is not None}


def _schema(version: str, name: str) -> str:
    return f"{_SPEC}/{version}/{name}.json#/$defs/{name}"


# ---------------------------------------------------------------- of jobs


class Emission(Part, frozen=True, kw_only=True):
    event_trigger: str
    event_content_mode: str


class JobType(Facet, frozen=True, kw_only=True):
    NAME = "jobType"
    SCHEMA = _schema("2-0-4", "JobTypeJobFacet")
    processing_type: str
    integration: str
    job_type: str = ""
    emission_pattern: Emission | None = None


class JobDocumentation(Facet, frozen=True, kw_only=True):
    NAME = "documentation"
    SCHEMA = _schema("1-1-0", "DocumentationJobFacet")
    description: str


# ---------------------------------------------------------------- of runs


class RunName(Part, frozen=True, kw_only=True):
    run_id: str


class JobName(Part, frozen=True, kw_only=True):
    namespace: str
    name: str


class ParentRun(Facet, frozen=True, kw_only=True):
    NAME = "parent"
    SCHEMA = _schema("1-2-0", "ParentRunFacet")
    run: RunName
    job: JobName


class NominalTime(Facet, frozen=True, kw_only=True):
    NAME = "nominalTime"
    SCHEMA = _schema("1-0-1", "NominalTimeRunFacet")
    nominal_start_time: datetime
    nominal_end_time: datetime | None = None


class ErrorMessage(Facet, frozen=True, kw_only=True):
    NAME = "errorMessage"
    SCHEMA = _schema("1-0-1", "ErrorMessageRunFacet")
    message: str
    programming_language: str


class Test(Part, frozen=True, kw_only=True):
    __test__ = False  # not pytest's

    name: str
    status: str
    severity: str
    type: str
    description: str = ""
    expected: str = ""
    actual: str = ""


class Tests(Facet, frozen=True, kw_only=True):
    NAME = "test"
    SCHEMA = _schema("1-0-1", "TestRunFacet")
    tests: Sequence[Test]


class Tag(Part, frozen=True, kw_only=True):
    key: str
    value: str
    source: str


class RunTags(Facet, frozen=True, kw_only=True):
    NAME = "tags"
    SCHEMA = _schema("1-0-0", "TagsRunFacet")
    tags: Sequence[Tag]


def tags_of(named: Mapping[str, str]) -> tuple[Tag, ...]:
    """Those with a value."""
    return tuple(Tag(key=key, value=value, source="TRUEUP") for key, value in named.items() if value)


class LeftOut(Facet, frozen=True, kw_only=True):
    """What an event was too large for: facets by where they stood."""

    NAME = "trueup_leftOut"
    SCHEMA = BASE_SCHEMA
    reason: str
    facets: Sequence[str]


# ---------------------------------------------------------------- of datasets


class Version(Facet, frozen=True, kw_only=True):
    NAME = "version"
    SCHEMA = _schema("1-0-1", "DatasetVersionDatasetFacet")
    dataset_version: str


class Column(Part, frozen=True, kw_only=True, rename={"ordinal": "ordinal_position"}):
    name: str
    type: str
    description: str = ""
    ordinal: int = 0


class Schema(Facet, frozen=True, kw_only=True):
    NAME = "schema"
    SCHEMA = _schema("1-2-0", "SchemaDatasetFacet")
    fields: Sequence[Column]


class DatasetTags(Facet, frozen=True, kw_only=True):
    NAME = "tags"
    SCHEMA = _schema("1-0-0", "TagsDatasetFacet")
    tags: Sequence[Tag]


class DatasetKind(Facet, frozen=True, kw_only=True):
    NAME = "datasetType"
    SCHEMA = _schema("1-0-1", "DatasetTypeDatasetFacet")
    dataset_type: str
    sub_type: str = ""


class DatasetDocumentation(Facet, frozen=True, kw_only=True):
    NAME = "documentation"
    SCHEMA = _schema("1-1-0", "DocumentationDatasetFacet")
    description: str


class DataSource(Facet, frozen=True, kw_only=True):
    NAME = "dataSource"
    SCHEMA = _schema("1-0-1", "DatasourceDatasetFacet")
    name: str
    uri: str


class Lifecycle(Facet, frozen=True, kw_only=True):
    NAME = "lifecycleStateChange"
    SCHEMA = _schema("1-0-1", "LifecycleStateChangeDatasetFacet")
    lifecycle_state_change: str


class Identifier(Part, frozen=True, kw_only=True):
    namespace: str
    name: str
    type: str


class Symlinks(Facet, frozen=True, kw_only=True):
    NAME = "symlinks"
    SCHEMA = _schema("1-0-1", "SymlinksDatasetFacet")
    identifiers: Sequence[Identifier]


class Transformation(Part, frozen=True, kw_only=True):
    type: str
    subtype: str
    description: str = ""
    masking: bool = False


class InputField(Part, frozen=True, kw_only=True):
    namespace: str
    name: str
    field: str
    transformations: Sequence[Transformation]


class FieldLineage(Part, frozen=True, kw_only=True):
    input_fields: Sequence[InputField]


class ColumnLineage(Facet, frozen=True, kw_only=True):
    """`dataset` is what bears on which rows there are."""

    NAME = "columnLineage"
    SCHEMA = _schema("1-2-0", "ColumnLineageDatasetFacet")
    fields: Mapping[str, FieldLineage]
    dataset: Sequence[InputField] = ()


class ColumnMetrics(Part, frozen=True, kw_only=True):
    count: float
    null_count: int | None = None
    distinct_count: int | None = None
    sum: float | None = None


class QualityMetrics(Facet, frozen=True, kw_only=True):
    """Of a dataset that is written."""

    NAME = "dataQualityMetrics"
    SCHEMA = _schema("1-0-0", "DataQualityMetricsDatasetFacet")
    column_metrics: Mapping[str, ColumnMetrics]
    row_count: int
    bytes: int
    file_count: int
    last_updated: datetime


class InputQualityMetrics(QualityMetrics, frozen=True, kw_only=True):
    """Of one that is read."""

    SCHEMA = _schema("1-0-3", "DataQualityMetricsInputDatasetFacet")


class OutputStatistics(Facet, frozen=True, kw_only=True):
    NAME = "outputStatistics"
    SCHEMA = _schema("1-0-2", "OutputStatisticsOutputDatasetFacet")
    row_count: int
    size: int
    file_count: int


# ---------------------------------------------------------------- our own


class AskedBy(Part, frozen=True, kw_only=True):
    """How many of the labels that a version changed a selection strategy asked for, and between which propensities."""

    strategy: str
    labels: int
    min_propensity: float | None = None
    max_propensity: float | None = None


class Answers(Part, frozen=True, kw_only=True):
    """What is known of all of a project's answers, by its newest quality report."""

    measured_at: datetime
    annotators: int
    gold_answers: int
    agreement: float | None = None
    agreement_low: float | None = None
    agreement_high: float | None = None
    gold_accuracy: float | None = None


class AnnotationFacet(Facet, frozen=True, kw_only=True):
    """How the labels of a dataset version came about. `overlap` people are asked about a sample, up to
    `max_overlap`. `complete` is False where some of what was asked for could not be read, or names were left out."""

    NAME = "trueup_annotation"
    SCHEMA = _ANNOTATION
    label_kind: str
    schema_version: str
    labels: Mapping[str, int]
    splits: Mapping[str, int]
    mean_agreement: float
    consensus_method: str
    overlap: int
    max_overlap: int
    added: int
    relabelled: int
    asked_by: Sequence[AskedBy]
    complete: bool
    answers: Answers | None = None


def annotation_schema() -> Document:
    """The published schema of AnnotationFacet."""
    path = Path(__file__).with_name("schemas") / "1-0-0" / "TrueupAnnotationDatasetFacet.json"
    found: Document = msgspec.json.decode(path.read_bytes())
    return found
