"""On whose answers labels stand: counts by annotator and split, that a version carries along.

Annotators go by their pseudonyms. A label on which three people agreed counts for each of the three. What was imported
counts as IMPORTED, what came from people whom no record names as UNKNOWN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from trueup.model import LabelledSample

IMPORTED = "import"
UNKNOWN = "unknown"
OTHERS = "others"
# A version's record has room for so many; of more, those with the fewest labels are OTHERS.
MOST = 200
Counts = Mapping[str, Mapping[str, int]]


def annotator_counts(lines: Iterable[LabelledSample]) -> dict[str, dict[str, int]]:
    """Labels by annotator, then by split; of all annotators."""
    found: dict[str, dict[str, int]] = {}
    for (name, split), number in sorted(Counter(each for line in lines for each in _credits(line)).items()):
        found.setdefault(name, {})[split] = number
    return found


def with_changes(before: Counts, come: Counts, gone: Counts) -> dict[str, dict[str, int]]:
    """The counts once lines have come and gone that were counted apart. Once there are OTHERS, who is one of them stays
    so, and the counts of those who come in later begin with that."""
    return _bounded(summed([(before, 1), (come, 1), (gone, -1)]))


def summed(parts: Iterable[tuple[Counts, int]]) -> dict[str, dict[str, int]]:
    """Counts added, or taken off where their sign is negative."""
    tally: Counter[tuple[str, str]] = Counter()
    for counts, sign in parts:
        for name, splits in counts.items():
            for split, number in splits.items():
                tally[name, split] += sign * number
    found: dict[str, dict[str, int]] = {}
    for (name, split), number in sorted(tally.items()):
        if number > 0:
            found.setdefault(name, {})[split] = number
    return found


def names_of(line: LabelledSample) -> tuple[str, ...]:
    """Whom a label counts for."""
    if line.annotators:
        return line.annotators
    return (UNKNOWN if line.consensus_id else IMPORTED,)


def _credits(line: LabelledSample) -> list[tuple[str, str]]:
    return [(each, line.split) for each in names_of(line)]


def _bounded(counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    if len(counts) <= MOST:
        return counts
    others = Counter(counts.pop(OTHERS, {}))
    most = sorted(counts, key=lambda each: (-sum(counts[each].values()), each))
    for name in most[MOST - 1 :]:
        others.update(counts[name])
    kept = {name: counts[name] for name in sorted(most[: MOST - 1])}
    return {**kept, OTHERS: dict(sorted(others.items()))}
