"""What a project's labels teach about its model, kept small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from trueup.labels.naming import value_of
from trueup.model import Judged, Knowledge, SettledLabel
from trueup.selection.calibration import temperature

# About 100 kB, of which a table item holds 400.
MOST_JUDGED = 1000
_OTHERS = 6
_DIGITS = 5
_LITTLE = 1e-5


def learned(
    before: Knowledge, labels: Sequence[SettledLabel], class_counts: Mapping[str, int], project: str
) -> Knowledge:
    """With some more labels, and the counts of the dataset that holds them. The same labels again change nothing."""
    known = {each.sample_id: each for each in before.judged}
    for label in labels:
        found = _judged(label)
        if found is not None:
            known.pop(found.sample_id, None)
            known[found.sample_id] = found
    latest = tuple(known.values())[-MOST_JUDGED:]
    return replace(
        before,
        project=project,
        labelled=dict(class_counts),
        judged=latest,
        temperature=round(temperature(latest), 4),
    )


def _judged(label: SettledLabel) -> Judged | None:
    """None where the model gave no probabilities, or the label is not one class."""
    selection = label.selection
    if selection is None or not selection.propensity or value_of(label.consensus.label) is not None:
        return None
    prediction = selection.prediction
    if len(prediction.probabilities) != len(prediction.classes) or not prediction.classes:
        return None
    chances = dict(zip(prediction.classes, prediction.probabilities, strict=True))
    chance = chances.pop(label.consensus.label, 0.0)
    others = sorted(chances.values(), reverse=True)
    rest = max(0.0, 1.0 - chance - sum(others[:_OTHERS]))
    return Judged(
        sample_id=label.sample.sample_id,
        chance=chance,
        weight=1.0 / selection.propensity,
        others=tuple(round(each, _DIGITS) for each in [*others[:_OTHERS], *([rest] if rest > _LITTLE else [])]),
    )
