"""Triton Inference Server and KServe v2: named tensors, flat, with their shapes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders.family import glimpse, is_number, prediction, shown, softmax
from trueup.capture.samples import media_type
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

_NAMES = ("probabilities", "probs", "softmax", "scores")
_LOGITS = "logits"


def recognises(payload: Payload) -> bool:
    return media_type(payload.content_type) == "application/json" and _outputs(payload) is not None


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction for each row of the tensor of probabilities: the one with a known name, or the only one of
    floating point. What is called logits, or cannot be probabilities, gets a softmax. Raises DecodeError."""
    tensor = _tensor(_outputs(payload) or [])
    shape: Any = tensor.get("shape")
    data: Any = tensor.get("data")
    if not _is_shape(shape) or not isinstance(data, list) or not all(is_number(each) for each in data):
        raise DecodeError(f"the tensor {shown([tensor.get('name')])} has no shape and flat numbers")
    width = shape[-1]
    if math.prod(shape) != len(data) or not data:
        raise DecodeError(f"a tensor of shape {shape} holds {len(data)} numbers")
    rows = [[float(each) for each in data[start : start + width]] for start in range(0, len(data), width)]
    if width > 1 and (tensor.get("name") == _LOGITS or not all(0 <= each <= 1 for each in data)):
        return [prediction(softmax(row), classes, kind="logits") for row in rows]
    return [prediction(row, classes) for row in rows]


def _outputs(payload: Payload) -> list[Mapping[str, Any]] | None:
    found = glimpse(payload)
    document = found[0] if len(found) == 1 else None
    outputs = document.get("outputs") if isinstance(document, dict) else None
    if not isinstance(outputs, list) or not all(isinstance(each, dict) and "datatype" in each for each in outputs):
        return None
    return outputs


def _tensor(outputs: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    named = [each for each in outputs if each.get("name") in _NAMES]
    floats = [each for each in outputs if str(each.get("datatype")).startswith("FP")]
    for found in (named, floats):
        if len(found) == 1:
            return found[0]
    names = shown([each.get("name") for each in outputs])
    raise DecodeError(f"which of the tensors {names} holds the probabilities? Name it one of {', '.join(_NAMES)}")


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, list) and bool(shape) and all(isinstance(each, int) and each > 0 for each in shape)
