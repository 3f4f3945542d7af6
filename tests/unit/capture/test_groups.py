"""Which group an input belongs to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trueup.capture.samples import group_in, group_of, sample_id
from trueup.errors import DecodeError
from trueup.model import Capture, Payload

JSON = Payload(
    data=b'{"user": {"id": 17, "name": "anna", "old": true}, "visits": [{"video": "v1"}]}',
    content_type="application/json",
)
CSV = Payload(data=b'anna,3.5,"x, y"\nbert,1,2\n', content_type="text/csv")


def capture(*attributes: str, inference_id: str | None = None) -> Capture:
    return Capture(
        event_id="e",
        inference_time=datetime(2026, 11, 24, tzinfo=UTC),
        line=1,
        inference_id=inference_id,
        custom_attributes=attributes,
    )


@pytest.mark.parametrize(
    ("payload", "group_by", "group"),
    [
        (JSON, "payload:user.id", "17"),
        (JSON, "payload:user.name", "anna"),
        (JSON, "payload:visits[0].video", "v1"),
        (CSV, "column:0", "anna"),
        (CSV, "column:2", "x, y"),
        # What is no name of a group, or not there, leaves the input alone.
        (JSON, "payload:user", None),
        (JSON, "payload:user.old", None),
        (JSON, "payload:nobody", None),
        (JSON, "payload:length(user.id)", None),
        (CSV, "payload:user", None),
        (CSV, "column:3", None),
        (Payload(data=b"\xff\xfe", content_type="text/csv"), "column:0", None),
        (Payload(data=b"\xff\xfe", content_type="application/json"), "payload:a", None),
        (Payload(data=b"", content_type="text/csv"), "column:0", None),
        (JSON, "inference_id", None),
        (JSON, None, None),
    ],
)
def test_an_input_may_name_its_group(payload: Payload, group_by: str | None, group: str | None) -> None:
    assert group_in(payload, group_by) == group
    assert group_of(capture(), payload, group_by) == (group or sample_id(payload))


def test_a_request_may_name_it() -> None:
    assert group_of(capture(inference_id="order-7"), JSON, "inference_id") == "order-7"
    assert group_of(capture("a=1,customer=anna"), JSON, "attribute:customer") == "anna"
    with pytest.raises(DecodeError, match="use inference_id, attribute:<name>, payload:<JMESPath> or column:<number>"):
        group_of(capture(), JSON, "user")
