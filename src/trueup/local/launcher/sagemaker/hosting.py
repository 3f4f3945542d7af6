"""Models, endpoint configurations and endpoints: variants are real processes, updates really shift traffic.

An update is a blue/green deployment (SageMaker "Deployment guardrails"): the green fleet starts beside the blue
one, takes a canary or a step of the traffic, is watched through the named alarms, and takes all or is dropped.
Waits are shortened by the setting `wait_scale`.
"""

from __future__ import annotations

import http.client
import json
import random
import shutil
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trueup.local.launcher.sagemaker.archives import unpack
from trueup.local.launcher.sagemaker.capture import CaptureBuffers, Exchange
from trueup.local.launcher.sagemaker.errors import AwsError, not_found
from trueup.local.launcher.sagemaker.store import Store
from trueup.local.launcher.sagemaker.world import World

MAX_BODY = 6_291_456
_START_SECONDS = 60.0
_POLL = 0.2


class StartError(Exception):
    """A variant's process did not come up; the text says why."""


@dataclass
class Variant:
    """One running model container."""

    name: str
    weight: float
    process: subprocess.Popen[bytes]
    port: int
    folder: Path


@dataclass
class Fleet:
    """The variants of one endpoint configuration."""

    config_name: str
    variants: list[Variant]
    capture: dict[str, Any] | None


