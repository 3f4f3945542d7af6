"""Raw scores of PyTorch and alike, which need a softmax. Only where a project names this decoder: nothing in the
payload tells scores from probabilities that happen to lie between 0 and 1."""

from __future__ import annotations

import json
import math
from typing import Any

from trueup.capture.decoders.family import is_number, prediction, shown
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction


def recognises(payload: Payload) -> bool:  # noqa: ARG001 - see above
    return False


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction for a list of numbers, or one each for a list of lists. Raises DecodeError."""
    try:
        document = json.loads(payload.data)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"the answer is not JSON: {error}") from error
    rows = document if isinstance(document, list) and document and isinstance(document[0], list) else [document]
    return [prediction(_softmax(each), classes) for each in rows]


def _softmax(row: Any) -> list[float]:
    if not isinstance(row, list) or len(row) < 2 or not all(is_number(each) for each in row):
        raise DecodeError(f"{shown([row])} are not the scores of two classes or more")
    highest = max(row)
    weights = [math.exp(each - highest) for each in row]
    total = math.fsum(weights)
    return [each / total for each in weights]
