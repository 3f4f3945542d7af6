"""What a captured input is called, and with which others it belongs together."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from trueup.errors import DecodeError
from trueup.model import Capture, Payload, content_id

_IN_PAYLOAD = ("payload:", "column:")


@lru_cache(maxsize=64)
def media_type(content_type: str) -> str:
    """The type without parameters, in small letters: "text/csv; charset=utf-8" is "text/csv"."""
    return content_type.partition(";")[0].strip().lower()


def sample_id(payload: Payload) -> str:
    """SHA-256 over media type and bytes: the same input has the same name whenever and wherever it comes."""
    return content_id(media_type(payload.content_type), payload.data)


def group_of(capture: Capture, payload: Payload, group_by: str | None) -> str:
    """The group whose samples stay in one split.

    `group_by` None: the sample alone. "inference_id": the caller's id. "attribute:<k>": the value of k=v in the
    capture's custom attributes. "payload:<p>": what the JMESPath p leads to in a JSON input. "column:<n>": the cell n,
    from 0, of a CSV input. A capture that lacks the wanted field forms a group of its own.
    Raises DecodeError for another `group_by`.
    """
    own = sample_id(payload)
    if group_by is None:
        return own
    if group_by == "inference_id":
        return capture.inference_id or own
    if group_by.startswith("attribute:"):
        return attribute_of(capture.custom_attributes, group_by.removeprefix("attribute:")) or own
    if group_by.startswith(_IN_PAYLOAD):
        return group_in(payload, group_by) or own
    raise DecodeError(
        f"selection.group_by is {group_by!r}: use inference_id, attribute:<name>, "
        "payload:<JMESPath> or column:<number>",
        field="group_by",
    )


def group_in(payload: Payload, group_by: str | None) -> str | None:
    """The group that an input itself names, where `group_by` looks there; None if it names none."""
    if group_by is None or not group_by.startswith(_IN_PAYLOAD):
        return None
    kind, _, place = group_by.partition(":")
    found = _at_path(payload, place) if kind == "payload" else _in_column(payload, int(place))
    return str(found) if isinstance(found, (str, int)) and not isinstance(found, bool) and found != "" else None


def _at_path(payload: Payload, path: str) -> Any:
    import jmespath  # type: ignore[import-untyped]
    from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]

    try:
        return jmespath.search(path, msgspec.json.decode(payload.data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, JMESPathError):
        return None


def _in_column(payload: Payload, number: int) -> str | None:
    """Of the first row, as text."""
    try:
        row = next(csv.reader(payload.data.decode().splitlines()), [])
    except (UnicodeDecodeError, csv.Error):
        return None
    return row[number].strip() if number < len(row) else None


def slice_of(custom_attributes: Sequence[str], slice_by: str | None) -> str | None:
    """The slice of the traffic that `slice_by`, "attribute:<k>", puts a capture into; None if it is in none."""
    return attribute_of(custom_attributes, slice_by.removeprefix("attribute:")) if slice_by else None


def attribute_of(custom_attributes: Sequence[str], name: str) -> str | None:
    """The value of name=value in a capture's custom attributes, which the caller may also have put in one text."""
    pairs = (part.strip().partition("=") for each in custom_attributes for part in each.split(","))
    return next((value for key, _, value in pairs if key == name and value), None)