@dataclass
class Traffic:
    """Blue serves; green, while a deployment runs, takes `green_share` of the requests."""

    blue: Fleet | None = None
    green: Fleet | None = None
    green_share: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Models:
    kind = "model"

    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ModelName"]
        arn = self._world.arn(self.kind, name.lower())
        if not self._store.add(self.kind, name, {**request, "ModelArn": arn, "CreationTime": time.time()}):
            raise AwsError("ValidationException", f'Cannot create already existing model "{arn}".')
        return {"ModelArn": arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._store.get(self.kind, request["ModelName"])
        if record is None:
            raise not_found("model", self._world.arn(self.kind, request["ModelName"].lower()))
        return _untagged(record)

    def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        self.describe(request)
        self._store.delete(self.kind, request["ModelName"])
        return {}


class EndpointConfigs:
    kind = "endpoint-config"

    def __init__(self, world: World, store: Store, models: Models) -> None:
        self._world = world
        self._store = store
        self._models = models

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointConfigName"]
        for each in request["ProductionVariants"]:
            self._models.describe({"ModelName": each["ModelName"]})
        arn = self._world.arn(self.kind, name.lower())
        if not self._store.add(self.kind, name, {**request, "EndpointConfigArn": arn, "CreationTime": time.time()}):
            raise AwsError("ValidationException", f'Cannot create already existing endpoint configuration "{arn}".')
        return {"EndpointConfigArn": arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._store.get(self.kind, request["EndpointConfigName"])
        if record is None:
            arn = self._world.arn(self.kind, request["EndpointConfigName"].lower())
            raise not_found("endpoint configuration", arn)
        return _untagged(record)

    def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        self.describe(request)
        self._store.delete(self.kind, request["EndpointConfigName"])
        return {}


class Endpoints:
    kind = "endpoint"

    def __init__(
        self, world: World, store: Store, models: Models, configs: EndpointConfigs, captures: CaptureBuffers
    ) -> None:
        self._world = world
        self._store = store
        self._models = models
        self._configs = configs
        self._captures = captures
        self._traffic: dict[str, Traffic] = {}
        self._changing = threading.Lock()
        self._random = random.Random(0)  # noqa: S311 - routes traffic, keeps no secret
        self._serving = world.settings.state / "sagemaker" / "serving"
        shutil.rmtree(self._serving, ignore_errors=True)
        for each in store.all(self.kind):
            self._resume(each["EndpointName"])

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        self._configs.describe({"EndpointConfigName": request["EndpointConfigName"]})
        arn = self._world.arn(self.kind, name.lower())
        now = time.time()
        record = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": request["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        if not self._store.add(self.kind, name, record):
            raise AwsError("ValidationException", f'Cannot create already existing endpoint "{arn}".')
        self._traffic[name] = Traffic()
        self._emit(name)
        self._world.background(self._start, name)
        return {"EndpointArn": arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._store.get(self.kind, request["EndpointName"])
        if record is None:
            raise not_found("endpoint", self._world.arn(self.kind, request["EndpointName"].lower()))
        config = self._configs.describe({"EndpointConfigName": record["EndpointConfigName"]})
        answer = {**record, "ProductionVariants": [_summary(each) for each in config["ProductionVariants"]]}
        capture = config.get("DataCaptureConfig")
        if capture:
            answer["DataCaptureConfig"] = {
                "EnableCapture": capture.get("EnableCapture", False),
                "CaptureStatus": "Started" if capture.get("EnableCapture") else "Stopped",
                "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
                "DestinationS3Uri": capture["DestinationS3Uri"],
                "KmsKeyId": capture.get("KmsKeyId", ""),
            }
        return answer

    def summaries(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = [
            each for each in self._store.all(self.kind) if request.get("NameContains", "") in each["EndpointName"]
        ]
        if "StatusEquals" in request:
            wanted = [each for each in wanted if each["EndpointStatus"] == request["StatusEquals"]]
        newest = sorted(wanted, key=lambda each: each["CreationTime"], reverse=True)[: request.get("MaxResults", 10)]
        keys = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
        return {"Endpoints": [{key: each[key] for key in keys} for each in newest]}

    def update(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._changing:
            return self._update(request)

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        record = self._settled(name)
        self._configs.describe({"EndpointConfigName": request["EndpointConfigName"]})
        if request["EndpointConfigName"] == record["EndpointConfigName"] and record["EndpointStatus"] == "InService":
            raise AwsError(
                "ValidationException", f"The endpoint already uses configuration {record['EndpointConfigName']}."
            )
        ringing = self._ringing(_alarm_names(request.get("DeploymentConfig", {})))
        if ringing:
            raise AwsError(
                "ValidationException", f"Alarms {', '.join(ringing)} are in ALARM state: the update cannot start."
            )
        self._store.update(self.kind, name, EndpointStatus="Updating", LastModifiedTime=time.time())
        self._emit(name)
        self._world.background(self._deploy, name, request)
        return {"EndpointArn": record["EndpointArn"]}

    def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        with self._changing:
            self._settled(name)
            traffic = self._traffic.pop(name, Traffic())
            self._store.delete(self.kind, name)
        self._stop_fleet(traffic.blue)
        return {}

    def _settled(self, name: str) -> dict[str, Any]:
        """An endpoint on which nothing is under way. Raises AwsError."""
        record = self.describe({"EndpointName": name})
        if record["EndpointStatus"] not in ("InService", "Failed"):
            raise AwsError("ValidationException", f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')
        return record

    def invoke(self, name: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """InvokeEndpoint: status, headers and body of the runtime API's answer."""
        record = self._store.get(self.kind, name)
        traffic = self._traffic.get(name)
        if record is None or traffic is None or traffic.blue is None:
            raise AwsError("ValidationError", f"Endpoint {name} of account 000000000000 not found.")
        if len(body) > MAX_BODY:
            raise AwsError("ValidationError", f"The body of {len(body)} bytes is over {MAX_BODY} bytes.")
        fleet, variant = self._route(traffic, headers.get("x-amzn-sagemaker-target-variant"))
        content_type = headers.get("content-type", "application/octet-stream")
        self._world.measure("Invocations", 1, {"EndpointName": name, "VariantName": variant.name})
        status, answer_type, answer = _ask(variant.port, body, content_type, headers.get("accept", "*/*"))
        if status != 200:
            raise ModelError(status, answer.decode("utf-8", "replace"))
        inference_id = headers.get("x-amzn-sagemaker-inference-id")
        attributes = headers.get("x-amzn-sagemaker-custom-attributes")
        exchange = Exchange(
            endpoint=name,
            variant=variant.name,
            body=body,
            content_type=content_type,
            answer=answer,
            answer_type=answer_type,
            inference_id=inference_id,
            custom_attributes=attributes,
        )
        self._captures.add(exchange, fleet.capture)
        sent = {"Content-Type": answer_type, "x-Amzn-Invoked-Production-Variant": variant.name}
        if attributes:
            sent["X-Amzn-SageMaker-Custom-Attributes"] = attributes
        return 200, sent, answer

    def _route(self, traffic: Traffic, target: str | None) -> tuple[Fleet, Variant]:
        with traffic.lock:
            green = traffic.green if traffic.green and self._random.random() < traffic.green_share else None
            fleet = green or traffic.blue
        if fleet is None:
            raise AwsError("ServiceUnavailable", "The endpoint has no instances.", 503)
        if target:
            found = next((each for each in fleet.variants if each.name == target), None)
            if found is None:
                raise AwsError("ValidationError", f"Variant {target} is not found.")
            return fleet, found
        weights = [each.weight for each in fleet.variants]
        return fleet, self._random.choices(fleet.variants, weights if sum(weights) else None)[0]

    def _start(self, name: str) -> None:
        record = self._store.get(self.kind, name) or {}
        try:
            fleet = self._start_fleet(record["EndpointConfigName"])
        except Exception as error:
            self._settle(name, EndpointStatus="Failed", FailureReason=str(error)[:1000])
            return
        self._traffic[name].blue = fleet
        self._settle(name, EndpointStatus="InService", FailureReason=None)

    def _resume(self, name: str) -> None:
        """After a restart every endpoint comes back on the configuration that it last served."""
        self._traffic[name] = Traffic()
        self._store.update(self.kind, name, EndpointStatus="Creating")
        self._world.background(self._start_again, name)

    def _start_again(self, name: str) -> None:
        self._world.await_aws()
        self._start(name)

    def _deploy(self, name: str, request: dict[str, Any]) -> None:
        config_name, deployment = request["EndpointConfigName"], request.get("DeploymentConfig", {})
        traffic = self._traffic[name]
        try:
            green = self._start_fleet(config_name)
        except Exception as error:
            reason = f"The new fleet did not start, rolled back: {error}"[:1000]
            self._settle(name, EndpointStatus="InService", FailureReason=reason)
            return
        with traffic.lock:
            traffic.green = green
        try:
            ringing = self._shift(name, traffic, deployment)
        except (BotoCoreError, ClientError) as error:
            self._roll_back(name, traffic, f"the alarms cannot be read: {error}")
            return
        if ringing:
            self._roll_back(name, traffic, f"alarms {', '.join(ringing)} are in ALARM")
            return
        with traffic.lock:
            old, traffic.blue, traffic.green, traffic.green_share = traffic.blue, green, None, 0.0
        self._stop_fleet(old)
        self._settle(name, EndpointStatus="InService", EndpointConfigName=config_name, FailureReason=None)

    def _shift(self, name: str, traffic: Traffic, deployment: dict[str, Any]) -> list[str]:
        """Move traffic in the asked steps; returns the alarms that rang, or an empty list."""
        alarms = _alarm_names(deployment)
        for share, wait in _steps(deployment):
            with traffic.lock:
                traffic.green_share = share
            self._world.emit(
                "SageMaker Endpoint Deployment State Change",
                {"EndpointName": name, "TrafficShare": share, "EndpointStatus": "UPDATING"},
                self._world.arn(self.kind, name.lower()),
            )
            ringing = self._watch(alarms, wait * self._world.settings.wait_scale)
            if ringing:
                return ringing
        return []

    def _watch(self, alarms: list[str], seconds: float) -> list[str]:
        deadline = time.monotonic() + seconds
        while True:
            ringing = self._ringing(alarms)
            if ringing or time.monotonic() >= deadline:
                return ringing
            time.sleep(_POLL)

    def _roll_back(self, name: str, traffic: Traffic, why: str) -> None:
        self._settle(name, EndpointStatus="RollingBack")
        with traffic.lock:
            green, traffic.green, traffic.green_share = traffic.green, None, 0.0
        self._stop_fleet(green)
        reason = f"Rolled back to the previous configuration: {why}"[:1000]
        self._settle(name, EndpointStatus="InService", FailureReason=reason)

    def _ringing(self, names: list[str]) -> list[str]:
        if not names:
            return []
        answer = self._world.client("cloudwatch").describe_alarms(AlarmNames=names)
        return [each["AlarmName"] for each in answer["MetricAlarms"] if each["StateValue"] == "ALARM"]

    def _start_fleet(self, config_name: str) -> Fleet:
        config = self._configs.describe({"EndpointConfigName": config_name})
        fleet = Fleet(config_name=config_name, variants=[], capture=config.get("DataCaptureConfig"))
        try:
            for each in config["ProductionVariants"]:
                fleet.variants.append(self._start_variant(config_name, each))
        except Exception:
            self._stop_fleet(fleet)
            raise
        return fleet

    def _start_variant(self, config_name: str, spec: dict[str, Any]) -> Variant:
        model = self._models.describe({"ModelName": spec["ModelName"]})
        container = model.get("PrimaryContainer") or model["Containers"][0]
        # Several endpoints, and the two fleets of an update, may run one configuration at once.
        self._serving.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{config_name}-{spec['VariantName']}-", dir=self._serving))
        archive = folder / "model.tar.gz"
        self._world.download(container["ModelDataUrl"], archive)
        unpack(archive, folder / "model")
        log = (folder / "log.txt").open("wb")
        settings = self._world.settings
        program = container.get("Environment", {}).get("SAGEMAKER_PROGRAM", "inference.py")
        command = [settings.python, str(settings.serving_script), str(folder / "model"), program]
        process = self._world.spawn(command, stdout=subprocess.PIPE, stderr=log, cwd=folder)
        port = self._await_port(process, folder)
        return Variant(spec["VariantName"], float(spec.get("InitialVariantWeight", 1.0)), process, port, folder)

    def _await_port(self, process: subprocess.Popen[bytes], folder: Path) -> int:
        """The server prints its port once the model is loaded."""
        if process.stdout is None:
            raise StartError("no output")
        timer = threading.Timer(_START_SECONDS, lambda: self._world.stop(process))
        timer.start()
        line = process.stdout.readline()
        timer.cancel()
        if not line.strip().isdigit():
            self._world.stop(process)
            tail = (folder / "log.txt").read_text(errors="replace")[-500:]
            raise StartError(f"The primary container did not pass the ping health check. {tail}")
        return int(line)

    def _stop_fleet(self, fleet: Fleet | None) -> None:
        for each in fleet.variants if fleet else []:
            self._world.stop(each.process)
            shutil.rmtree(each.folder, ignore_errors=True)

    def _settle(self, name: str, **changes: Any) -> None:
        self._store.update(self.kind, name, LastModifiedTime=time.time(), **changes)
        self._emit(name)

    def _emit(self, name: str) -> None:
        record = self._store.get(self.kind, name)
        if record is None:
            # It was deleted while it came up.
            return
        status = (
            "".join(f"_{each}" if each.isupper() else each for each in record["EndpointStatus"]).lstrip("_").upper()
        )
        detail = {**record, "EndpointStatus": status}
        detail |= {key: int(record[key] * 1000) for key in ("CreationTime", "LastModifiedTime")}
        self._world.emit("SageMaker Endpoint State Change", detail, record["EndpointArn"])


class ModelError(Exception):
    """The model's container answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def _ask(port: int, body: bytes, content_type: str, accept: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/invocations", body, {"Content-Type": content_type, "Accept": accept})
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type", "application/json"), response.read()
    except OSError as error:
        return 500, "text/plain", json.dumps({"error": str(error)}).encode()
    finally:
        connection.close()


def _steps(deployment: dict[str, Any]) -> list[tuple[float, float]]:
    """(share of the green fleet, seconds to wait) of each step."""
    routing = deployment.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE"})
    wait = float(routing.get("WaitIntervalInSeconds", 0))
    if routing["Type"] == "CANARY":
        return [(_share(routing["CanarySize"]), wait), (1.0, 0.0)]
    if routing["Type"] == "LINEAR":
        step = _share(routing["LinearStepSize"])
        count = max(1, round(1 / step))
        return [(min(1.0, step * number), wait) for number in range(1, count + 1)]
    return [(1.0, wait)]


def _share(size: dict[str, Any]) -> float:
    """A size in instances is taken as that share of two: the stand-in runs one process per variant."""
    value = float(size["Value"])
    return value / 100 if size["Type"] == "CAPACITY_PERCENT" else min(0.5, value / 2)


def _alarm_names(deployment: dict[str, Any]) -> list[str]:
    return [each["AlarmName"] for each in deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])]


def _summary(variant: dict[str, Any]) -> dict[str, Any]:
    weight, count = variant.get("InitialVariantWeight", 1.0), variant.get("InitialInstanceCount", 1)
    return {
        "VariantName": variant["VariantName"],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }


def _untagged(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "Tags"}
