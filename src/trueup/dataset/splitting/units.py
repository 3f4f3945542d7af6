"""What a way of splitting is asked, and what it knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trueup.model import CommitPolicy, LabelledSample, Split

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
# Samples by class and split.
ClassCounts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Unit:
    """Samples that stay together: those of a group, or of several that near-duplicates link. `key` is the least of the
    groups' names."""

    key: str
    lines: Sequence[LabelledSample]


@dataclass(frozen=True)
class Setting:
    """What stands already: `held` are the samples that have a split, `at` is the time of the commit."""

    project: str
    policy: CommitPolicy
    at: datetime
    held: ClassCounts


# The split of each unit, in turn.
Splitter = Callable[[Sequence[Unit], Setting], list[Split]]


def shares(policy: CommitPolicy) -> dict[Split, float]:
    """The share of each split; together they are 1."""
    rest = 1 - policy.validation_share - policy.test_share
    return {"train": rest, "validation": policy.validation_share, "test": policy.test_share}
