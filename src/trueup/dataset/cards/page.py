"""A card as a page of HTML with plots."""

from __future__ import annotations

from trueup.dataset import pages
from trueup.dataset.cards import words
from trueup.dataset.cards.facts import SPLITS, CardFacts


def card_page(facts: CardFacts) -> str:
    """The whole page; everything that users named is escaped."""
    version = facts.version
    heading = words.heading(facts)
    body = [
        f"<h1>{pages.text(heading)}</h1>",
        f'<p class="dim">{pages.text(words.origin(version)["made"])}</p>',
        pages.facts(words.figures(facts)),
        _gaps(facts),
        "<h2>Classes</h2>",
        _classes(facts),
        "<h2>How sure the labels are</h2>",
        f"<p>{pages.text(words.quality(version))}</p>" if version.quality else "",
        '<div class="pair"><div><p class="dim">agreement of annotators</p>',
        pages.histogram(facts.agreements, "samples by agreement"),
        '</div><div><p class="dim">posterior of the label</p>',
        pages.histogram(facts.posteriors, "samples by posterior"),
        "</div></div>",
        "<h2>Why people were asked</h2>",
        _sources(facts),
        _annotators(facts),
        _slices(facts),
        "<h2>Changes since the parent</h2>",
        f"<p>{pages.text(words.summary(version).capitalize())}.</p>",
        _changes(facts),
        "<h2>Where it comes from</h2>",
        _origin(facts),
    ]
    return pages.page(heading, body)


def _gaps(facts: CardFacts) -> str:
    if not facts.gaps:
        return "<h2>Known gaps</h2><p>Nothing stands out.</p>"
    items = "".join(f"<li>{pages.text(each)}</li>" for each in facts.gaps)
    return f'<h2>Known gaps</h2><ul class="gaps">{items}</ul>'


def _classes(facts: CardFacts) -> str:
    most = max((each.samples for each in facts.classes), default=0) or 1
    rows = [
        [
            pages.text(each.name),
            pages.bar(each.samples / most, f"{each.samples:,} samples"),
            f"{each.samples:,}",
            *[f"{each.splits[split]:,}" for split in SPLITS],
            f"{each.agreement:.1%}" if each.samples else "-",
        ]
        for each in facts.classes
    ]
    columns = ["class", "share", "samples", *SPLITS, "agreement"]
    return pages.table(columns, rows, ("samples", *SPLITS, "agreement"))


def _sources(facts: CardFacts) -> str:
    most = max((each.samples for each in facts.sources), default=0) or 1
    rows = [
        [
            pages.text(words.source(each)),
            pages.bar(each.samples / most, f"{each.samples:,} samples"),
            f"{each.samples:,}",
            f"{each.agreement:.1%}",
            words.propensity(each),
        ]
        for each in facts.sources
    ]
    numbers = ("samples", "agreement", "propensity")
    return pages.table(["source", "share", "samples", "agreement", "propensity"], rows, numbers)


def _annotators(facts: CardFacts) -> str:
    if not facts.annotators:
        return ""
    rows = [
        [pages.text(name), pages.bar(share, f"{share:.1%}"), f"{share:.1%}"] for name, share in facts.annotators.items()
    ]
    return "<h2>Annotators</h2>" + pages.table(
        ["annotator", "share", "of people's labels"], rows, ("of people's labels",)
    )


def _slices(facts: CardFacts) -> str:
    if facts.slices.keys() <= {""}:
        return ""
    most = max(facts.slices.values())
    rows = [
        [pages.text(name or "(no slice)"), pages.bar(number / most, f"{number:,} samples"), f"{number:,}"]
        for name, number in facts.slices.items()
    ]
    return "<h2>Slices</h2>" + pages.table(["slice", "share", "samples"], rows, ("samples",))


def _changes(facts: CardFacts) -> str:
    kinds = [each for each in words.CHANGES if any(each in counts for counts in facts.changes.values())]
    rows = [
        [pages.text(name or "(any)"), *[f"{counts.get(kind, 0):,}" for kind in kinds]]
        for name, counts in facts.changes.items()
    ]
    return pages.table(["class", *kinds], rows, kinds) if rows else ""


def _origin(facts: CardFacts) -> str:
    rows = [
        [pages.text(name), f"<code>{pages.text(value)}</code>"] for name, value in words.origin(facts.version).items()
    ]
    return pages.table(["", words.span(facts)], rows)
