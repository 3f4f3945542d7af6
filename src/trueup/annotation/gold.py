"""Which gold task an annotator is asked next, and what their answers to such tasks say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from trueup.model import Gold, GoldAnswer, GoldPolicy, StandingStatus, content_id


def drawn(share: float, *parts: str) -> bool:
    """Whether it is a gold task's turn: with probability `share`, by a draw that the parts make."""
    return int(content_id(*parts)[:8], 16) / 16**8 < share


def choices(items: Sequence[Gold], answered: Sequence[GoldAnswer], policy: GoldPolicy, annotator: str) -> list[Gold]:
    """Those that this annotator was not asked, and not too many others were: of what they were asked about least (by
    class) first, then what others were asked least, then by a draw."""
    done = {each.gold_id for each in answered}
    asked = Counter(name for each in answered for name in each.names)
    left = [each for each in items if each.gold_id not in done and each.exposures < policy.retire_after]

    def rank(gold: Gold) -> tuple[int, int, str]:
        return min((asked[name] for name in gold.names), default=0), gold.exposures, content_id(annotator, gold.gold_id)

    return sorted(left, key=rank)


def status_of(answers: Sequence[GoldAnswer], policy: GoldPolicy) -> tuple[StandingStatus, str]:
    """How an annotator stands by their gold answers, oldest first, and why."""
    recent = answers[-policy.window :]
    if len(recent) < policy.min_answers:
        return StandingStatus.ACTIVE, ""
    share = sum(each.score for each in recent) / len(recent)
    reason = f"{share:.0%} right of the newest {len(recent)} tasks whose answer is known"
    if share < policy.suspend_below:
        return StandingStatus.SUSPENDED, reason
    if policy.train_below is not None and share < policy.train_below:
        return StandingStatus.TRAINING, reason
    return (StandingStatus.WARNED, reason) if share < policy.warn_below else (StandingStatus.ACTIVE, reason)
