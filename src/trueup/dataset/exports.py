"""Export formats: one function each, one line in the table.

The augmented manifest is SageMaker Ground Truth's (sms-data-output): what training channels read. The payload
manifest is SageMaker's ManifestFile, which brings just the named objects of a prefix to a training container.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from trueup.dataset.manifest_labels import to_manifest
from trueup.errors import LabelError
from trueup.model import LabelledSample, LabelSchema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def augmented_manifest(samples: Sequence[LabelledSample], schema: LabelSchema, project: str) -> bytes:
    """One JSON line per sample with its label, metadata and trueup's own keys. Raises LabelError for a label that the
    schema does not know, or that a manifest cannot hold."""
    return _lines([_manifest_line(each, schema, project) for each in samples])


def payload_manifest(samples: Sequence[LabelledSample], prefix: str) -> bytes:
    """A ManifestFile over the samples' payloads below `prefix` (an S3 URI ending in /)."""
    keys = sorted({each.payload_uri.removeprefix(prefix) for each in samples})
    return msgspec.json.encode([{"prefix": prefix}, *keys])


def jsonl(samples: Sequence[LabelledSample], schema: LabelSchema, project: str) -> bytes:  # noqa: ARG001
    """trueup's own lines."""
    return b"".join(msgspec.json.encode(each, order="deterministic") + b"\n" for each in samples)


def table(samples: Sequence[LabelledSample], schema: LabelSchema, project: str) -> bytes:  # noqa: ARG001
    """CSV with a header, one row per sample."""
    out = io.StringIO()
    fields = ["sample_id", "label", "split", "group", "content_type", "payload_uri", "posterior", "agreement"]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(fields)
    writer.writerows([getattr(each, field) for field in fields] for each in samples)
    return out.getvalue().encode()


Exporter = Callable[[Sequence[LabelledSample], LabelSchema, str], bytes]
EXPORTS: dict[str, Exporter] = {"augmented-manifest": augmented_manifest, "csv": table, "jsonl": jsonl}


def _manifest_line(sample: LabelledSample, schema: LabelSchema, project: str) -> dict[str, Any]:
    try:
        label = to_manifest(sample.label, sample.posterior, schema)
    except LabelError as error:
        raise LabelError(f"sample {sample.sample_id[:12]}: {error}", field=error.field) from error
    return {
        "source-ref": sample.payload_uri,
        "label": label.value,
        "label-metadata": {
            **label.metadata,
            "type": f"groundtruth/{label.type}",
            "human-annotated": "yes",
            "creation-date": (sample.labelled_at or _EPOCH).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f"),
            "job-name": f"trueup/{project}",
        },
        "trueup-sample": sample.sample_id,
        "trueup-split": sample.split,
        "trueup-weight": sample.weight,
        "content-type": sample.content_type,
    }


def _lines(rows: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(msgspec.json.encode(each) + b"\n" for each in rows)
