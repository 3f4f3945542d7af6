"""What a caller must be allowed to make a SageMaker call (Service Authorization Reference, "Amazon SageMaker AI")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Arn = Callable[[str, str], str]
_VERBS = ("Create", "Describe", "Update", "Delete", "Stop")
_KINDS = {
    "TrainingJob": "training-job",
    "ProcessingJob": "processing-job",
    "LabelingJob": "labeling-job",
    "Model": "model",
    "EndpointConfig": "endpoint-config",
    "Endpoint": "endpoint",
    "ModelPackageGroup": "model-package-group",
    "Action": "action",
    "Context": "context",
}
# SageMaker writes these names in lower case into their ARNs.
_LOWERED = frozenset({"model", "endpoint-config", "endpoint", "labeling-job", "action", "context"})


@dataclass(frozen=True)
class Permission:
    """An action on a resource, with the condition keys that the call carries."""

    action: str
    resource: str
    keys: Mapping[str, str] = field(default_factory=dict)


def permissions(operation: str, request: Mapping[str, Any], arn: Arn) -> list[Permission]:
    """What SageMaker asks IAM before it acts; `arn` makes an ARN of a kind and a name."""
    resources = _resources(operation, request, arn)
    needed = [Permission(f"sagemaker:{operation}", each) for each in resources]
    if operation.startswith("Create") and request.get("Tags"):
        needed.append(Permission("sagemaker:AddTags", resources[0]))
    role = request.get("RoleArn") or request.get("ExecutionRoleArn")
    if operation.startswith("Create") and role:
        needed.append(Permission("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"}))
    return needed


def _resources(operation: str, request: Mapping[str, Any], arn: Arn) -> list[str]:
    if "ResourceArn" in request:
        return [request["ResourceArn"]]
    if operation in ("CreateModelPackage", "DescribeModelPackage", "UpdateModelPackage"):
        return _package(request, arn)
    if operation in _LINEAGE:
        return _LINEAGE[operation](request, arn)
    if operation in ("CreateEndpoint", "UpdateEndpoint"):
        return [_named("Endpoint", request, arn), _named("EndpointConfig", request, arn)]
    verb = next((each for each in _VERBS if operation.startswith(each)), "")
    noun = operation.removeprefix(verb)
    return [_named(noun, request, arn)] if verb and noun in _KINDS else ["*"]


def _named(noun: str, request: Mapping[str, Any], arn: Arn) -> str:
    kind, name = _KINDS[noun], str(request.get(f"{noun}Name", ""))
    return arn(kind, name.lower() if kind in _LOWERED else name)


# What is not known by a name of its own.
_LINEAGE: Mapping[str, Callable[[Mapping[str, Any], Arn], list[str]]] = {
    "CreateArtifact": lambda _, arn: [arn("artifact", "*")],
    "DescribeArtifact": lambda request, _: [request["ArtifactArn"]],
    "UpdateArtifact": lambda request, _: [request["ArtifactArn"]],
    "AddAssociation": lambda request, _: [request["SourceArn"], request["DestinationArn"]],
}


def _package(request: Mapping[str, Any], arn: Arn) -> list[str]:
    """A package that is being created has no version yet: any of its group is asked for."""
    known = request.get("ModelPackageArn") or request.get("ModelPackageName")
    if known:
        return [str(known)]
    group = str(request.get("ModelPackageGroupName", "")).rsplit("/", 1)[-1]
    return [arn("model-package-group", group), arn("model-package", f"{group}/*")]
