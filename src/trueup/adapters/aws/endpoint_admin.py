"""SageMaker endpoints, as attaching and detaching needs them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from trueup.adapters.aws.errors import code_of, translated
from trueup.adapters.aws.model_registry import SageMakerRegistry
from trueup.errors import ConflictError, RetryableError
from trueup.ports import EndpointAdmin

_WAIT_SECONDS = 1800


class SageMakerEndpointAdmin(EndpointAdmin):
    def __init__(self, client: Any, poll_seconds: float = 2.0) -> None:
        self._client = client
        self._registry = SageMakerRegistry(client)
        self._poll_seconds = poll_seconds

    def config(self, endpoint: str) -> Mapping[str, Any]:
        return self._registry.endpoint_config(endpoint)

    def named_config(self, name: str) -> Mapping[str, Any]:
        return self._registry.named_config(name)

    def tags(self, arn: str) -> dict[str, str]:
        with translated(f"reading the tags of {arn}"):
            found = self._client.list_tags(ResourceArn=arn)["Tags"]
        return {each["Key"]: each["Value"] for each in found}

    def create_config(self, request: Mapping[str, Any]) -> None:
        with translated(f"creating the endpoint configuration {request['EndpointConfigName']}"):
            try:
                self._client.create_endpoint_config(**request)
            except ClientError as error:
                if code_of(error) != "ValidationException" or "existing" not in str(error):
                    raise

    def switch(self, endpoint: str, config_name: str) -> None:
        self._update(endpoint, config_name)
        deadline = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < deadline:
            with translated(f"describing the endpoint {endpoint}"):
                found = self._client.describe_endpoint(EndpointName=endpoint)
            if found["EndpointStatus"] not in ("Updating", "SystemUpdating", "RollingBack", "Creating"):
                _check(found, config_name)
                return
            time.sleep(self._poll_seconds)
        raise RetryableError(f"endpoint {endpoint} is still updating after {_WAIT_SECONDS} s")

    def _update(self, endpoint: str, config_name: str) -> None:
        """Instance counts and traffic weights stay as they are now, whatever the configuration said when it was
        made: automatic scaling may have moved them since. Only the data capture follows the configuration."""
        with translated(f"updating the endpoint {endpoint}"):
            try:
                self._client.update_endpoint(
                    EndpointName=endpoint,
                    EndpointConfigName=config_name,
                    RetainAllVariantProperties=True,
                    ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DataCaptureConfig"}],
                )
            except ClientError as error:
                if code_of(error) != "ValidationException":
                    raise
                raise ConflictError(f"endpoint {endpoint}: {error.response['Error']['Message']}") from error


def _check(found: Mapping[str, Any], config_name: str) -> None:
    if found["EndpointStatus"] != "InService" or found["EndpointConfigName"] != config_name:
        why = found.get("FailureReason", "no reason given")
        raise ConflictError(f"endpoint {found['EndpointName']} stayed on {found['EndpointConfigName']}: {why}")
