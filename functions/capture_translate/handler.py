"""Manifests of batch transforms, their objects and messages of asynchronous endpoints → translate_captures."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import msgspec

from trueup.capture.asynchronous import is_inference, read_inference
from trueup.errors import InputError
from trueup.model import TransformPair
from trueup.observability import Message, count, logger_of, process_messages
from trueup.settings import CaptureTranslateSettings
from trueup.usecases.note_failure import NoteFailure
from trueup.usecases.translate_captures import TranslateCaptures, Translation
from trueup.wiring.note_failure import note_failure
from trueup.wiring.translate_captures import translate_captures

logger = logger_of("capture_translate")


@cache
def _note() -> NoteFailure:
    return note_failure("capture_translate", CaptureTranslateSettings.from_env(os.environ).table_name)


@cache
def _translate() -> TranslateCaptures:
    return translate_captures(CaptureTranslateSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, logger, _note)


def _message(record: Message) -> None:
    done = _translated(record.json())
    logger.info("captures translated", captures=done.captures, files=done.files[:3], announced=done.announced)
    count(done.project, {"CapturesTranslated": done.captures, "InferencesFailed": done.failed})


def _translated(body: dict[str, Any]) -> Translation:
    if is_inference(body):
        return _translate().inference(read_inference(body))
    if "detail" in body:
        return _translate().manifest(f"s3://{body['detail']['bucket']['name']}/{body['detail']['object']['key']}")
    try:
        return _translate().pair(msgspec.convert(body, TransformPair))
    except msgspec.ValidationError as error:
        raise InputError(
            f"neither a manifest's event, nor an object of one, nor an endpoint's message: {error}"
        ) from error
