"""Text Generation Inference (TGI) and text generation pipelines: the text, with `details` of its tokens where the
caller asked for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders.family import documents, glimpse, hints, is_number, shown, spoken
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction


def recognises(payload: Payload) -> bool:
    if "generated_text" not in hints(payload):
        return False
    found = [each for document in glimpse(payload) for each in _instances(document)]
    return bool(found) and all(isinstance(each, Mapping) and "generated_text" in each for each in found)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:  # noqa: ARG001 - the model wrote them
    """One prediction a text. Raises DecodeError."""
    found = [each for document in documents(payload) for each in _instances(document)]
    if not found:
        raise DecodeError("the answer holds no text")
    return [_one(each) for each in found]


def _instances(document: Any) -> list[Any]:
    return document if isinstance(document, list) else [document]


def _one(instance: Any) -> Prediction:
    text = instance.get("generated_text") if isinstance(instance, Mapping) else None
    if not isinstance(text, str):
        raise DecodeError(f"{shown([instance])} has no generated_text")
    details = instance.get("details")
    steps = details.get("tokens") if isinstance(details, Mapping) else None
    tops = details.get("top_tokens") if isinstance(details, Mapping) else None
    tokens = [_token(each) for each in steps if not _is_special(each)] if isinstance(steps, list) else []
    first = tops[0] if isinstance(tops, list) and tops and isinstance(tops[0], list) else []
    return spoken(text, tokens, [_token(each) for each in first if not _is_special(each)])


def _is_special(each: Any) -> bool:
    return isinstance(each, Mapping) and each.get("special") is True


def _token(each: Any) -> tuple[str, float]:
    text, logprob = (each.get("text"), each.get("logprob")) if isinstance(each, Mapping) else (None, None)
    if not isinstance(text, str) or not is_number(logprob):
        raise DecodeError(f"{shown([each])} is not a token with its logprob")
    return text, float(logprob)
