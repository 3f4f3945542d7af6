"""Forgotten samples in segments that are written already.

A segment is named by its content, and versions by their segments, so that a line cannot be taken out of one. Another
file takes its place, in which the lines of forgotten samples are removals, and a record says so: which segment, the
hash of what stands for it, how many lines, by which receipts. What a version says of itself stays as it was; it counts
what was forgotten, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

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


def needs_redaction(changes: Iterable[Change], sample_ids: Collection[str]) -> bool:
    """Whether any of them has a line here that is still to be read."""
    return any(isinstance(each, LabelledSample) and each.sample_id in sample_ids for each in changes)


def held_by(version: DatasetVersion, marks: Mapping[str, Marks]) -> frozenset[str]:
    """Those samples that a version holds, or held before they were forgotten; `marks` are by segment."""
    held: set[str] = set()
    for segment in version.segments:
        for sample_id, sets in marks.get(segment.sha256, {}).items():
            (held.add if sets else held.discard)(sample_id)
    return frozenset(held)


def redaction_problem(redaction: Redaction, sha256: str, size: int, changes: Sequence[Change]) -> str | None:
    """What is wrong with the file that stands for a segment; its lines, size and hash are given."""
    name = redaction.segment[:12]
    if sha256 != redaction.sha256:
        return f"what stands for segment {name} does not hash to its name"
    lines = sum(map(is_redacted, changes))
    if (size, lines) != (redaction.bytes, redaction.lines):
        return (
            f"what stands for segment {name} has {lines} forgotten lines in {size} bytes, "
            f"not {redaction.lines} in {redaction.bytes}"
        )
    return None
