"""How many of a file's predictions to ask about, so that the traffic of the day uses up the budget evenly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from trueup.model import FileReceipt, SelectionPolicy, Sketch
from trueup.selection.sketch import merged, share_above, total

# Before any traffic is known.
_FIRST = 0.1
_DAY = 24.0
_SHORTEST = 0.25


def rate_of(
    scores: Sketch,
    recent: Sequence[FileReceipt],
    left: Mapping[str, int | None],
    policy: SelectionPolicy,
    now: datetime,
) -> float:
    """The share of a file's predictions, whose scores are `scores`, to ask about: 0..1.

    The labels that may be spent in an hour over the predictions that came in an hour is the share of all traffic;
    the score that this share of `recent` files' scores lies above is the threshold, and the file's own share above it
    is what is wanted of it. So a file about which the model is unsure gets more of the budget than one about which it
    is sure, while a model that is always sure uses up the budget all the same.
    """
    known = [each for each in recent if each.strategy == policy.strategy]
    whole = merged(each.scores for each in known)
    if not total(whole) or not total(scores):
        return _FIRST
    wanted = min(1.0, _labels_an_hour(left, now) / _predictions_an_hour(known, now))
    return share_above(scores, whole, wanted)


def _predictions_an_hour(recent: Sequence[FileReceipt], now: datetime) -> float:
    first = min(each.ingested_at for each in recent)
    hours = max(_SHORTEST, (now - first) / timedelta(hours=1))
    return max(1, sum(each.predictions for each in recent)) / hours


def _labels_an_hour(left: Mapping[str, int | None], now: datetime) -> float:
    """What is left of the hour, or of the day spread over its rest, or of all spread over a day, if that is less."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    rest = max(_SHORTEST, (midnight - now) / timedelta(hours=1))
    spread = {"HOUR": 1.0, "DAY": rest, "TOTAL": _DAY}
    return min(each / spread[period.partition("#")[0]] for period, each in left.items() if each is not None)
