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
    """Labels by annotator, then by split."""
    return with_changes({}, lines, ())


def with_changes(
    before: Counts, come: Iterable[LabelledSample], gone: Iterable[LabelledSample]
) -> dict[str, dict[str, int]]:
    """The counts once lines have come and gone, at the cost of those lines. Once there are OTHERS, who is one of them
    stays so, and the counts of those who come in later begin with that."""
    tally = Counter({(name, split): number for name, splits in before.items() for split, number in splits.items()})
    tally.update(each for line in come for each in _credits(line))
    tally.subtract(each for line in gone for each in _credits(line))
    found: dict[str, dict[str, int]] = {}
    for (name, split), number in sorted(tally.items()):
        if number > 0:
            found.setdefault(name, {})[split] = number
    return _bounded(found)


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
