"""Augmented manifest: what SageMaker's training channels read (sms-data-output, Amazon SageMaker Developer Guide).

The payload manifest is SageMaker's ManifestFile, which brings just the named objects of a prefix to a training
container.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from trueup.dataset.exporting import EVERY_KIND, INPUTS, ExportedFile, ExportRequest, naming
from trueup.dataset.images import sized
from trueup.dataset.manifest_labels import to_manifest
from trueup.model import LabelledSample, LabelSchema

KINDS = EVERY_KIND
HOLDS_NONE = True
FILE = "samples.manifest"
READERS = "SageMaker training channels, `trueup import`"
CUT = INPUTS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    yield ExportedFile(
        request.named(FILE), lines(map(partial(sized, request), request.samples()), request.schema, request.project)
    )


def lines(samples: Iterable[LabelledSample], schema: LabelSchema, project: str) -> Iterator[bytes]:
    """One JSON line per sample with its label, metadata and trueup's own keys. Raises LabelError for a label that the
    schema does not know, or that a manifest cannot hold."""
    for each in samples:
        yield msgspec.json.encode(_line(each, schema, project)) + b"\n"


def payload_manifest(samples: Iterable[LabelledSample], prefix: str) -> bytes:
    """A ManifestFile over the samples' payloads below `prefix` (an S3 URI ending in /)."""
    keys = sorted({each.payload_uri.removeprefix(prefix) for each in samples})
    return msgspec.json.encode([{"prefix": prefix}, *keys])


def metadata_of(sample: LabelledSample, project: str, kind: str) -> dict[str, Any]:
    """What Ground Truth writes beside every label; `kind` comes after "groundtruth/"."""
    return {
        "type": f"groundtruth/{kind}",
        "human-annotated": "yes",
        "creation-date": (sample.labelled_at or _EPOCH).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "job-name": f"trueup/{project}",
    }


def ours_of(sample: LabelledSample) -> dict[str, Any]:
    """What trueup itself says of a sample beside its label: the same keys in every line, whatever they hold."""
    return {
        "trueup-sample": sample.sample_id,
        "trueup-split": sample.split,
        "trueup-group": sample.group,
        "trueup-weight": sample.weight,
        "trueup-annotators": sample.annotators,
        "content-type": sample.content_type,
    }


def _line(sample: LabelledSample, schema: LabelSchema, project: str) -> dict[str, Any]:
    with naming(sample):
        label = to_manifest(sample.label, sample.posterior, schema)
    return {
        "source-ref": sample.payload_uri,
        "label": label.value,
        "label-metadata": {**label.metadata, **metadata_of(sample, project, label.type)},
        **ours_of(sample),
    }
