"""The stand-in's front: requests of the control and the runtime API to their handlers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from trueup.local.launcher.sagemaker.authorization import Permission, permissions
from trueup.local.launcher.sagemaker.capture import CaptureBuffers
from trueup.local.launcher.sagemaker.errors import AwsError
from trueup.local.launcher.sagemaker.hosting import EndpointConfigs, Endpoints, ModelError, Models
from trueup.local.launcher.sagemaker.jobs import ProcessingJobs, TrainingJobs
from trueup.local.launcher.sagemaker.labeling import LabelingJobs
from trueup.local.launcher.sagemaker.lineage import Lineage
from trueup.local.launcher.sagemaker.registry import ModelRegistry
from trueup.local.launcher.sagemaker.store import Store
from trueup.local.launcher.sagemaker.validation import check_answer, check_request
from trueup.local.launcher.sagemaker.world import World

Answer = tuple[int, dict[str, str], bytes]
_INVOCATION = re.compile(r"^/endpoints/([^/]+)/invocations$")
_LABELING = re.compile(r"^/_trueup/labeling-jobs/([^/]+)/answers$")
# Copied for each answer: ministack writes its own headers into it.
_JSON = {"Content-Type": "application/x-amz-json-1.1"}


class SageMaker:
    """`operations` are keyed by the API's names."""

    def __init__(self, world: World, store: Store) -> None:
        training, processing = TrainingJobs(world, store), ProcessingJobs(world, store)
        models = Models(world, store)
        configs = EndpointConfigs(world, store, models)
        self.captures = CaptureBuffers(world)
        self._endpoints = Endpoints(world, store, models, configs, self.captures)
        self._labeling = LabelingJobs(world, store)
        self._world = world
        self._store = store
        registry = ModelRegistry(world, store)
        self._lineage = lineage = Lineage(world, store)
        self.operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "CreateTrainingJob": training.create,
            "DescribeTrainingJob": training.describe,
            "StopTrainingJob": training.stop,
            "ListTrainingJobs": training.summaries,
            "CreateProcessingJob": processing.create,
            "DescribeProcessingJob": processing.describe,
            "StopProcessingJob": processing.stop,
            "ListProcessingJobs": processing.summaries,
            "CreateModel": models.create,
            "DescribeModel": models.describe,
            "DeleteModel": models.delete,
            "CreateEndpointConfig": configs.create,
            "DescribeEndpointConfig": configs.describe,
            "DeleteEndpointConfig": configs.delete,
            "CreateEndpoint": self._endpoints.create,
            "DescribeEndpoint": self._endpoints.describe,
            "UpdateEndpoint": self._endpoints.update,
            "DeleteEndpoint": self._endpoints.delete,
            "ListEndpoints": self._endpoints.summaries,
            "CreateModelPackageGroup": registry.create_group,
            "DescribeModelPackageGroup": registry.describe_group,
            "DeleteModelPackageGroup": registry.delete_group,
            "CreateModelPackage": registry.create,
            "DescribeModelPackage": registry.describe,
            "UpdateModelPackage": registry.update,
            "ListModelPackages": registry.summaries,
            "CreateLabelingJob": self._labeling.create,
            "DescribeLabelingJob": self._labeling.describe,
            "StopLabelingJob": self._labeling.stop,
            "CreateArtifact": lineage.create_artifact,
            "DescribeArtifact": lineage.describe_artifact,
            "UpdateArtifact": lineage.update_artifact,
            "ListArtifacts": lineage.artifacts,
            "CreateAction": lineage.create_action,
            "DescribeAction": lineage.describe_action,
            "UpdateAction": lineage.update_action,
            "CreateContext": lineage.create_context,
            "DescribeContext": lineage.describe_context,
            "ListContexts": lineage.contexts,
            "ListTrialComponents": lineage.components,
            "AddAssociation": lineage.associate,
            "ListAssociations": lineage.associations,
            "QueryLineage": lineage.query,
            "AddTags": self._add_tags,
            "ListTags": self._list_tags,
            "DeleteTags": self._delete_tags,
        }

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """One operation of the control API. Raises AwsError."""
        check_request(operation, request)
        handler = self.operations.get(operation)
        if handler is None:
            raise AwsError("UnknownOperationException", f"the SageMaker stand-in lacks {operation}")
        answer = handler(dict(request))
        check_answer(operation, answer)
        self._lineage.notice(operation, request, answer)
        if operation.startswith("Create") and request.get("Tags"):
            arn = next(value for key, value in answer.items() if key.endswith("Arn"))
            self._add_tags({"ResourceArn": arn, "Tags": request["Tags"]})
        if operation.startswith("Delete") and "ResourceArn" not in request:
            self._store.delete("tags", self.permissions_of(operation, request)[0].resource)
        return answer

    def handle(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """One HTTP request of the control API, the runtime API, or a local route."""
        headers = {key.lower(): value for key, value in headers.items()}
        try:
            return self._dispatch(path, headers, body)
        except AwsError as error:
            return _refusal(error.status, error.code, error.message)
        except ModelError as error:
            return _model_error(error)

    def permissions(self, path: str, headers: dict[str, str], body: bytes) -> list[Permission]:
        """What the sender of an HTTP request must be allowed; nothing for a local route."""
        invocation = _INVOCATION.match(path)
        if invocation:
            return [Permission("sagemaker:InvokeEndpoint", self._world.arn("endpoint", invocation[1].lower()))]
        operation = _operation(headers)
        if not operation:
            return []
        try:
            return self.permissions_of(operation, _document(body))
        except AwsError:
            # What cannot be read is refused by the call itself.
            return []

    def permissions_of(self, operation: str, request: dict[str, Any]) -> list[Permission]:
        return permissions(operation, request, self._world.arn)

    def close(self) -> None:
        self.captures.close()
        self._world.stop_all()

    def _dispatch(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        invocation, labeling = _INVOCATION.match(path), _LABELING.match(path)
        if invocation:
            return self._endpoints.invoke(invocation[1], body, headers)
        if labeling:
            self._labeling.answer(labeling[1], _document(body))
            return 200, dict(_JSON), b"{}"
        answer = self.call(_operation(headers), _document(body))
        return 200, dict(_JSON), json.dumps(answer).encode()

    def _add_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = (self._store.get("tags", request["ResourceArn"]) or {}) | {
            each["Key"]: each["Value"] for each in request["Tags"]
        }
        self._store.put("tags", request["ResourceArn"], tags)
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _list_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = self._store.get("tags", request["ResourceArn"]) or {}
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _delete_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = self._store.get("tags", request["ResourceArn"]) or {}
        kept = {key: value for key, value in tags.items() if key not in request["TagKeys"]}
        self._store.put("tags", request["ResourceArn"], kept)
        return {}


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError as error:
        raise AwsError("SerializationException", f"The request is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise AwsError("SerializationException", "The request is no JSON object.")
    return found


def _operation(headers: dict[str, str]) -> str:
    return headers.get("x-amz-target", "").rpartition(".")[2]


def _refusal(status: int, code: str, message: str) -> Answer:
    headers = {**_JSON, "x-amzn-errortype": code}
    return status, headers, json.dumps({"__type": code, "message": message, "Message": message}).encode()


def _model_error(error: ModelError) -> Answer:
    message = f'Received server error ({error.status}) from model with message "{error.message[:500]}".'
    document = {
        "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if error.status < 500 else "INTERNAL_FAILURE_FROM_MODEL",
        "Message": message,
        "OriginalMessage": error.message[:1000],
        "OriginalStatusCode": error.status,
    }
    return 424, {"Content-Type": "application/json", "x-amzn-errortype": "ModelError"}, json.dumps(document).encode()
