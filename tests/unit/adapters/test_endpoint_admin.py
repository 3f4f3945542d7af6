"""Attaching keeps every setting that SageMaker's own models know."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber
from botocore.validate import ParamValidator

from trueup.adapters.aws.endpoint_admin import SageMakerEndpointAdmin
from trueup.adapters.memory import MemoryEndpointAdmin
from trueup.errors import ConflictError
from trueup.usecases.attach_endpoint import FORMER, AttachEndpoint

_MODEL = botocore.session.get_session().get_service_model("sagemaker")
_CREATE = _MODEL.operation_model("CreateEndpointConfig").input_shape
_DESCRIBE = _MODEL.operation_model("DescribeEndpointConfig").output_shape
# What a caller of CreateEndpointConfig does not hand over, or that a serverless or asynchronous endpoint has alone.
_ANSWERED = {"EndpointConfigArn", "CreationTime"}
_CAPTURELESS = {"AsyncInferenceConfig", "ServerlessConfig"}


def sample_of(shape: Any, name: str = "") -> Any:
    """A value of a botocore shape with every member filled."""
    if shape.type_name == "structure":
        return {key: sample_of(each, key) for key, each in shape.members.items() if key not in _CAPTURELESS}
    if shape.type_name == "list":
        return [sample_of(shape.member, name)]
    if shape.type_name == "map":
        return {sample_of(shape.key): sample_of(shape.value)}
    if shape.type_name == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else "x" * max(1, shape.metadata.get("min", 1))
    values = {"integer": 1, "long": 1, "float": 0.5, "double": 0.5, "boolean": True, "timestamp": 0}
    return max(values[shape.type_name], shape.metadata.get("min", 0))


def full_config() -> dict[str, Any]:
    return {**sample_of(_DESCRIBE), "EndpointConfigName": "theirs", "EndpointConfigArn": "arn:x:endpoint-config/theirs"}


def endpoints_on(config: dict[str, Any]) -> MemoryEndpointAdmin:
    endpoints = MemoryEndpointAdmin()
    endpoints.configs["theirs"] = {**config, "Tags": [{"Key": "team", "Value": "a"}, {"Key": "aws:x", "Value": "b"}]}
    endpoints.serving["pets"] = "theirs"
    return endpoints


def test_describing_answers_everything_that_creating_takes() -> None:
    """When SageMaker grows a setting that cannot be read back, or answers more, attaching must be thought over."""
    assert set(_CREATE.members) - set(_DESCRIBE.members) == {"Tags"}
    assert set(_DESCRIBE.members) - set(_CREATE.members) == _ANSWERED


def test_every_setting_is_kept_but_the_data_capture() -> None:
    before = full_config()
    before["DataCaptureConfig"] = {**before["DataCaptureConfig"], "EnableCapture": False}
    endpoints = endpoints_on(before)
    change = AttachEndpoint(endpoints)("pets", "s3://captures/pets", "arn:key", sampling=30)
    kept = set(_CREATE.members) - {"EndpointConfigName", "DataCaptureConfig", "Tags"} - _CAPTURELESS
    assert {key: change.after[key] for key in kept} == {key: before[key] for key in kept}
    assert change.after["DataCaptureConfig"] == {
        "EnableCapture": True,
        "InitialSamplingPercentage": 30,
        "DestinationS3Uri": "s3://captures/pets",
        "KmsKeyId": "arn:key",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json", "application/jsonlines"],
        },
    }
    assert ParamValidator().validate(change.after, _CREATE).generate_report() == ""
    assert set(change.after) <= set(_CREATE.members)


def test_tags_stay_and_the_former_configuration_is_remembered() -> None:
    endpoints = endpoints_on({**full_config(), "DataCaptureConfig": {}})
    change = AttachEndpoint(endpoints)("pets", "s3://captures/pets", "arn:key")
    assert change.after["Tags"] == [{"Key": "team", "Value": "a"}, {"Key": FORMER, "Value": "theirs"}]


def test_the_name_follows_from_the_content() -> None:
    names = set()
    for sampling in (100, 100, 50):
        endpoints = endpoints_on({**full_config(), "DataCaptureConfig": {}})
        change = AttachEndpoint(endpoints)("pets", "s3://captures/pets", "arn:key", sampling=sampling, dry_run=True)
        names.add(change.after["EndpointConfigName"])
    assert len(names) == 2
    assert all(len(each) <= 63 for each in names)


def test_a_former_configuration_that_was_deleted_is_rebuilt_without_capture() -> None:
    endpoints = endpoints_on({**full_config(), "DataCaptureConfig": {}})
    attach = AttachEndpoint(endpoints)
    attach("pets", "s3://captures/pets", "arn:key")
    del endpoints.configs["theirs"]
    change = attach.detach("pets", "s3://captures/pets")
    assert "DataCaptureConfig" not in change.after
    assert change.after["ProductionVariants"] == full_config()["ProductionVariants"]
    assert change.after["Tags"] == [{"Key": "team", "Value": "a"}]


def sagemaker() -> Any:
    return botocore.session.get_session().create_client(
        "sagemaker", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


def described(status: str, config: str, **more: str) -> dict[str, Any]:
    return {
        "EndpointName": "pets",
        "EndpointArn": "arn:aws:sagemaker:us-east-1:111122223333:endpoint/pets",
        "EndpointConfigName": config,
        "EndpointStatus": status,
        "CreationTime": 0,
        "LastModifiedTime": 0,
        **more,
    }


UPDATE = {
    "EndpointName": "pets",
    "EndpointConfigName": "new",
    "RetainAllVariantProperties": True,
    "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DataCaptureConfig"}],
}


def test_an_update_leaves_weights_and_counts_and_is_waited_for() -> None:
    client = sagemaker()
    with Stubber(client) as stub:
        stub.add_response("update_endpoint", {"EndpointArn": "arn:aws:sagemaker:us-east-1:1:endpoint/pets"}, UPDATE)
        stub.add_response("describe_endpoint", described("Updating", "old"), {"EndpointName": "pets"})
        stub.add_response("describe_endpoint", described("InService", "new"), {"EndpointName": "pets"})
        SageMakerEndpointAdmin(client, poll_seconds=0).switch("pets", "new")
        stub.assert_no_pending_responses()


def test_an_endpoint_that_went_back_to_its_old_configuration_is_a_conflict() -> None:
    client = sagemaker()
    with Stubber(client) as stub:
        stub.add_response("update_endpoint", {"EndpointArn": "arn:aws:sagemaker:us-east-1:1:endpoint/pets"}, UPDATE)
        back = described("InService", "old", FailureReason="no capacity")
        stub.add_response("describe_endpoint", back, {"EndpointName": "pets"})
        with pytest.raises(ConflictError, match=r"pets stayed on old: no capacity"):
            SageMakerEndpointAdmin(client, poll_seconds=0).switch("pets", "new")


def test_an_endpoint_that_is_being_updated_is_a_conflict() -> None:
    client = sagemaker()
    with Stubber(client) as stub:
        stub.add_client_error("update_endpoint", "ValidationException", 'Cannot update in-progress endpoint "pets".')
        with pytest.raises(ConflictError, match="in-progress"):
            SageMakerEndpointAdmin(client).switch("pets", "new")
