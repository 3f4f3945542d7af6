"""What lies between two versions."""

from __future__ import annotations

from collections.abc import Mapping

from trueup.model import LabelledSample, SampleChange


def diff(before: Mapping[str, LabelledSample], after: Mapping[str, LabelledSample]) -> list[SampleChange]:
    """Every sample that was added, removed, relabelled or moved between splits, by sample id. A sample that was
    both relabelled and moved appears once for each."""
    changes: list[SampleChange] = []
    for sample_id in sorted(before.keys() | after.keys()):
        changes.extend(_changes(sample_id, before.get(sample_id), after.get(sample_id)))
    return changes


def _changes(sample_id: str, old: LabelledSample | None, new: LabelledSample | None) -> list[SampleChange]:
    if old is None and new is not None:
        return [SampleChange(sample_id=sample_id, change="added", before=None, after=new.label)]
    if new is None and old is not None:
        return [SampleChange(sample_id=sample_id, change="removed", before=old.label, after=None)]
    if old is None or new is None:
        return []
    found = []
    if old.label != new.label:
        found.append(SampleChange(sample_id=sample_id, change="relabelled", before=old.label, after=new.label))
    if old.split != new.split:
        found.append(SampleChange(sample_id=sample_id, change="moved", before=old.split, after=new.split))
    return found
