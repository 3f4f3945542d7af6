"""Endpoints: a real process per variant, deployments that shift traffic, and what brings them back."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.local_world import ROLE, InMemoryWorld, archive, stand_in, until
from trueup.local.launcher.sagemaker.errors import AwsError
from trueup.local.launcher.sagemaker.service import SageMaker

pytestmark = pytest.mark.slow

SERVE = """
import json, pathlib
def model_fn(folder): return pathlib.Path(folder, "word.txt").read_text()
def input_fn(body, kind):
    if body == b"bad": raise ValueError("cannot read that")
    if body == b"worse": raise RuntimeError("broken")
    return body.decode()
def predict_fn(data, model): return model
def output_fn(said, accept): return json.dumps({"said": said}), "application/json"
"""
CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://bucket/captures",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}


def configure(sagemaker: SageMaker, world: InMemoryWorld, name: str, script: str = SERVE, **changes: Any) -> None:
    """A model that says its own name, and a configuration that serves it."""
    uri = f"s3://bucket/{name}.tar.gz"
    world.objects.setdefault(uri, archive({"code/inference.py": script, "word.txt": name}))
    container = {"Image": "image", "ModelDataUrl": uri}
    sagemaker.call("CreateModel", {"ModelName": name, "ExecutionRoleArn": ROLE, "PrimaryContainer": container})
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.call("CreateEndpointConfig", {"EndpointConfigName": name, "ProductionVariants": [variant], **changes})


def serve(sagemaker: SageMaker, world: InMemoryWorld, **changes: Any) -> None:
    configure(sagemaker, world, "old", **changes)
    sagemaker.call("CreateEndpoint", {"EndpointName": "pets", "EndpointConfigName": "old"})
    until(lambda: describe(sagemaker)["EndpointStatus"] == "InService")


def describe(sagemaker: SageMaker) -> dict[str, Any]:
    return sagemaker.call("DescribeEndpoint", {"EndpointName": "pets"})


def update(sagemaker: SageMaker, config: str, wait: int = 0, alarms: tuple[str, ...] = ()) -> None:
    routing = {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 30},
        "WaitIntervalInSeconds": wait,
    }
    deployment: dict[str, Any] = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
    if alarms:
        deployment["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": each} for each in alarms]}
    sagemaker.call(
        "UpdateEndpoint", {"EndpointName": "pets", "EndpointConfigName": config, "DeploymentConfig": deployment}
    )


def invoke(sagemaker: SageMaker, body: bytes = b"x", **headers: str) -> tuple[int, dict[str, str], Any]:
    given = {"Content-Type": "text/csv", **{key.replace("_", "-"): value for key, value in headers.items()}}
    status, answered, payload = sagemaker.handle("/endpoints/pets/invocations", given, body)
    return status, answered, json.loads(payload)


def said(sagemaker: SageMaker, times: int = 1) -> Counter[str]:
    return Counter(invoke(sagemaker)[2]["said"] for _ in range(times))


def test_an_endpoint_answers_and_captures(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    serve(sagemaker, world, DataCaptureConfig=CAPTURE)
    status, headers, answer = invoke(
        sagemaker,
        b"1,2",
        X_Amzn_SageMaker_Inference_Id="order-7",
        X_Amzn_SageMaker_Custom_Attributes="tenant=acme",
    )
    assert (status, answer) == (200, {"said": "old"})
    assert headers["x-Amzn-Invoked-Production-Variant"] == "AllTraffic"
    assert headers["X-Amzn-SageMaker-Custom-Attributes"] == "tenant=acme"
    sagemaker.captures.flush()
    (uri,) = [each for each in world.objects if each.startswith("s3://bucket/captures/pets/AllTraffic/")]
    record = json.loads(world.objects[uri])
    assert record["captureData"]["endpointInput"]["data"] == "1,2"
    assert record["captureData"]["endpointOutput"]["data"] == '{"said": "old"}'
    assert record["eventMetadata"]["inferenceId"] == "order-7"
    assert describe(sagemaker)["DataCaptureConfig"]["CaptureStatus"] == "Started"
    until(lambda: world.told("SageMaker Endpoint State Change", "EndpointStatus") == ["CREATING", "IN_SERVICE"])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [(b"bad", 400, "CLIENT_ERROR_FROM_MODEL"), (b"worse", 500, "INTERNAL_FAILURE_FROM_MODEL")],
)
def test_a_models_own_error_is_told_apart(
    sagemaker: SageMaker, world: InMemoryWorld, body: bytes, status: int, code: str
) -> None:
    serve(sagemaker, world, DataCaptureConfig=CAPTURE)
    answered, headers, document = invoke(sagemaker, body)
    assert (answered, headers["x-amzn-errortype"]) == (424, "ModelError")
    assert (document["OriginalStatusCode"], document["ErrorCode"]) == (status, code)
    sagemaker.captures.flush()
    assert not [each for each in world.objects if "captures" in each]


def test_what_cannot_be_invoked_says_so(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    assert invoke(sagemaker)[1]["x-amzn-errortype"] == "ValidationError"
    serve(sagemaker, world)
    assert "Variant Other is not found" in invoke(sagemaker, X_Amzn_SageMaker_Target_Variant="Other")[2]["message"]
    assert invoke(sagemaker, b"x" * 6_291_457)[0] == 400


def test_variants_share_the_traffic_by_weight(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    configure(sagemaker, world, "a")
    configure(sagemaker, world, "b")
    usual = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    variants = [
        {"VariantName": "A", "ModelName": "a", "InitialVariantWeight": 9.0, **usual},
        {"VariantName": "B", "ModelName": "b", "InitialVariantWeight": 1.0, **usual},
    ]
    sagemaker.call("CreateEndpointConfig", {"EndpointConfigName": "both", "ProductionVariants": variants})
    sagemaker.call("CreateEndpoint", {"EndpointName": "pets", "EndpointConfigName": "both"})
    until(lambda: describe(sagemaker)["EndpointStatus"] == "InService")
    shares = said(sagemaker, 200)
    assert 5 <= shares["b"] <= 40
    assert shares["a"] + shares["b"] == 200
    assert invoke(sagemaker, X_Amzn_SageMaker_Target_Variant="B")[2] == {"said": "b"}
    assert world.metrics["Invocations", "pets", "A"] == shares["a"]
    assert world.metrics["Invocations", "pets", "B"] == shares["b"] + 1


def test_a_canary_takes_its_share_and_then_all(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    serve(sagemaker, world)
    configure(sagemaker, world, "new")
    world.alarms["errors"] = "OK"
    update(sagemaker, "new", wait=600, alarms=("errors",))
    until(lambda: said(sagemaker, 20)["new"])
    assert describe(sagemaker)["EndpointStatus"] == "Updating"
    shares = said(sagemaker, 200)
    assert 30 <= shares["new"] <= 95
    for call in (lambda: update(sagemaker, "old"), lambda: delete(sagemaker)):
        with pytest.raises(AwsError, match="Cannot update in-progress endpoint"):
            call()
    world.alarms["errors"] = "ALARM"
    until(lambda: describe(sagemaker)["EndpointStatus"] == "InService")
    assert "alarms errors are in ALARM" in describe(sagemaker)["FailureReason"]
    assert describe(sagemaker)["EndpointConfigName"] == "old"
    assert said(sagemaker, 20) == {"old": 20}

    world.alarms["errors"] = "OK"
    update(sagemaker, "new", alarms=("errors",))
    until(lambda: describe(sagemaker)["EndpointConfigName"] == "new")
    until(lambda: describe(sagemaker)["EndpointStatus"] == "InService")
    assert "FailureReason" not in describe(sagemaker)
    assert said(sagemaker, 20) == {"new": 20}
    until(lambda: "ROLLING_BACK" in world.told("SageMaker Endpoint State Change", "EndpointStatus"))
    shares_told = world.told("SageMaker Endpoint Deployment State Change", "TrafficShare")
    assert shares_told[-2:] == [0.3, 1.0]


def test_no_update_starts_while_an_alarm_rings(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    serve(sagemaker, world)
    configure(sagemaker, world, "new")
    world.alarms["errors"] = "ALARM"
    with pytest.raises(AwsError, match="errors are in ALARM state"):
        update(sagemaker, "new", alarms=("errors",))
    assert describe(sagemaker)["EndpointStatus"] == "InService"


def test_a_model_that_does_not_load_leaves_the_old_one_serving(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    serve(sagemaker, world)
    configure(sagemaker, world, "new", script="raise RuntimeError('no such model')")
    update(sagemaker, "new")
    until(lambda: "FailureReason" in describe(sagemaker))
    found = describe(sagemaker)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "old")
    assert "no such model" in found["FailureReason"]
    assert said(sagemaker, 5) == {"old": 5}


@pytest.mark.parametrize("content", [None, b"no archive"])
def test_an_endpoint_whose_model_cannot_be_had_fails_and_can_be_mended(
    sagemaker: SageMaker, world: InMemoryWorld, content: bytes | None
) -> None:
    configure(sagemaker, world, "old")
    world.objects["s3://bucket/old.tar.gz"] = content or b""
    if content is None:
        del world.objects["s3://bucket/old.tar.gz"]
    sagemaker.call("CreateEndpoint", {"EndpointName": "pets", "EndpointConfigName": "old"})
    until(lambda: describe(sagemaker)["EndpointStatus"] == "Failed")
    assert describe(sagemaker)["FailureReason"]
    delete(sagemaker)
    configure(sagemaker, world, "new")
    sagemaker.call("CreateEndpoint", {"EndpointName": "pets", "EndpointConfigName": "new"})
    until(lambda: describe(sagemaker)["EndpointStatus"] == "InService")


def test_two_endpoints_may_serve_one_configuration(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    serve(sagemaker, world)
    sagemaker.call("CreateEndpoint", {"EndpointName": "more", "EndpointConfigName": "old"})
    until(lambda: sagemaker.call("DescribeEndpoint", {"EndpointName": "more"})["EndpointStatus"] == "InService")
    assert len(list((world.settings.state / "sagemaker" / "serving").iterdir())) == 2
    sagemaker.call("DeleteEndpoint", {"EndpointName": "more"})
    assert said(sagemaker) == {"old": 1}
    (listed,) = sagemaker.call("ListEndpoints", {"StatusEquals": "InService"})["Endpoints"]
    assert listed["EndpointName"] == "pets"


def test_what_served_serves_again_after_a_restart(tmp_path: Path) -> None:
    world = InMemoryWorld(tmp_path)
    before = stand_in(world)
    serve(before, world)
    before.close()
    again = InMemoryWorld(tmp_path)
    again.objects = world.objects
    after = stand_in(again)
    until(lambda: describe(after)["EndpointStatus"] == "InService")
    assert said(after) == {"old": 1}
    after.close()


def test_nothing_serves_after_the_end(world: InMemoryWorld) -> None:
    sagemaker = stand_in(world)
    serve(sagemaker, world)
    (child,) = world.children
    sagemaker.close()
    assert child.poll() is not None


def delete(sagemaker: SageMaker) -> None:
    sagemaker.call("DeleteEndpoint", {"EndpointName": "pets"})
