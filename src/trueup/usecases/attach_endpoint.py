"""Switch data capture on for an endpoint that exists, and put it back as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from trueup.errors import ConflictError, InputError, NotFoundError
from trueup.model import Record, content_id
from trueup.ports import EndpointAdmin
from trueup.retraining.plan import data_capture, endpoint_config_with

FORMER = "trueup:former-config"
_RESERVED = "aws:"


class Change(Record, frozen=True, kw_only=True):
    """What would be, or was, done: the present configuration and the one that takes its place.

    `done` tells whether the endpoint was moved; `needed` whether there is anything to do.
    """

    endpoint: str
    before: dict[str, Any]
    after: dict[str, Any]
    done: bool
    needed: bool = True


@dataclass(frozen=True)
class AttachEndpoint:
    """Every setting of the present endpoint configuration is kept, its tags too, but its data capture.

    The new configuration's name follows from its content, so attaching twice is attaching once. Raises
    NotFoundError (endpoint), InputError (SageMaker captures nothing there), ConflictError (it captures to
    somewhere else, or is not in service).
    """

    endpoints: EndpointAdmin

    def __call__(
        self, endpoint: str, capture_uri: str, key_arn: str, *, sampling: int = 100, dry_run: bool = False
    ) -> Change:
        before = dict(self.endpoints.config(endpoint))
        _refuse_captureless(endpoint, before)
        _refuse_foreign_capture(before, capture_uri)
        capture = data_capture(capture_uri, key_arn, sampling)
        if before.get("DataCaptureConfig") == capture:
            return Change(endpoint=endpoint, before=before, after=before, done=False, needed=False)
        tags = _with_origin(self.endpoints.tags(before["EndpointConfigArn"]), before)
        after = _clone(endpoint, before, capture, tags)
        if not dry_run:
            self._move(endpoint, after)
        return Change(endpoint=endpoint, before=before, after=after, done=not dry_run)

    def detach(self, endpoint: str, capture_uri: str, *, dry_run: bool = False) -> Change:
        """Go back to the configuration before attaching. When a promotion put another model there since, the
        present configuration is kept but for its data capture: detaching never brings an old model back.
        Raises ConflictError when the endpoint does not capture for us."""
        before = dict(self.endpoints.config(endpoint))
        tags = self.endpoints.tags(before["EndpointConfigArn"])
        former = self._former(tags)
        if former is not None:
            if not dry_run:
                self.endpoints.switch(endpoint, former["EndpointConfigName"])
            return Change(endpoint=endpoint, before=before, after=former, done=not dry_run)
        if before.get("DataCaptureConfig", {}).get("DestinationS3Uri") != capture_uri:
            raise ConflictError(f"endpoint {endpoint} is not attached: it does not capture to {capture_uri}")
        after = _clone(endpoint, before, None, {key: value for key, value in tags.items() if key != FORMER})
        if not dry_run:
            self._move(endpoint, after)
        return Change(endpoint=endpoint, before=before, after=after, done=not dry_run)

    def _former(self, tags: Mapping[str, str]) -> dict[str, Any] | None:
        """The configuration before attaching; None when the present one records none, or it was deleted since."""
        if FORMER not in tags:
            return None
        try:
            return dict(self.endpoints.named_config(tags[FORMER]))
        except NotFoundError:
            return None

    def _move(self, endpoint: str, request: Mapping[str, Any]) -> None:
        self.endpoints.create_config(request)
        self.endpoints.switch(endpoint, request["EndpointConfigName"])


def _with_origin(tags: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, str]:
    """Tags that remember the configuration before the first attaching. One that captures already (for us, else it
    was refused) is another sampling rate: what it remembers stays, be it nothing, as after a promotion."""
    if before.get("DataCaptureConfig", {}).get("EnableCapture"):
        return dict(tags)
    return {**tags, FORMER: str(before["EndpointConfigName"])}


def _clone(
    endpoint: str, before: Mapping[str, Any], capture: Mapping[str, Any] | None, tags: Mapping[str, str]
) -> dict[str, Any]:
    ours = [{"Key": key, "Value": value} for key, value in sorted(tags.items()) if not key.startswith(_RESERVED)]
    # A service may answer an empty list where creating takes none or at least one.
    present = {key: value for key, value in before.items() if value not in ([], {}, None)}
    request = endpoint_config_with(present, name="", model_name=None, capture=capture, tags=ours)
    return {**request, "EndpointConfigName": _name(endpoint, request)}


def _refuse_captureless(endpoint: str, before: Mapping[str, Any]) -> None:
    if "AsyncInferenceConfig" in before:
        raise InputError(
            f"endpoint {endpoint} is asynchronous: SageMaker captures nothing there. Name its SNS topics in the "
            "project's sources.async_topics",
            field="endpoint",
        )
    if any("ServerlessConfig" in each for each in before.get("ProductionVariants", [])):
        raise InputError(
            f"endpoint {endpoint} is serverless: SageMaker captures nothing there. Call it through "
            "trueup.capture_client.CaptureClient",
            field="endpoint",
        )


def _refuse_foreign_capture(before: Mapping[str, Any], capture_uri: str) -> None:
    present = before.get("DataCaptureConfig", {})
    if present.get("EnableCapture") and present.get("DestinationS3Uri") != capture_uri:
        raise ConflictError(
            f"the endpoint captures to {present['DestinationS3Uri']} already; attaching would end that: switch it "
            "off first"
        )


def _name(endpoint: str, request: Mapping[str, Any]) -> str:
    digest = content_id(msgspec.json.encode(request, order="deterministic"))[:10]
    return f"{endpoint[:45].rstrip('-')}-trueup-{digest}"
