"""It is time."""

from __future__ import annotations

from trueup.model import TriggerPolicy
from trueup.retraining.triggers.facts import Facts


def fires(facts: Facts, policy: TriggerPolicy) -> str | None:
    """`every_seconds` have passed since the last run and there is at least one new label."""
    if policy.every_seconds is None or facts.new_labels == 0:
        return None
    waited = (facts.now - facts.last_run_at).total_seconds()
    if waited < policy.every_seconds:
        return None
    rule = f"rule: {policy.every_seconds / 3600:.1f}"
    return f"{waited / 3600:.1f} hours since the last run ({rule}), {facts.new_labels} new labels"
