"""Enough new labels."""

from __future__ import annotations

from trueup.model import TriggerPolicy
from trueup.retraining.triggers.facts import Facts


def fires(facts: Facts, policy: TriggerPolicy) -> str | None:
    """At least `min_new_labels` labels since the version that was trained last."""
    wanted = policy.min_new_labels
    if wanted is None or facts.new_labels < wanted:
        return None
    since = f" since version {facts.trained_version.number}" if facts.trained_version else ""
    return f"{facts.new_labels} new labels{since} (rule: {wanted})"
