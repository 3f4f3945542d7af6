"""By time: what came before a date trains, what came after it is for validation, and the newest for the test.

A sample's time is that of its capture, or of its label where no capture is known. A unit's is that of its newest
sample, so that nothing is trained on that came after the test began.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from trueup.dataset.splitting.units import Setting, Unit
from trueup.model import LabelledSample, Split, SplitPolicy

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def split(units: Sequence[Unit], setting: Setting) -> list[Split]:
    """By the dates of the policy, or by days back from the commit. Days roll: what comes is held against the
    boundaries of its day, and what has a split keeps it until the dataset is split anew."""
    validation, test = boundaries(setting.policy.splits, setting.at)
    return [_split_at(max(map(time_of, each.lines)), validation, test) for each in units]


def boundaries(policy: SplitPolicy, at: datetime) -> tuple[datetime, datetime]:
    """When validation and test begin."""
    test = _day(policy.test_from) if policy.test_from else at - timedelta(days=policy.test_days or 0)
    if policy.validation_from:
        return min(_day(policy.validation_from), test), test
    return test - timedelta(days=policy.validation_days or 0), test


def time_of(line: LabelledSample) -> datetime:
    """One without any time is older than all others."""
    return line.captured_at or line.labelled_at or _BEGINNING


def _split_at(moment: datetime, validation: datetime, test: datetime) -> Split:
    if moment >= test:
        return "test"
    return "validation" if moment >= validation else "train"


def _day(text: str) -> datetime:
    found = date.fromisoformat(text)
    return datetime(found.year, found.month, found.day, tzinfo=UTC)
