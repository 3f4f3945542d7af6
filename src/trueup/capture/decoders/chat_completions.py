"""Chat completions in OpenAI's shape (vLLM, LMI, SGLang): what was written, with the log-probabilities of its tokens
where the caller asked for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders.family import documents, glimpse, hints, is_number, shown, spoken
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction


def recognises(payload: Payload) -> bool:
    if "choices" not in hints(payload):
        return False
    found = glimpse(payload)
    return bool(found) and all(isinstance(each, Mapping) and isinstance(each.get("choices"), list) for each in found)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:  # noqa: ARG001 - the model wrote them
    """One prediction a completion: its first choice. Raises DecodeError."""
    found = documents(payload)
    if not found:
        raise DecodeError("the answer holds no completion")
    return [_one(each) for each in found]


def _one(document: Any) -> Prediction:
    choices = document.get("choices") if isinstance(document, Mapping) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    text = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(text, str):
        raise DecodeError(f"{shown([choice])} is not a choice with a message of text")
    logprobs = choice.get("logprobs")
    listed = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    steps = listed if isinstance(listed, list) else []
    tokens = [_token(each) for each in steps]
    # What ends the answer is a token too, and no part of its text.
    said = [each for each in tokens if each[0] and each[0] in text]
    others = steps[0].get("top_logprobs") if steps else None
    return spoken(text, said or tokens, [_token(each) for each in others] if isinstance(others, list) else [])


def _token(each: Any) -> tuple[str, float]:
    token, logprob = (each.get("token"), each.get("logprob")) if isinstance(each, Mapping) else (None, None)
    if not isinstance(token, str) or not is_number(logprob):
        raise DecodeError(f"{shown([each])} is not a token with its logprob")
    return token, float(logprob)
