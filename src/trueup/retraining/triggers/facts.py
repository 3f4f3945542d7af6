"""What trigger rules look at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from trueup.model import DatasetVersion, Record


class Facts(Record, frozen=True, kw_only=True):
    """`trained_version` is what the champion was trained on; `label_counts_new` counts labels since, by class."""

    version: DatasetVersion
    trained_version: DatasetVersion | None
    new_labels: int
    label_counts_new: Mapping[str, int]
    champion_classes: tuple[str, ...]
    last_run_at: datetime
    now: datetime
