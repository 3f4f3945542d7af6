"""What the stand-in refuses, in SageMaker's words, and what it answers over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local_world import ROLE, InMemoryWorld
from trueup.local.launcher.sagemaker.errors import AwsError
from trueup.local.launcher.sagemaker.service import SageMaker

VARIANT = {"VariantName": "AllTraffic", "ModelName": "pets", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def refusal(sagemaker: SageMaker, operation: str, request: dict[str, Any]) -> AwsError:
    with pytest.raises(AwsError) as caught:
        sagemaker.call(operation, request)
    return caught.value


def test_what_is_missing_is_named(sagemaker: SageMaker) -> None:
    error = refusal(sagemaker, "CreateEndpoint", {"EndpointName": "pets"})
    assert error.code == "ValidationException"
    assert error.message == (
        "1 validation error detected: Value null at 'endpointConfigName' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_all_problems_are_counted_and_named(sagemaker: SageMaker) -> None:
    error = refusal(sagemaker, "CreateModel", {"ModelName": "no_underscores", "EnableNetworkIsolation": "yes"})
    assert error.message.startswith("2 validation errors detected: ")
    assert "Value 'no_underscores' at 'modelName' failed to satisfy constraint: Member must satisfy regular" in (
        error.message
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"InstanceType": "ml.huge"},
            "'productionVariants.1.member.instanceType' failed to satisfy constraint: Member",
        ),
        ({"InitialInstanceCount": 0}, "Member must have value greater than or equal to 1"),
        ({"InitialVariantWeight": -1}, "Member must have value greater than or equal to 0"),
        ({"VariantName": "x" * 64}, "Member must have length less than or equal to 63"),
        ({"Wheels": 4}, "Unknown parameter 'productionVariants.1.member.wheels'"),
        ({"InitialInstanceCount": True}, "must be of type integer"),
    ],
)
def test_every_constraint_of_the_service_model_is_held(sagemaker: SageMaker, change: dict[str, Any], said: str) -> None:
    request = {"EndpointConfigName": "pets", "ProductionVariants": [{**VARIANT, **change}]}
    assert said in refusal(sagemaker, "CreateEndpointConfig", request).message


def test_an_enum_is_listed(sagemaker: SageMaker) -> None:
    request = {"ModelPackageGroupName": "pets", "ModelApprovalStatus": "Perhaps"}
    assert "Member must satisfy enum value set: [Approved, Rejected, Pending" in (
        refusal(sagemaker, "CreateModelPackage", request).message
    )


@pytest.mark.parametrize(
    ("operation", "request_", "code", "said"),
    [
        ("DescribeEndpoint", {"EndpointName": "Pets"}, "ValidationException", 'Could not find endpoint "arn:aws:'),
        ("DescribeModel", {"ModelName": "pets"}, "ValidationException", 'Could not find model "arn:aws:'),
        ("DescribeEndpointConfig", {"EndpointConfigName": "a"}, "ValidationException", "Could not find endpoint conf"),
        ("DescribeTrainingJob", {"TrainingJobName": "a"}, "ValidationException", "Requested resource not found."),
        ("DescribeLabelingJob", {"LabelingJobName": "a"}, "ResourceNotFound", "does not exist"),
        ("DescribeModelPackage", {"ModelPackageName": "a"}, "ValidationException", "does not exist"),
        ("DescribeModelPackageGroup", {"ModelPackageGroupName": "a"}, "ValidationException", "does not exist"),
        ("CreateNotebookInstance", None, "UnknownOperationException", "lacks CreateNotebookInstance"),
        ("InventSomething", {}, "UnknownOperationException", "no operation InventSomething"),
    ],
)
def test_what_is_not_there_is_said_as_sagemaker_says_it(
    sagemaker: SageMaker, operation: str, request_: dict[str, Any] | None, code: str, said: str
) -> None:
    notebook = {"NotebookInstanceName": "a", "InstanceType": "ml.t3.medium", "RoleArn": ROLE}
    error = refusal(sagemaker, operation, notebook if request_ is None else request_)
    assert error.code == code
    assert said in error.message


def test_a_name_is_taken_once(sagemaker: SageMaker) -> None:
    model = {"ModelName": "pets", "ExecutionRoleArn": ROLE}
    sagemaker.call("CreateModel", model)
    assert "Cannot create already existing model" in refusal(sagemaker, "CreateModel", model).message
    sagemaker.call("CreateModelPackageGroup", {"ModelPackageGroupName": "pets"})
    assert refusal(sagemaker, "CreateModelPackageGroup", {"ModelPackageGroupName": "pets"}).code == "ResourceInUse"


def test_a_configuration_names_models_that_exist(sagemaker: SageMaker) -> None:
    request = {"EndpointConfigName": "pets", "ProductionVariants": [VARIANT]}
    assert "Could not find model" in refusal(sagemaker, "CreateEndpointConfig", request).message


def test_tags_come_with_the_resource_and_go_with_it(sagemaker: SageMaker) -> None:
    tagged = {"ModelName": "Pets", "ExecutionRoleArn": ROLE, "Tags": [{"Key": "team", "Value": "blue"}]}
    arn = sagemaker.call("CreateModel", tagged)["ModelArn"]
    assert sagemaker.call("ListTags", {"ResourceArn": arn})["Tags"] == [{"Key": "team", "Value": "blue"}]
    sagemaker.call("AddTags", {"ResourceArn": arn, "Tags": [{"Key": "team", "Value": "red"}]})
    sagemaker.call("DeleteTags", {"ResourceArn": arn, "TagKeys": ["other"]})
    assert sagemaker.call("ListTags", {"ResourceArn": arn})["Tags"] == [{"Key": "team", "Value": "red"}]
    sagemaker.call("DeleteModel", {"ModelName": "Pets"})
    sagemaker.call("CreateModel", {**tagged, "Tags": []})
    assert sagemaker.call("ListTags", {"ResourceArn": arn})["Tags"] == []


def test_an_http_answer_is_what_botocore_reads(sagemaker: SageMaker) -> None:
    status, headers, body = sagemaker.handle("/", {"X-Amz-Target": "SageMaker.DescribeModel"}, b'{"ModelName": "a"}')
    assert status == 400
    assert headers["x-amzn-errortype"] == "ValidationException"
    assert json.loads(body)["__type"] == "ValidationException"
    group = b'{"ModelPackageGroupName": "pets"}'
    assert sagemaker.handle("/", {"x-amz-target": "SageMaker.CreateModelPackageGroup"}, group)[0] == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_request_that_is_no_document_is_refused(sagemaker: SageMaker, body: bytes) -> None:
    headers = {"x-amz-target": "SageMaker.DescribeModel"}
    status, answered, _ = sagemaker.handle("/", headers, body)
    assert (status, answered["x-amzn-errortype"]) == (400, "SerializationException")
    assert sagemaker.permissions("/", headers, body) == []


def test_what_a_call_must_be_allowed(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    def needed(operation: str, **request: Any) -> list[tuple[str, str]]:
        found = sagemaker.permissions_of(operation, request)
        return [(each.action, each.resource.rpartition(":")[2]) for each in found]

    assert needed("UpdateEndpoint", EndpointName="Pets", EndpointConfigName="New") == [
        ("sagemaker:UpdateEndpoint", "endpoint/pets"),
        ("sagemaker:UpdateEndpoint", "endpoint-config/new"),
    ]
    assert needed("CreateTrainingJob", TrainingJobName="A", RoleArn=ROLE, Tags=[{"Key": "a", "Value": "b"}]) == [
        ("sagemaker:CreateTrainingJob", "training-job/A"),
        ("sagemaker:AddTags", "training-job/A"),
        ("iam:PassRole", "role/sagemaker"),
    ]
    assert needed("CreateModelPackage", ModelPackageGroupName="g") == [
        ("sagemaker:CreateModelPackage", "model-package-group/g"),
        ("sagemaker:CreateModelPackage", "model-package/g/*"),
    ]
    assert needed("ListEndpoints") == [("sagemaker:ListEndpoints", "*")]
    (invoke,) = sagemaker.permissions("/endpoints/Pets/invocations", {}, b"anything")
    assert invoke.action == "sagemaker:InvokeEndpoint"
    assert invoke.resource == world.arn("endpoint", "pets")
