"""The embedded AWS enforces IAM: what a role does not allow is refused, to functions and to workflows alike. Only
so do the other end-to-end tests prove that the roles allow what their functions need."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.conftest import Cloud
from tests.e2e.people import eventually

pytestmark = pytest.mark.e2e


def test_a_function_may_do_what_its_role_grants_and_nothing_else(cloud: Cloud) -> None:
    place, publisher = cloud.operator.deployment, acting_as(cloud, "EventPublish")
    table = publisher.client("dynamodb")
    note = {"pk": {"S": "FAILURE#test"}, "sk": {"S": "NOTE"}}
    table.put_item(TableName=place.table, Item=note)
    assert refused(lambda: table.put_item(TableName=place.table, Item={**note, "pk": {"S": "P#pets#HEAD"}}))
    assert refused(lambda: table.get_item(TableName=place.table, Key=note))
    assert refused(lambda: publisher.client("events").put_events(Entries=[entry("default")]))
    publisher.client("events").put_events(Entries=[entry(place.bus)])
    cloud.operator.clients["dynamodb"].delete_item(TableName=place.table, Key=note)


def test_an_annotator_reaches_payloads_and_nothing_else_of_the_bucket(cloud: Cloud) -> None:
    bucket, s3 = cloud.operator.deployment.dataset_bucket, acting_as(cloud, "AnnotationApi").client("s3")
    assert code_of(lambda: s3.get_object(Bucket=bucket, Key="pets/payloads/none")) == "NoSuchKey"
    assert refused(lambda: s3.get_object(Bucket=bucket, Key="pets/versions/none"))
    assert refused(lambda: s3.put_object(Bucket=bucket, Key="pets/payloads/none", Body=b""))
    assert refused(lambda: s3.list_objects_v2(Bucket=bucket))


def test_sagemaker_and_the_handing_over_of_roles_are_held_to_the_role(cloud: Cloud) -> None:
    sync = acting_as(cloud, "BackendSync").client("sagemaker")
    assert refused(lambda: sync.describe_endpoint(EndpointName="pets"))
    assert code_of(lambda: sync.describe_labeling_job(LabelingJobName="trueup-none")) == "ResourceNotFound"
    assert refused(lambda: sync.describe_labeling_job(LabelingJobName="somebody-elses"))
    decide = acting_as(cloud, "RetrainDecide").client("stepfunctions")
    promotion = cloud.operator.deployment.promotion_machine_arn
    assert refused(lambda: decide.start_execution(stateMachineArn=promotion, name="never", input="{}"))


def test_a_workflow_is_held_to_its_role(cloud: Cloud) -> None:
    workflows, role = cloud.operator.clients["stepfunctions"], role_of(cloud, "AnnotationApi")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sagemaker:describeEndpoint",
        "Parameters": {"EndpointName": "pets"},
        "End": True,
    }
    definition = json.dumps({"StartAt": "Look", "States": {"Look": task}})
    made = workflows.create_state_machine(name="test-overreach", roleArn=role, definition=definition)
    run = workflows.start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"]
    eventually(lambda: workflows.describe_execution(executionArn=run)["status"] == "FAILED", 20)
    assert (
        "not authorized to perform: sagemaker:DescribeEndpoint"
        in workflows.describe_execution(executionArn=run)["cause"]
    )
    workflows.delete_state_machine(stateMachineArn=made["stateMachineArn"])


def role_of(cloud: Cloud, function: str) -> str:
    pages = cloud.operator.clients["lambda"].get_paginator("list_functions").paginate()
    (role,) = [each["Role"] for page in pages for each in page["Functions"] if function in each["FunctionName"]]
    return str(role)


def acting_as(cloud: Cloud, function: str) -> Any:
    """A session with the credentials that the function runs with."""
    sts = cloud.operator.clients["sts"]
    lent = sts.assume_role(RoleArn=role_of(cloud, function), RoleSessionName="test")["Credentials"]
    return boto3.session.Session(
        aws_access_key_id=lent["AccessKeyId"],
        aws_secret_access_key=lent["SecretAccessKey"],
        aws_session_token=lent["SessionToken"],
    )


def entry(bus: str) -> dict[str, str]:
    return {"Source": "test", "DetailType": "Nothing", "Detail": "{}", "EventBusName": bus}


def refused(call: Callable[[], Any]) -> bool:
    return code_of(call).startswith("AccessDenied")


def code_of(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""
