"""What lies between two versions, as a page of HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from trueup.dataset import pages
from trueup.dataset.cards.words import CHANGES, class_table
from trueup.dataset.diff import RELABELLED, Changed
from trueup.dataset.figures import Summary, glance
from trueup.labels.brief import brief
from trueup.model import DatasetVersion, SampleChange

_MOST = 2000
_MOST_PAIRS = 50
# Labels in free text hardly ever become the same: of so many pairs the most frequent are told.
_MOST_COUNTED = 20_000


def diff_page(before: DatasetVersion, after: DatasetVersion, changes: Iterable[Changed]) -> str:
    """How many changed in which way, which labels became which, and the samples themselves, at most two thousand; of
    what is too much for a page it says how much it is. Holds a part of the changes at a time."""
    pairs = _Pairs()
    first, told = glance(pairs.passing(changes), _MOST)
    heading = f"{after.project}: version {before.number} to version {after.number}"
    counts = told.counts
    said = {each: f"{counts[each]:,}" for each in CHANGES if each in counts}
    body = [
        f"<h1>{pages.text(heading)}</h1>",
        f'<p class="dim">{pages.text(f"{before.samples:,} samples before, {after.samples:,} after")}</p>',
        pages.facts(said) if said else "<p>The same content.</p>",
        *_by_class(told),
        *_relabelled(pairs, told.relabelled),
        *_samples(first, told.changes),
    ]
    return pages.page(heading, body)


class _Pairs:
    """Which labels became which, and how often."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def passing(self, parts: Iterable[Changed]) -> Iterator[Changed]:
        """The same parts, counted as they go by."""
        for each in parts:
            self._add(each)
            yield each

    def most_common(self) -> list[tuple[tuple[str, str], int]]:
        return self._counts.most_common(_MOST_PAIRS)

    def _add(self, part: Changed) -> None:
        one, other = (each.take(part.rows(RELABELLED)).tolist() for each in part.labels)
        for (old, new), number in Counter(zip(one, other, strict=True)).items():
            pair = brief(old or ""), brief(new or "")
            if pair in self._counts or len(self._counts) < _MOST_COUNTED:
                self._counts[pair] += number


def _by_class(told: Summary) -> list[str]:
    columns, rows = class_table(told)
    cells = [[pages.text(each) for each in row] for row in rows]
    return ["<h2>Classes</h2>", pages.table(["class", *columns], cells, columns)] if rows else []


def _relabelled(pairs: _Pairs, samples: int) -> list[str]:
    found = pairs.most_common()
    if not found:
        return []
    most = found[0][1]
    rows = [
        [pages.text(old), pages.text(new), pages.bar(number / most, f"{number:,} samples"), f"{number:,}"]
        for (old, new), number in found
    ]
    table = pages.table(["before", "after", "share", "samples"], rows, ("samples",))
    return ["<h2>Which labels became which</h2>", table, _more(samples - sum(number for _, number in found))]


def _samples(first: Sequence[SampleChange], number: int) -> list[str]:
    if not first:
        return []
    table = pages.table(["sample", "change", "before", "after"], [_sample(each) for each in first])
    return ["<h2>Samples</h2>", table, _more(number - len(first))]


def _more(number: int) -> str:
    return f'<p class="dim">and {number:,} more: --json tells all</p>' if number else ""


def _sample(change: SampleChange) -> list[str]:
    kind = f'<span class="{change.change}">{change.change}</span>'
    sample = f'<code title="{pages.text(change.sample_id)}">{pages.text(change.sample_id[:16])}</code>'
    return [sample, kind, *[pages.text(brief(each or "")) for each in (change.before, change.after)]]
