"""The table of trigger rules: one file each, one line here. The first rule that fires decides.

A rule is a function from facts and policy to the sentence that an operator reads, or None when it does not fire.
"""

from __future__ import annotations

from collections.abc import Callable

from trueup.model import Action, TriggerDecision, TriggerPolicy
from trueup.retraining.triggers import count, new_class, schedule
from trueup.retraining.triggers.facts import Facts

Rule = Callable[[Facts, TriggerPolicy], str | None]
RULES: dict[str, Rule] = {"new_class": new_class.fires, "count": count.fires, "schedule": schedule.fires}

__all__ = ["RULES", "Facts", "decide"]


def decide(facts: Facts, policy: TriggerPolicy) -> TriggerDecision:
    """Weigh all rules in the table's order."""
    for name, rule in RULES.items():
        reason = rule(facts, policy)
        if reason is not None:
            return TriggerDecision(action=Action(policy.action), rule=name, reason=reason)
    baseline = facts.trained_version
    since = f" since version {baseline.number}" if baseline else ""
    return TriggerDecision(
        action=Action.WAIT, rule="none", reason=f"{facts.new_labels} new labels{since}: no rule fires"
    )
