"""The datasets of a project: what they are called, which columns they have, and what came from where.

Names follow OpenLineage's naming (spec/Naming.md): what lies in S3 has its bucket as namespace; what SageMaker holds
is named by its ARN, cut as OpenLineage cuts those of AWS Glue. Annotations lie in a table of trueup's own, so that
their namespace is that of the jobs.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from datetime import datetime

import msgspec

from trueup.lineage.facts import AnswerFacts, Brought, VersionFacts
from trueup.lineage.openlineage.events import Dataset
from trueup.lineage.openlineage.facets import (
    AnnotationFacet,
    Answers,
    AskedBy,
    Column,
    ColumnLineage,
    ColumnMetrics,
    DatasetDocumentation,
    DatasetKind,
    DatasetTags,
    DataSource,
    Facet,
    FieldLineage,
    Identifier,
    InputField,
    InputQualityMetrics,
    Lifecycle,
    OutputStatistics,
    QualityMetrics,
    Schema,
    Symlinks,
    Transformation,
    Version,
    facets,
    tags_of,
)
from trueup.lineage.whereabouts import Whereabouts
from trueup.model import LabelledSample, Project

# A class's name may have 256 characters, and a version as many classes as were ever labelled.
_MOST_CLASSES = 200
_TYPES: Mapping[object, str] = {str: "string", float: "double", int: "long", datetime: "timestamp"}
_CAPTURE_COLUMNS = (
    ("event_id", "string", "The event id that SageMaker gave the request."),
    ("inference_time", "timestamp", ""),
    ("input", "binary", "What was sent to the endpoint."),
    ("prediction", "string", "What the endpoint answered."),
)
_ANNOTATION_COLUMNS = (
    ("annotation_id", "string", ""),
    ("sample_id", "string", "SHA-256 of the input."),
    ("annotator", "string", "Who answered."),
    ("label", "string", "What they answered."),
    ("submitted_at", "timestamp", ""),
)


def captures(place: Whereabouts) -> Dataset:
    """What the endpoint's data capture writes."""
    bucket = f"s3://{place.captures_bucket}"
    return Dataset(
        namespace=bucket,
        name=f"{place.name}/{place.project.endpoint_name}",
        facets=facets(
            DatasetKind(dataset_type="FILE", sub_type="SAGEMAKER_DATA_CAPTURE"),
            DataSource(name=bucket, uri=bucket),
            Schema(fields=_columns(_CAPTURE_COLUMNS)),
        ),
    )


def answered(place: Whereabouts) -> Dataset:
    """What annotators answered, as far as it is about captures of this project."""
    asked = captures(place)
    fields = {
        "sample_id": _from(asked, "input", "DIRECT", "TRANSFORMATION", "SHA-256 of the input", masking=True),
        "label": _from(asked, "input", "DIRECT", "TRANSFORMATION", "people answer what they see"),
    }
    chosen = _field(asked, "prediction", "INDIRECT", "FILTER", "selection asks about few predictions")
    return Dataset(
        namespace=place.namespace,
        name=f"{place.name}.annotations",
        facets=facets(
            DatasetKind(dataset_type="TABLE", sub_type="ANNOTATIONS"),
            Schema(fields=_columns(_ANNOTATION_COLUMNS)),
            ColumnLineage(fields=fields, dataset=(chosen,)),
        ),
    )


def version_read(place: Whereabouts, facts: VersionFacts, splits: tuple[str, ...]) -> Dataset:
    """A dataset version as the input of a run that reads some of its splits, by the manifests that name these."""
    manifests = tuple(
        Identifier(
            namespace=f"s3://{place.dataset_bucket}",
            name=place.manifest(facts.version_id, split).removeprefix(f"s3://{place.dataset_bucket}/"),
            type="LOCATION",
        )
        for split in splits
        if facts.splits.get(split)
    )
    rows = sum(facts.splits.get(each, 0) for each in splits)
    return Dataset(
        namespace=f"s3://{place.dataset_bucket}",
        name=f"{place.name}/segments",
        facets=facets(*_identity(place, facts), _symlinks(place, manifests)),
        input_facets=facets(InputQualityMetrics(**_metrics(facts, rows))),
    )


def version_written(place: Whereabouts, facts: VersionFacts, brought: Brought, answers: AnswerFacts | None) -> Dataset:
    """A dataset version as the output of the run that committed it."""
    return Dataset(
        namespace=f"s3://{place.dataset_bucket}",
        name=f"{place.name}/segments",
        facets=facets(
            *_identity(place, facts),
            _symlinks(place),
            Lifecycle(lifecycle_state_change="ALTER" if facts.parent else "CREATE"),
            DatasetDocumentation(description=f"{_title(place)}: version {facts.number}, {facts.reason}"),
            QualityMetrics(**_metrics(facts, facts.samples)),
            _label_lineage(place) if brought.asked else None,
            annotation_facet(place.project, facts, brought, answers),
        ),
        output_facets=facets(
            OutputStatistics(row_count=facts.added + facts.relabelled, size=facts.new_bytes, file_count=facts.new_files)
        ),
    )


