"""What both forms of a card say in the same words."""

from __future__ import annotations

from collections.abc import Mapping

from trueup.dataset.cards.facts import CardFacts, SourceFigures
from trueup.dataset.figures import BY_CLASS, FROM, TO, Summary
from trueup.model import DatasetVersion

_CALLED = {FROM: "relabelled from", TO: "relabelled to"}
CHANGES = ("added", "removed", "relabelled", "moved", "restated")
SOURCES: Mapping[str, str] = {
    "import": "labels that existed already",
    "audit": "drawn evenly from the traffic",
    "override": "users corrected the model",
    "truth": "the real outcome contradicted the model",
}


def class_table(told: Summary) -> tuple[list[str], list[list[str]]]:
    """What happened to samples of each class: columns beside its name, of what did happen, and rows."""
    kinds = [each for each in BY_CLASS if any(each in row for row in told.classes.values())]
    rows = [[name, *[f"{row.get(kind, 0):,}" for kind in kinds]] for name, row in told.classes.items()]
    return [_CALLED.get(each, each) for each in kinds], rows


def heading(facts: CardFacts) -> str:
    return f"{facts.title}, version {facts.version.number}"


def figures(facts: CardFacts) -> dict[str, str]:
    """The few figures that matter most."""
    version = facts.version
    return {
        "samples": f"{version.samples:,}",
        "classes": f"{sum(each.samples > 0 for each in facts.classes):,} of {len(facts.classes):,}",
        "mean agreement": f"{version.mean_agreement:.1%}",
        "mean posterior": f"{version.mean_posterior:.1%}",
        "answered by people": f"{facts.by_people / max(1, version.samples):.0%}",
        "balance of classes": f"{facts.balance:.2f}",
    }


def quality(version: DatasetVersion) -> str:
    """How good the answers were, in a sentence; empty where no report was made before the version."""
    found = version.quality
    if found is None:
        return ""
    agreement = "not known yet" if found.agreement.value is None else f"{found.agreement.value:.2f}"
    if found.agreement.low is not None and found.agreement.high is not None:
        agreement += f" (90 % interval {found.agreement.low:.2f} to {found.agreement.high:.2f})"
    gold = f"; {found.gold_right:.0%} of {found.gold:,} gold tasks were right" if found.gold_right is not None else ""
    return (
        f"The newest {found.answers:,} answers, by {found.annotators:,} annotators, agreed by "
        f"{found.agreement.name} {agreement}{gold} ({found.at:%Y-%m-%d %H:%M} UTC)."
    )


def origin(version: DatasetVersion) -> dict[str, str]:
    """Where the version comes from."""
    said = {
        "made": f"{version.created_at:%Y-%m-%d %H:%M} UTC by {version.by}: {version.reason}",
        "version": version.version_id,
        "parent": version.parent or "none",
        "branch": version.branch,
        "merged": version.merged or "",
        "Merkle root": version.root,
        "label schema": version.schema_version,
        "selection policy": version.policy_version,
    }
    return {name: value for name, value in said.items() if value}


def source(figures: SourceFigures) -> str:
    meaning = SOURCES.get(figures.name)
    return f"{figures.name} ({meaning})" if meaning else figures.name


def propensity(figures: SourceFigures) -> str:
    if figures.propensities is None:
        return "unknown"
    low, high = figures.propensities
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def summary(version: DatasetVersion) -> str:
    """What a version changed, in a sentence."""
    parts = [f"{getattr(version, each):,} {each}" for each in CHANGES if getattr(version, each)]
    return ", ".join(parts) or "nothing changed"


def span(facts: CardFacts) -> str:
    if facts.oldest is None or facts.newest is None:
        return "No label says when it was given."
    first, last = f"{facts.oldest:%Y-%m-%d}", f"{facts.newest:%Y-%m-%d}"
    return f"Labels were given {f'between {first} and {last}' if first != last else f'on {first}'}."
