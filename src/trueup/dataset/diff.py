"""What lies between two versions."""

from __future__ import annotations

from collections.abc import Iterable

from trueup.dataset.versions import same_but_for_its_time
from trueup.model import LabelledSample, SampleChange


def diff(before: Iterable[LabelledSample], after: Iterable[LabelledSample]) -> list[SampleChange]:
    """Every sample that was added, removed, relabelled, moved between splits or restated, by sample id. A sample that
    was both relabelled and moved appears once for each."""
    old = {each.sample_id: each for each in before}
    new = {each.sample_id: each for each in after}
    changes: list[SampleChange] = []
    for sample_id in sorted(old.keys() | new.keys()):
        changes.extend(changes_of(sample_id, old.get(sample_id), new.get(sample_id)))
    return changes


def changes_of(sample_id: str, old: LabelledSample | None, new: LabelledSample | None) -> list[SampleChange]:
    """What happened to one sample."""
    if old is None and new is not None:
        return [SampleChange(sample_id=sample_id, change="added", before=None, after=new.label)]
    if new is None and old is not None:
        return [SampleChange(sample_id=sample_id, change="removed", before=old.label, after=None)]
    if old is None or new is None or same_but_for_its_time(old, new):
        return []
    found = []
    if old.label != new.label:
        found.append(SampleChange(sample_id=sample_id, change="relabelled", before=old.label, after=new.label))
    if old.split != new.split:
        found.append(SampleChange(sample_id=sample_id, change="moved", before=old.split, after=new.split))
    return found or [SampleChange(sample_id=sample_id, change="restated", before=old.label, after=new.label)]
