"""What somebody says afterwards against what the model said: users' corrections and real outcomes."""

from __future__ import annotations

from trueup.model import Prediction


def contradiction(prediction: Prediction, label: str) -> float:
    """How much a label contradicts a prediction, in [0, 1]: 0 where both name the same class, else what the model
    denied to it, so that the surest errors come first."""
    if prediction.label == label:
        return 0.0
    chances = dict(zip(prediction.classes, prediction.probabilities, strict=False))
    return 1.0 - min(1.0, max(0.0, chances.get(label, 0.0)))
