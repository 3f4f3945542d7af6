"""People found a class that the champion does not know."""

from __future__ import annotations

from trueup.model import TriggerPolicy
from trueup.retraining.triggers.facts import Facts


def fires(facts: Facts, policy: TriggerPolicy) -> str | None:
    """A class outside the champion's has at least `new_class_min_labels` new labels."""
    wanted = policy.new_class_min_labels
    if wanted is None:
        return None
    found = {
        name: count
        for name, count in sorted(facts.label_counts_new.items())
        if name not in facts.champion_classes and count >= wanted
    }
    if not found:
        return None
    listed = ", ".join(f"{name!r} with {count} labels" for name, count in found.items())
    return f"new class {listed} that the champion does not know (rule: {wanted})"
