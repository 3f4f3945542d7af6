"""Classes that nobody told the model about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence


def new_classes(labels: Iterable[str], known: Sequence[str]) -> dict[str, int]:
    """How often each label outside `known` occurs, most frequent first."""
    counts = Counter(each for each in labels if each not in known)
    return dict(counts.most_common())
