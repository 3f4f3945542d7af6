"""A card as Markdown, for a repository or a model registry."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trueup.dataset.cards import words
from trueup.dataset.cards.facts import SPLITS, CardFacts

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|])")
_BLOCKS = 20


def markdown(facts: CardFacts) -> str:
    """The whole card. Names that users gave are escaped."""
    version = facts.version
    parts = [
        f"# {_text(words.heading(facts))}",
        "",
        *_table(["", ""], [[name, value] for name, value in words.figures(facts).items()]),
        "## Where it comes from",
        "",
        *[f"- {name}: {_text(value)}" for name, value in words.origin(version).items()],
        f"- {words.span(facts)}",
        "",
        "## Known gaps",
        "",
        *([f"- {_text(each)}" for each in facts.gaps] or ["Nothing stands out."]),
        "",
        "## Classes",
        "",
        *_classes(facts),
        "## How sure the labels are",
        "",
        *([_text(words.quality(version)), ""] if version.quality else []),
        *_bins(facts),
        "## Why people were asked",
        "",
        *_table(
            ["source", "samples", "agreement", "propensity"],
            [
                [_text(words.source(each)), f"{each.samples:,}", f"{each.agreement:.1%}", words.propensity(each)]
                for each in facts.sources
            ],
        ),
        *_annotators(facts),
        *_slices(facts),
        "## Changes since the parent",
        "",
        f"{words.summary(version).capitalize()}.",
        "",
        *_changes(facts),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _classes(facts: CardFacts) -> list[str]:
    most = max((each.samples for each in facts.classes), default=0) or 1
    rows = [
        [
            _text(each.name),
            f"{each.samples:,}",
            *[f"{each.splits[split]:,}" for split in SPLITS],
            f"{each.agreement:.1%}" if each.samples else "",
            "█" * round(each.samples / most * _BLOCKS),
        ]
        for each in facts.classes
    ]
    return _table(["class", "samples", *SPLITS, "agreement", ""], rows)


def _bins(facts: CardFacts) -> list[str]:
    bins = len(facts.agreements)
    rows = [
        [
            f"{place / bins:.1f} to {(place + 1) / bins:.1f}",
            f"{facts.agreements[place]:,}",
            f"{facts.posteriors[place]:,}",
        ]
        for place in range(bins)
        if facts.agreements[place] or facts.posteriors[place]
    ]
    return _table(["share", "samples by agreement", "samples by posterior"], rows)


def _annotators(facts: CardFacts) -> list[str]:
    if not facts.annotators:
        return []
    rows = [[_text(name), f"{share:.1%}"] for name, share in facts.annotators.items()]
    return ["## Annotators", "", *_table(["annotator", "share of people's labels"], rows)]


def _slices(facts: CardFacts) -> list[str]:
    if facts.slices.keys() <= {""}:
        return []
    rows = [[_text(name or "(no slice)"), f"{number:,}"] for name, number in facts.slices.items()]
    return ["## Slices", "", *_table(["slice", "samples"], rows)]


def _changes(facts: CardFacts) -> list[str]:
    if not facts.changes:
        return []
    kinds = [each for each in words.CHANGES if any(each in counts for counts in facts.changes.values())]
    rows = [
        [_text(name or "(any)"), *[f"{counts.get(kind, 0):,}" for kind in kinds]]
        for name, counts in facts.changes.items()
    ]
    return _table(["class", *kinds], rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return [*head, *["| " + " | ".join(row) + " |" for row in rows], ""]


def _text(value: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(value.split()))
