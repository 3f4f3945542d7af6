"""What a captured input is called, and with which others it belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from trueup.errors import DecodeError
from trueup.model import Capture, Payload, content_id


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
    capture's custom attributes. A capture that lacks the wanted field forms a group of its own.
    Raises DecodeError for another `group_by`.
    """
    own = sample_id(payload)
    if group_by is None:
        return own
    if group_by == "inference_id":
        return capture.inference_id or own
    if group_by.startswith("attribute:"):
        return attribute_of(capture.custom_attributes, group_by.removeprefix("attribute:")) or own
    raise DecodeError(f"selection.group_by is {group_by!r}: use inference_id or attribute:<name>", field="group_by")


def slice_of(custom_attributes: Sequence[str], slice_by: str | None) -> str | None:
    """The slice of the traffic that `slice_by`, "attribute:<k>", puts a capture into; None if it is in none."""
    return attribute_of(custom_attributes, slice_by.removeprefix("attribute:")) if slice_by else None


def attribute_of(custom_attributes: Sequence[str], name: str) -> str | None:
    """The value of name=value in a capture's custom attributes, which the caller may also have put in one text."""
    pairs = (part.strip().partition("=") for each in custom_attributes for part in each.split(","))
    return next((value for key, _, value in pairs if key == name and value), None)