def annotation_facet(
    project: Project, facts: VersionFacts, brought: Brought, answers: AnswerFacts | None
) -> AnnotationFacet:
    most = sorted(facts.labels.items(), key=lambda each: (-each[1], each[0]))[:_MOST_CLASSES]
    asked = [
        AskedBy(
            strategy=each.name,
            labels=each.labels,
            min_propensity=each.min_propensity,
            max_propensity=each.max_propensity,
        )
        for each in brought.strategies
    ]
    return AnnotationFacet(
        label_kind=project.label_schema.kind,
        schema_version=facts.schema_version,
        labels=dict(sorted(most)),
        splits=dict(facts.splits),
        mean_agreement=facts.agreement,
        consensus_method=project.consensus.method,
        overlap=project.consensus.overlap,
        max_overlap=project.consensus.max_overlap,
        added=facts.added,
        relabelled=facts.relabelled,
        asked_by=asked,
        complete=brought.whole and len(most) == len(facts.labels),
        answers=_answers(answers) if answers else None,
    )


def stored(uri: str, kind: str, sub_type: str = "") -> Dataset:
    """An object of S3, or of SageMaker by its ARN."""
    namespace, name = split_uri(uri)
    return Dataset(namespace=namespace, name=name, facets=facets(DatasetKind(dataset_type=kind, sub_type=sub_type)))


def split_uri(uri: str) -> tuple[str, str]:
    """Namespace and name of s3://bucket/key, or of arn:aws:service:region:account:rest."""
    if uri.startswith("arn:"):
        namespace, _, name = uri.rpartition(":")
        return namespace, name
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return f"s3://{bucket}", key


def _identity(place: Whereabouts, facts: VersionFacts) -> tuple[Facet, ...]:
    bucket = f"s3://{place.dataset_bucket}"
    named = {
        "number": facts.name,
        "root": facts.root,
        "labelSchema": facts.schema_version,
        "parent": facts.parent or "",
    }
    return (
        Version(dataset_version=facts.version_id),
        DatasetKind(dataset_type="FILE", sub_type="LABELLED_SAMPLES"),
        DataSource(name=bucket, uri=bucket),
        Schema(fields=_sample_columns()),
        DatasetTags(tags=tags_of(named)),
    )


def _symlinks(place: Whereabouts, more: tuple[Identifier, ...] = ()) -> Symlinks:
    own = Identifier(namespace=place.namespace, name=place.name, type="DATASET")
    return Symlinks(identifiers=(own, *more))


def _metrics(facts: VersionFacts, rows: int) -> typing.Any:
    """Of all rows of the version the labels are counted; `rows` is how many a run reads or writes."""
    columns = {
        "label": ColumnMetrics(count=facts.samples, null_count=0, distinct_count=len(facts.labels)),
        "agreement": ColumnMetrics(count=facts.samples, null_count=0, sum=round(facts.agreement * facts.samples, 6)),
    }
    return {
        "column_metrics": columns,
        "row_count": rows,
        "bytes": facts.bytes,
        "file_count": facts.files,
        "last_updated": facts.created_at,
    }


def _label_lineage(place: Whereabouts) -> ColumnLineage:
    policy = place.project.consensus
    said_by, asked = answered(place), captures(place)
    how = f"{policy.method} over the answers of {policy.overlap} to {policy.max_overlap} people"
    said = _from(said_by, "label", "DIRECT", "AGGREGATION", how)
    chosen = _from(asked, "prediction", "DIRECT", "TRANSFORMATION", f"selection by {place.project.selection.strategy}")
    return ColumnLineage(
        fields={
            "sample_id": _from(said_by, "sample_id", "DIRECT", "IDENTITY"),
            "payload_uri": _from(asked, "input", "DIRECT", "TRANSFORMATION", "stored under its SHA-256"),
            "label": said,
            "posterior": said,
            "agreement": said,
            "selected_by": chosen,
            "propensity": chosen,
        },
        dataset=(_field(said_by, "label", "INDIRECT", "FILTER", "labels that are sure enough"),),
    )


def _answers(facts: AnswerFacts) -> Answers:
    return Answers(
        measured_at=facts.at,
        annotators=facts.annotators,
        gold_answers=facts.gold_answers,
        agreement=facts.agreement,
        agreement_low=facts.agreement_low,
        agreement_high=facts.agreement_high,
        gold_accuracy=facts.gold_accuracy,
    )


def _title(place: Whereabouts) -> str:
    return place.project.title or place.name


def _from(
    source: Dataset, field: str, kind: str, subtype: str, how: str = "", *, masking: bool = False
) -> FieldLineage:
    return FieldLineage(input_fields=(_field(source, field, kind, subtype, how, masking=masking),))


def _field(source: Dataset, field: str, kind: str, subtype: str, how: str = "", *, masking: bool = False) -> InputField:
    step = Transformation(type=kind, subtype=subtype, description=how, masking=masking)
    return InputField(namespace=source.namespace, name=source.name, field=field, transformations=(step,))


def _columns(told: tuple[tuple[str, str, str], ...]) -> tuple[Column, ...]:
    return tuple(
        Column(name=name, type=kind, description=text, ordinal=index)
        for index, (name, kind, text) in enumerate(told, start=1)
    )


def _sample_columns() -> tuple[Column, ...]:
    """Those of a segment's lines, as their record says."""
    told = tuple((each.name, _type_name(each.type), "") for each in msgspec.structs.fields(LabelledSample))
    return _columns(told)


def _type_name(kind: object) -> str:
    """The type beside None, or of the texts of a Literal."""
    if typing.get_origin(kind) is typing.Literal:
        return "string"
    inner = [each for each in typing.get_args(kind) if each is not type(None)] or [kind]
    return _TYPES.get(inner[0], "string")
