"""Forgotten samples in segments that are written already.

A segment is named by its content, and versions by their segments, so that a line cannot be taken out of one. Another
file takes its place, in which the lines of forgotten samples are removals, and a record says so: which segment, the
hash of what stands for it, how many lines, by which receipts. What a version says of itself stays as it was; it counts
what was forgotten, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping

import numpy as np

from trueup.dataset.segments import Table
from trueup.dataset.segments.keys import Keys, find, is_hash
from trueup.model import Change, DatasetVersion, LabelledSample, Redaction, Removal

# Why a line is a removal that was none when its segment was written.
REDACTED = "redacted"
FORGOTTEN = "forgotten"
# What a segment does with a sample: True sets its line, False takes it out.
Marks = Mapping[str, bool]


def is_redacted(change: Change) -> bool:
    """Whether a line stood here that was forgotten."""
    return isinstance(change, Removal) and change.why == REDACTED


def redacted(changes: Iterable[Change], sample_ids: Collection[str]) -> list[Change]:
    """The same lines, in their order, with removals where those of `sample_ids` were."""
    return [
        Removal(sample_id=each.sample_id, why=REDACTED)
        if isinstance(each, LabelledSample) and each.sample_id in sample_ids
        else each
        for each in changes
    ]


def marks_of(changes: Iterable[Change], sample_ids: Collection[str]) -> dict[str, bool]:
    """What a segment does with the samples, or did before it was redacted."""
    found = (each for each in changes if each.sample_id in sample_ids)
    return {each.sample_id: isinstance(each, LabelledSample) or is_redacted(each) for each in found}


def needs_redaction(data: bytes, sample_ids: Collection[str]) -> bool:
    """Whether a segment still tells something of any of them: a line, or what it took out. Raises ManifestError."""
    table = Table.of(data)
    wanted = Keys.of(sorted(each for each in sample_ids if table.text or is_hash(each)), text=table.text)
    told = [table.keys] if not table.knows_before else [table.keys, table.gone_keys]
    return any(bool((find(each, wanted) >= 0).any()) for each in told)


def forgotten_lines(table: Table) -> Keys:
    """The ids of the lines that stood in a segment before they were forgotten. Raises ManifestError."""
    if not table.removed:
        return Keys.none()
    whys = table.take_gone().columns["why"].tolist()
    return table.gone_keys.take(np.flatnonzero(np.array([each == REDACTED for each in whys], np.bool_)))


def held_by(version: DatasetVersion, marks: Mapping[str, Marks]) -> frozenset[str]:
    """Those samples that a version holds, or held before they were forgotten; `marks` are by segment."""
    held: set[str] = set()
    for segment in version.segments:
        for sample_id, sets in marks.get(segment.sha256, {}).items():
            (held.add if sets else held.discard)(sample_id)
    return frozenset(held)


def redaction_problem(redaction: Redaction, data: bytes) -> str | None:
    """What is wrong with the file that stands for a segment. Raises ManifestError when it is none."""
    if hashlib.sha256(data).hexdigest() != redaction.sha256:
        return "is stood for by a file that does not hash to its name"
    lines = len(forgotten_lines(Table.of(data)))
    if (len(data), lines) != (redaction.bytes, redaction.lines):
        return (
            f"is stood for by a file with {lines} forgotten lines in {len(data)} bytes, "
            f"not {redaction.lines} in {redaction.bytes}"
        )
    return None
