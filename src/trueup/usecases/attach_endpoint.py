"""Switch data capture on for an endpoint that exists, and put it back as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from trueup.errors import ConflictError
from trueup.model import Record, content_id
from trueup.ports import EndpointAdmin
from trueup.retraining.plan import data_capture, endpoint_config_with

FORMER = "trueup:former-config"


class Change(Record, frozen=True, kw_only=True):
    """What would be, or was, done: the present configuration and the one that takes its place."""

    endpoint: str
    before: dict[str, Any]
    after: dict[str, Any]
    done: bool


@dataclass(frozen=True)
class AttachEndpoint:
    """Every setting of the present endpoint configuration is kept but its data capture.

    The new configuration's name follows from its content, so attaching twice is attaching once. Raises
    NotFoundError (endpoint), ConflictError (it captures to somewhere else, or is not in service).
    """

    endpoints: EndpointAdmin

    def __call__(
        self, endpoint: str, capture_uri: str, key_arn: str, *, sampling: int = 100, dry_run: bool = False
    ) -> Change:
        before = dict(self.endpoints.config(endpoint))
        _refuse_foreign_capture(before, capture_uri)
        capture = data_capture(capture_uri, key_arn, sampling)
        if before.get("DataCaptureConfig") == capture:
            return Change(endpoint=endpoint, before=before, after=before, done=False)
        tags = [{"Key": FORMER, "Value": self._origin(before)}]
        after = endpoint_config_with(before, name="", model_name=None, capture=capture, tags=tags)
        after["EndpointConfigName"] = _name(endpoint, after)
        if not dry_run:
            self.endpoints.create_config(after)
            self.endpoints.switch(endpoint, after["EndpointConfigName"])
        return Change(endpoint=endpoint, before=before, after=after, done=not dry_run)

    def detach(self, endpoint: str, *, dry_run: bool = False) -> Change:
        """Go back to the configuration before attaching. Raises ConflictError when none is recorded."""
        before = dict(self.endpoints.config(endpoint))
        former = self.endpoints.tags(before["EndpointConfigArn"]).get(FORMER)
        if former is None:
            raise ConflictError(f"endpoint {endpoint} was not attached by trueup: there is nothing to put back")
        after = dict(self.endpoints.named_config(former))
        if not dry_run:
            self.endpoints.switch(endpoint, former)
        return Change(endpoint=endpoint, before=before, after=after, done=not dry_run)

    def _origin(self, before: Mapping[str, Any]) -> str:
        """Attaching an attached endpoint anew (another sampling rate) remembers the configuration before the first."""
        return self.endpoints.tags(before["EndpointConfigArn"]).get(FORMER, str(before["EndpointConfigName"]))


def _refuse_foreign_capture(before: Mapping[str, Any], capture_uri: str) -> None:
    present = before.get("DataCaptureConfig", {})
    if present.get("EnableCapture") and present.get("DestinationS3Uri") != capture_uri:
        raise ConflictError(
            f"the endpoint captures to {present['DestinationS3Uri']} already; detach that first, trueup would end it"
        )


def _name(endpoint: str, request: Mapping[str, Any]) -> str:
    digest = content_id(msgspec.json.encode(request, order="deterministic"))[:10]
    return f"{endpoint[:45].rstrip('-')}-trueup-{digest}"
