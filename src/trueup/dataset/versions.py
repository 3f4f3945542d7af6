"""Versions: what one holds, what it is called, and how it follows from its parent.

A version lists its segments in order; a later line for a sample replaces an earlier one. A commit writes one
segment of what changed, so its cost follows the change. `content_hash` is over the resulting content alone:
two histories that end in the same content have the same content hash.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from trueup.dataset.annotators import annotator_counts
from trueup.dataset.segments import decode, encode
from trueup.errors import IntegrityError
from trueup.labels.naming import names_in
from trueup.model import DatasetVersion, LabelledSample, Segment

# Digits of a version's id that an operator must give at least.
MIN_PREFIX = 6
_NUMBER = re.compile(r"v?([0-9]{1,9})")


def next_version(
    project: str,
    parent: DatasetVersion | None,
    current: Mapping[str, LabelledSample],
    changes: Sequence[LabelledSample],
    segment: Segment,
    at: datetime,
    reason: str,
    policy_version: str = "",
    schema_version: str = "",
) -> DatasetVersion:
    """The version that `changes` make of `parent`, whose content is `current`."""
    content = {**current, **{each.sample_id: each for each in changes}}
    added = sum(each.sample_id not in current for each in changes)
    relabelled = sum(_relabels(current.get(each.sample_id), each) for each in changes)
    counts = counts_by_class(content.values())
    nameless = DatasetVersion(
        project=project,
        version_id="",
        number=parent.number + 1 if parent else 1,
        parent=parent.version_id if parent else None,
        segments=(*(parent.segments if parent else ()), segment),
        samples=len(content),
        classes=tuple(counts),
        split_counts=dict(sorted(Counter(each.split for each in content.values()).items())),
        class_counts=counts,
        added=added,
        relabelled=relabelled,
        content_hash=content_hash(content.values()),
        created_at=at,
        reason=reason,
        mean_agreement=round(sum(each.agreement for each in content.values()) / len(content), 6),
        policy_version=policy_version,
        schema_version=schema_version,
        annotators=annotator_counts(content.values()),
    )
    return msgspec.structs.replace(nameless, version_id=version_id_of(nameless))


def document(version: DatasetVersion) -> bytes:
    """The version's document: deterministic JSON without its own name, whose SHA-256 is that name."""
    return msgspec.json.encode(msgspec.structs.replace(version, version_id=""), order="deterministic")


def version_id_of(version: DatasetVersion) -> str:
    return hashlib.sha256(document(version)).hexdigest()


def read_document(data: bytes, version_id: str) -> DatasetVersion:
    """Raises IntegrityError when the bytes do not hash to `version_id`."""
    if hashlib.sha256(data).hexdigest() != version_id:
        raise IntegrityError(f"the document of version {version_id[:12]} does not hash to its name")
    return msgspec.structs.replace(msgspec.json.decode(data, type=DatasetVersion), version_id=version_id)


def content_of(version: DatasetVersion, read: Callable[[str], bytes]) -> dict[str, LabelledSample]:
    """All samples of a version by id. `read` answers a segment's bytes by its SHA-256."""
    content: dict[str, LabelledSample] = {}
    for segment in version.segments:
        content.update({each.sample_id: each for each in decode(read(segment.sha256))})
    return content


def counts_by_class(samples: Iterable[LabelledSample]) -> dict[str, int]:
    """How many samples' labels name each class, sorted by its name; a label may name several, or none."""
    return dict(sorted(Counter(name for each in samples for name in names_in(each.label)).items()))


def content_hash(samples: Iterable[LabelledSample]) -> str:
    """SHA-256 of the sorted lines: what the version holds, whatever the order of commits that led there."""
    return hashlib.sha256(encode(samples)).hexdigest()


def version_number(text: str) -> int | None:
    """The number in "7" or "v7"; None when `text` is no version number."""
    found = _NUMBER.fullmatch(text)
    return int(found[1]) if found else None


def _relabels(before: LabelledSample | None, after: LabelledSample) -> bool:
    return before is not None and before.label != after.label
