"""Triton Inference Server and KServe v2: named tensors, flat, with their shapes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders.family import is_number, prediction, shown
from trueup.capture.samples import media_type
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

_NAMES = ("probabilities", "probs", "softmax", "scores")


def recognises(payload: Payload) -> bool:
    return media_type(payload.content_type) == "application/json" and _outputs(payload) is not None


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction for each row of the tensor of probabilities: the one with a known name, or the only one of
    floating point. Raises DecodeError."""
    tensor = _tensor(_outputs(payload) or [])
    shape: Any = tensor.get("shape")
    data: Any = tensor.get("data")
    if not _is_shape(shape) or not isinstance(data, list) or not all(is_number(each) for each in data):
        raise DecodeError(f"the tensor {shown([tensor.get('name')])} has no shape and flat numbers")
    width = shape[-1]
    if math.prod(shape) != len(data) or not data:
        raise DecodeError(f"a tensor of shape {shape} holds {len(data)} numbers")
    rows = (data[start : start + width] for start in range(0, len(data), width))
    return [prediction([float(each) for each in row], classes) for row in rows]


def _outputs(payload: Payload) -> list[Mapping[str, Any]] | None:
    try:
        document = json.loads(payload.data)
    except (ValueError, RecursionError):
        return None
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
