"""The gate: may the candidate replace the champion?

Both models answered the same frozen test samples, so their outcomes are paired. Whether the candidate is
significantly worse is judged by McNemar's exact test (McNemar, 1947): of the samples on which the two disagree,
the number that the candidate wins is Binomial(n, 1/2) if they are equally good.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from trueup.errors import ManifestError
from trueup.model import GatePolicy, GateVerdict, Record

# A class with fewer test samples says nothing about its recall.
MIN_CLASS_SUPPORT = 5


class ModelAnswer(Record, frozen=True, kw_only=True):
    label: str
    probability: float = 0.0


class TestPrediction(Record, frozen=True, kw_only=True):
    """One line of the evaluation job's predictions.jsonl. `annotators` are those on whose answers the label stands."""

    __test__ = False

    sample: str
    label: str
    candidate: ModelAnswer
    champion: ModelAnswer | None = None
    annotators: tuple[str, ...] = ()


class Outcome(Record, frozen=True, kw_only=True):
    """What one model said of one test sample."""

    sample: str
    truth: str
    answer: str

    @property
    def right(self) -> bool:
        return self.truth == self.answer


Outcomes = Sequence[Outcome]


def read_predictions(data: bytes) -> list[TestPrediction]:
    """Raises ManifestError that names the line."""
    lines = [each for each in data.splitlines() if each.strip()]
    return [_line(raw, number) for number, raw in enumerate(lines, start=1)]


def outcomes_of(predictions: Sequence[TestPrediction]) -> tuple[Outcomes, Outcomes | None]:
    """Candidate's and champion's outcomes, in the same order; None when no champion was evaluated."""
    candidate = [Outcome(sample=each.sample, truth=each.label, answer=each.candidate.label) for each in predictions]
    champion = [
        Outcome(sample=each.sample, truth=each.label, answer=each.champion.label)
        for each in predictions
        if each.champion is not None
    ]
    return candidate, champion if len(champion) == len(candidate) and champion else None


def judge(candidate: Outcomes, champion: Outcomes | None, policy: GatePolicy) -> GateVerdict:
    """Every reason is listed, those that spoke for the candidate too. Without a champion the candidate passes
    when there are enough test samples: there is nothing to be worse than."""
    metrics = {"test_samples": float(len(candidate)), **_figures("candidate", candidate)}
    if len(candidate) < policy.min_test_samples:
        reason = f"only {len(candidate)} test samples (rule: {policy.min_test_samples}): label more before judging"
        return GateVerdict(passed=False, reasons=(reason,), metrics=metrics)
    if champion is None:
        return GateVerdict(passed=True, reasons=("there is no champion to compare with",), metrics=metrics)
    metrics |= _figures("champion", champion)
    checks = [_improvement(metrics, policy), _significance(candidate, champion, policy, metrics)]
    checks += _recall_drops(candidate, champion, policy)
    refusals = tuple(sentence for passed, sentence in checks if not passed)
    return GateVerdict(
        passed=not refusals,
        reasons=refusals or tuple(sentence for _, sentence in checks),
        metrics=metrics,
    )


def _improvement(metrics: dict[str, float], policy: GatePolicy) -> tuple[bool, str]:
    new, old = metrics[f"candidate_{policy.metric}"], metrics[f"champion_{policy.metric}"]
    gain = new - old
    sentence = (
        f"{policy.metric} {new:.3f} against the champion's {old:.3f} ({gain:+.3f}, rule: {policy.min_improvement:+.3f})"
    )
    return gain >= policy.min_improvement, sentence


def _significance(
    candidate: Outcomes, champion: Outcomes, policy: GatePolicy, metrics: dict[str, float]
) -> tuple[bool, str]:
    wins = sum(new.right and not old.right for new, old in zip(candidate, champion, strict=True))
    losses = sum(old.right and not new.right for new, old in zip(candidate, champion, strict=True))
    worse = binomial_tail(wins + losses, losses)
    metrics |= {"wins": float(wins), "losses": float(losses), "p_worse": round(worse, 6)}
    sentence = f"won {wins} and lost {losses} of the samples on which the two differ"
    return losses <= wins or worse > 1 - policy.confidence, sentence


def binomial_tail(trials: int, at_least: int) -> float:
    """P[Binomial(trials, 1/2) >= at_least]: the one-sided p-value of McNemar's exact test."""
    ways: int = sum(math.comb(trials, each) for each in range(at_least, trials + 1))
    return float(ways / 2**trials)


def _recall_drops(candidate: Outcomes, champion: Outcomes, policy: GatePolicy) -> list[tuple[bool, str]]:
    new, old, support = _recalls(candidate), _recalls(champion), _support(candidate)
    dropped = [
        (name, old[name], new[name])
        for name in sorted(new)
        if support[name] >= MIN_CLASS_SUPPORT and old[name] - new[name] > policy.max_class_recall_drop
    ]
    return [
        (
            False,
            f"recall of {name!r} falls from {before:.2f} to {after:.2f} "
            f"(rule: at most {policy.max_class_recall_drop:.2f})",
        )
        for name, before, after in dropped
    ]


def _figures(who: str, outcomes: Outcomes) -> dict[str, float]:
    recalls = _recalls(outcomes)
    accuracy = sum(each.right for each in outcomes) / len(outcomes) if outcomes else 0.0
    macro = sum(recalls.values()) / len(recalls) if recalls else 0.0
    return {f"{who}_accuracy": round(accuracy, 6), f"{who}_macro_recall": round(macro, 6)}


def _recalls(outcomes: Outcomes) -> dict[str, float]:
    right: dict[str, int] = defaultdict(int)
    for each in outcomes:
        right[each.truth] += each.right
    return {name: right[name] / count for name, count in _support(outcomes).items()}


def _support(outcomes: Outcomes) -> dict[str, int]:
    support: dict[str, int] = defaultdict(int)
    for each in outcomes:
        support[each.truth] += 1
    return support


def _line(raw: bytes, number: int) -> TestPrediction:
    try:
        return msgspec.json.decode(raw, type=TestPrediction)
    except msgspec.MsgspecError as error:
        raise ManifestError(f"line {number} of predictions.jsonl: {error}", field=f"line {number}") from error
