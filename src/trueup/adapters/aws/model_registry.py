"""SageMaker: which model serves, and what the model registry says of a package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from trueup.adapters.aws.errors import code_of, message_of, translated
from trueup.errors import NotFoundError
from trueup.model import Champion, ModelPackage
from trueup.ports import ModelRegistry, PackageRulings

# SageMaker says ValidationException for what is missing and for what is wrong alike; the text tells them apart.
_MISSING = ("could not find", "does not exist", "not found")


class SageMakerRegistry(ModelRegistry, PackageRulings):
    """The champion is the model of the variant that takes most of the traffic."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def champion(self, endpoint_name: str) -> Champion:
        config = self.endpoint_config(endpoint_name)
        variant = max(config["ProductionVariants"], key=lambda each: each.get("InitialVariantWeight", 1.0))
        container = self._container(variant["ModelName"])
        return Champion(
            endpoint_name=endpoint_name,
            endpoint_config=config["EndpointConfigName"],
            model_name=variant["ModelName"],
            model_data_url=_data_url(container),
            image=container.get("Image", ""),
            variant=variant["VariantName"],
        )

    def endpoint_config(self, endpoint_name: str) -> Mapping[str, Any]:
        endpoint = self._describe("describe_endpoint", f"endpoint {endpoint_name}", EndpointName=endpoint_name)
        return self.named_config(endpoint["EndpointConfigName"])

    def named_config(self, name: str) -> Mapping[str, Any]:
        """A configuration by its own name. Raises NotFoundError."""
        return self._describe("describe_endpoint_config", f"endpoint config {name}", EndpointConfigName=name)

    def package(self, arn: str) -> ModelPackage:
        found = self._describe("describe_model_package", f"model package {arn}", ModelPackageName=arn)
        container = found.get("InferenceSpecification", {}).get("Containers", [{}])[0]
        return ModelPackage(
            arn=arn,
            group=found.get("ModelPackageGroupName", ""),
            approval=found.get("ModelApprovalStatus", "PendingManualApproval"),
            image=container.get("Image", ""),
            model_data_url=_data_url(container),
            environment=container.get("Environment", {}),
            metadata=found.get("CustomerMetadataProperties", {}),
            digest=_digest(container),
        )

    def rule(self, arn: str, approval: str) -> None:
        """Approve or reject a package, as a person would in the registry."""
        self._call("update_model_package", f"model package {arn}", ModelPackageArn=arn, ModelApprovalStatus=approval)

    def _container(self, model_name: str) -> Mapping[str, Any]:
        model = self._describe("describe_model", f"model {model_name}", ModelName=model_name)
        first: Mapping[str, Any] = model.get("PrimaryContainer") or (model.get("Containers") or [{}])[0]
        if not _data_url(first) and "ModelPackageName" in first:
            package = self.package(first["ModelPackageName"])
            return {"Image": package.image, "ModelDataUrl": package.model_data_url}
        return first

    def _describe(self, operation: str, what: str, **request: str) -> dict[str, Any]:
        answer = self._call(operation, what, **request)
        return {key: value for key, value in answer.items() if key != "ResponseMetadata"}

    def _call(self, operation: str, what: str, **request: str) -> dict[str, Any]:
        with translated(f"asking SageMaker for {what}"):
            try:
                answer: dict[str, Any] = getattr(self._client, operation)(**request)
            except ClientError as error:
                missing = any(each in message_of(error).lower() for each in _MISSING)
                if code_of(error) == "ValidationException" and missing:
                    raise NotFoundError(f"SageMaker knows no {what}: {message_of(error)}") from error
                raise
        return answer


def _digest(container: Mapping[str, Any]) -> str | None:
    """What the registry knows of an archive's bytes: its own digest, or the ETag of S3."""
    data = container.get("ModelDataSource", {}).get("S3DataSource", {})
    found = container.get("ModelDataETag") or data.get("ETag")
    return str(found) if found else None


def _data_url(container: Mapping[str, Any]) -> str:
    """Where the model's files are: an archive, or a prefix of files as they are."""
    files = container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri", "")
    return str(container.get("ModelDataUrl") or files)
