"""Where the table and the bucket say what was forgotten: tombstones, epochs, and what stands for segments."""

from __future__ import annotations

from typing import Any

from trueup.adapters.aws.table import FRESH, Key, Table, Write, record_of
from trueup.model import Redaction, Sample, content_id

# An attribute of a sample's items: the job by which it was forgotten.
TOMBSTONE = "forgotten"


def sample_key(project: str, sample_id: str) -> Key:
    return f"P#{project}#SAMPLE#{sample_id}", "SAMPLE"


def group_keys(sample: Sample) -> dict[str, Any]:
    """By which the samples of a group are found. One that is a group of its own goes by its id. A group may be a
    person's name, which no key shows."""
    if sample.group == sample.sample_id:
        return {}
    return {"gsi1pk": group_pk(sample.project, sample.group), "gsi1sk": sample.sample_id}


def group_pk(project: str, group: str) -> str:
    return f"P#{project}#GROUP#{content_id(group)}"


def epoch_key(project: str) -> Key:
    return f"P#{project}#FORGOTTEN", "EPOCH"


def epoch_of(table: Table, project: str) -> int:
    """0 where nothing was ever forgotten. Strongly consistent."""
    item = table.get(*epoch_key(project))
    return int(item["epoch"]) if item else 0


def epoch_check(project: str, epoch: int) -> Write:
    """Holds while nothing more was forgotten."""
    values: dict[str, Any] = {":epoch": epoch} if epoch else {}
    condition = "epoch = :epoch" if epoch else FRESH
    return Write(action="ConditionCheck", key=epoch_key(project), condition=condition, values=values)


def redaction_key(project: str, segment: str) -> Key:
    return f"P#{project}#REDACTED", segment


def redaction_of(table: Table, project: str, segment: str) -> Redaction | None:
    item = table.get(*redaction_key(project, segment))
    return record_of(item, Redaction) if item else None


def redacted_key(redaction: Redaction) -> str:
    """The object that stands for a segment."""
    return f"{redacted_prefix(redaction.project, redaction.segment)}{redaction.sha256}"


def redacted_prefix(project: str, segment: str = "") -> str:
    return f"{project}/redacted/{segment}/" if segment else f"{project}/redacted/"
