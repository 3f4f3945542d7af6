"""Labels without probabilities: what predict() of a scikit-learn classifier answers.

Nothing tells how sure the model was, so that such predictions are asked about by the audit alone.
"""

from __future__ import annotations

import json
from typing import Any

from trueup.capture.decoders.family import labelled, shown
from trueup.capture.samples import media_type
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction


def recognises(payload: Payload) -> bool:
    return media_type(payload.content_type) == "application/json" and _labels(payload) is not None


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction a label. Raises DecodeError for a label that is none of `classes`."""
    labels = _labels(payload)
    if labels is None:
        raise DecodeError("the answer is not a list of labels")
    strange = [each for each in labels if each not in classes]
    if strange:
        raise DecodeError(f"{shown(strange)} is no class of the label schema")
    return [labelled(each) for each in labels]


def _labels(payload: Payload) -> list[str] | None:
    """A list of texts, and nothing but texts: numbers may be scores."""
    try:
        document: Any = json.loads(payload.data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, list) or not document or not all(isinstance(each, str) for each in document):
        return None
    return document
