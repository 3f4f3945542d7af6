"""CSV (RFC 4180, lines ending in a line feed) with a header, one row per sample."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from trueup.dataset.exporting import EVERY_KIND, LINES, ExportedFile, ExportRequest
from trueup.model import LabelledSample

KINDS = EVERY_KIND
HOLDS_NONE = True
FILE = "samples.csv"
READERS = "spreadsheets, pandas, SQL loaders"
CUT = LINES
COLUMNS = (
    "sample_id",
    "label",
    "split",
    "group",
    "content_type",
    "payload_uri",
    "posterior",
    "agreement",
    "weight",
    "consensus_id",
    "selected_by",
    "propensity",
    "labelled_at",
    "captured_at",
    "slice",
    "annotators",
    "fingerprint",
    "since",
)


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    yield ExportedFile(request.named(FILE), _lines(request.samples()))


class _Line:
    """The file that `csv` writes a row to; writerow answers what this does."""

    def write(self, text: str) -> bytes:
        return text.encode()


def _lines(samples: Iterator[LabelledSample]) -> Iterator[bytes]:
    row: Any = csv.writer(_Line(), lineterminator="\n").writerow
    yield row(COLUMNS)
    for each in samples:
        yield row([_cell(getattr(each, name)) for name in COLUMNS])


def _cell(value: Any) -> Any:
    """What is not known is empty, several names stand together; times are ISO 8601 in UTC."""
    if isinstance(value, tuple):
        return " ".join(value)
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
