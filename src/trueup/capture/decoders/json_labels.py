"""Labels without probabilities: what predict() of a scikit-learn classifier answers.

Nothing tells how sure the model was, so that such predictions are asked about by the audit alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders.family import class_at, documents, glimpse, labelled, shown
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction


def recognises(payload: Payload) -> bool:
    """A list of texts, and nothing but texts: numbers may be scores."""
    found = [each for document in glimpse(payload) for each in _labels(document)]
    return bool(found) and all(isinstance(each, str) for each in found)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction a label; a whole number is the index of one, unless it is its name. Raises DecodeError for a
    label that is none of `classes`."""
    labels = [each for document in documents(payload) for each in _labels(document)]
    if not labels:
        raise DecodeError("the answer is not a list of labels")
    names = [each if isinstance(each, str) or str(each) in classes else class_at(each, classes) for each in labels]
    strange = [each for each in names if str(each) not in classes]
    if strange:
        raise DecodeError(f"no class of the label schema is called {shown(strange)}")
    return [labelled(each) for each in names]


def _labels(document: Any) -> list[Any]:
    inner = document.get("predictions") if isinstance(document, Mapping) else document
    return inner if isinstance(inner, list) else []
