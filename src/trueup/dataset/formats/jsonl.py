"""JSON Lines: trueup's own records, one a line, as they are kept."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from trueup.dataset.exporting import EVERY_KIND, LINES, ExportedFile, ExportRequest

KINDS = EVERY_KIND
HOLDS_NONE = True
FILE = "samples.jsonl"
READERS = "jq, DuckDB, pandas, `datasets`"
CUT = LINES


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    yield ExportedFile(
        request.named(FILE), (msgspec.json.encode(each, order="deterministic") + b"\n" for each in request.samples())
    )
