"""What lies between two versions, as a page of HTML."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from trueup.dataset import pages
from trueup.dataset.cards.words import CHANGES
from trueup.labels.brief import brief
from trueup.labels.naming import names_in
from trueup.model import DatasetVersion, SampleChange

_MOST = 2000
# What happened to samples of a class, and what a table calls it.
KINDS = {
    "added": "added",
    "removed": "removed",
    "from": "relabelled from",
    "to": "relabelled to",
    "restated": "restated",
}


def diff_page(before: DatasetVersion, after: DatasetVersion, changes: Sequence[SampleChange]) -> str:
    """How many changed in which way, which labels became which, and the samples themselves, at most two thousand."""
    counts: Counter[str] = Counter(each.change for each in changes)
    heading = f"{after.project}: version {before.number} to version {after.number}"
    told = {each: f"{counts[each]:,}" for each in CHANGES if counts[each]}
    body = [
        f"<h1>{pages.text(heading)}</h1>",
        f'<p class="dim">{pages.text(f"{before.samples:,} samples before, {after.samples:,} after")}</p>',
        pages.facts(told) if told else "<p>The same content.</p>",
        *_by_class(changes),
        *_relabelled(changes),
        *_samples(changes),
    ]
    return pages.page(heading, body)


def by_class(changes: Sequence[SampleChange]) -> dict[str, dict[str, int]]:
    """How many samples of each class changed in which way: of relabelled ones the class that they have left counts as
    `from` and the new one as `to`. Moves are left out, as they say nothing of a class."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in changes:
        if each.change == "relabelled":
            _count(found, each.before, "from")
            _count(found, each.after, "to")
        elif each.change != "moved":
            _count(found, each.after or each.before, each.change)
    return {name: dict(found[name]) for name in sorted(found)}


def _count(found: defaultdict[str, Counter[str]], label: str | None, kind: str) -> None:
    for name in names_in(label or ""):
        found[name][kind] += 1


def _by_class(changes: Sequence[SampleChange]) -> list[str]:
    found = by_class(changes)
    kinds = [each for each in KINDS if any(each in row for row in found.values())]
    rows = [[pages.text(name), *[f"{row.get(kind, 0):,}" for kind in kinds]] for name, row in found.items()]
    columns = [KINDS[each] for each in kinds]
    return ["<h2>Classes</h2>", pages.table(["class", *columns], rows, columns)] if rows else []


def _relabelled(changes: Sequence[SampleChange]) -> list[str]:
    relabelled = [each for each in changes if each.change == "relabelled"]
    pairs = Counter((brief(each.before or ""), brief(each.after or "")) for each in relabelled)
    most = max(pairs.values(), default=1)
    rows = [
        [pages.text(old), pages.text(new), pages.bar(number / most, f"{number:,} samples"), f"{number:,}"]
        for (old, new), number in pairs.most_common(50)
    ]
    columns = ["before", "after", "share", "samples"]
    return ["<h2>Which labels became which</h2>", pages.table(columns, rows, ("samples",))] if rows else []


def _samples(changes: Sequence[SampleChange]) -> list[str]:
    rows = [_sample(each) for each in changes[:_MOST]]
    if not rows:
        return []
    more = f'<p class="dim">and {len(changes) - _MOST:,} more: --json tells all</p>' if len(changes) > _MOST else ""
    return ["<h2>Samples</h2>", pages.table(["sample", "change", "before", "after"], rows), more]


def _sample(change: SampleChange) -> list[str]:
    kind = f'<span class="{change.change}">{change.change}</span>'
    sample = f'<code title="{pages.text(change.sample_id)}">{pages.text(change.sample_id[:16])}</code>'
    return [sample, kind, *[pages.text(brief(each or "")) for each in (change.before, change.after)]]
