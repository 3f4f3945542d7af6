"""What lineage tells of a dataset version, whoever is told: the one place that reads a version's fields for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from trueup.model import DatasetVersion, LabelledSample, QualityReport, Record

IMPORTED = "import"


class StrategyFacts(Record, frozen=True, kw_only=True):
    """Why people were asked: how many labels a strategy brought, and between which probabilities it chose them; None
    where it was no choice, as of labels that were imported."""

    name: str
    labels: int
    min_propensity: float | None = None
    max_propensity: float | None = None


class Brought(Record, frozen=True, kw_only=True):
    """What the segments that are new in a version hold. `whole` is False where some were too large to be read."""

    strategies: tuple[StrategyFacts, ...] = ()
    whole: bool = True

    @property
    def asked(self) -> bool:
        """Whether some labels are people's answers."""
        return any(each.name != IMPORTED for each in self.strategies)


class AnswerFacts(Record, frozen=True, kw_only=True):
    """The project's newest quality report, in short: of all answers, not of one version's."""

    at: datetime
    annotators: int
    agreement: float | None
    agreement_low: float | None
    agreement_high: float | None
    gold_answers: int
    gold_accuracy: float | None


class VersionFacts(Record, frozen=True, kw_only=True):
    """`root` names the content, `version_id` the version's document; `bytes` and `files` are those of all segments,
    `new_bytes` and `new_files` of its own changes. `parent_at` is when that was made."""

    version_id: str
    number: int
    parent: str | None
    parent_at: datetime | None
    root: str
    schema_version: str
    samples: int
    splits: Mapping[str, int]
    labels: Mapping[str, int]
    added: int
    relabelled: int
    agreement: float
    created_at: datetime
    reason: str
    bytes: int
    files: int
    new_bytes: int
    new_files: int

    @property
    def name(self) -> str:
        return f"v{self.number}"


def version_facts(version: DatasetVersion, parent: DatasetVersion | None) -> VersionFacts:
    return VersionFacts(
        version_id=version.version_id,
        number=version.number,
        parent=version.parent,
        parent_at=parent.created_at if parent else None,
        root=version.root,
        schema_version=version.schema_version,
        samples=version.samples,
        splits=version.split_counts,
        labels=version.class_counts,
        added=version.added,
        relabelled=version.relabelled,
        agreement=version.mean_agreement,
        created_at=version.created_at,
        reason=version.reason,
        bytes=sum(each.bytes for each in version.segments),
        files=len(version.segments),
        new_bytes=sum(each.bytes for each in version.delta),
        new_files=len(version.delta),
    )


def strategy_facts(lines: Iterable[LabelledSample]) -> tuple[StrategyFacts, ...]:
    """By name; the lines are read once, and not kept."""
    counts: dict[str, int] = {}
    ranges: dict[str, tuple[float, float]] = {}
    for each in lines:
        counts[each.selected_by] = counts.get(each.selected_by, 0) + 1
        if each.propensity is not None:
            low, high = ranges.get(each.selected_by, (each.propensity, each.propensity))
            ranges[each.selected_by] = min(low, each.propensity), max(high, each.propensity)
    return tuple(_strategy(name, counts[name], ranges.get(name)) for name in sorted(counts))


def _strategy(name: str, labels: int, between: tuple[float, float] | None) -> StrategyFacts:
    low, high = between or (None, None)
    return StrategyFacts(name=name, labels=labels, min_propensity=low, max_propensity=high)


def answer_facts(report: QualityReport) -> AnswerFacts:
    """The share of right gold answers is over all of them, whoever gave them."""
    gold = sum(each.gold for each in report.annotators)
    right = sum(each.gold * (each.gold_right or 0.0) for each in report.annotators)
    return AnswerFacts(
        at=report.at,
        annotators=len(report.annotators),
        agreement=report.agreement.value,
        agreement_low=report.agreement.low,
        agreement_high=report.agreement.high,
        gold_answers=gold,
        gold_accuracy=round(right / gold, 6) if gold else None,
    )
