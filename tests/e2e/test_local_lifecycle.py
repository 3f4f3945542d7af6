"""The embedded AWS as its user meets it: trueup local up, down, up again, a crash, reset. What was there is there
again, and no process stays behind."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.conftest import PASSWORD, PETS, ROOT
from tests.e2e.people import eventually
from tests.worlds import capture_line
from trueup.local.service import Running, status

pytestmark = [pytest.mark.e2e, pytest.mark.own_cloud]

TRAIN = "import os, pathlib; pathlib.Path(os.environ['SM_MODEL_DIR'], 'word.txt').write_text('cat')\n"
SERVE = """
import json, pathlib
def model_fn(folder): return pathlib.Path(folder, "word.txt").read_text()
def input_fn(body, kind): return body
def predict_fn(body, model): return model
def output_fn(said, accept): return json.dumps({"predicted_label": said}), "application/json"
"""


@dataclass
class Machine:
    """One machine with the repository and a state directory."""

    state: Path
    config: Path

    def local(self, *words: str, code: int = 0) -> str:
        """What a verb says. Raises AssertionError when it ends with another exit code."""
        command = [sys.executable, "-m", "trueup.cli.app", "local", *words, "--state", str(self.state)]
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TRUEUP_"))}
        done = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == code, f"{words} ended with {done.returncode}: {said}"
        return said

    def up(self, code: int = 0) -> str:
        return self.local("up", "--config", str(self.config), code=code)

    @property
    def said(self) -> Any:
        return json.loads(self.local("status", "--json"))

    @property
    def running(self) -> Running:
        found = status(self.state)
        assert found is not None
        return found

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.running.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def processes(self) -> list[str]:
        """Everything that runs for this state directory: it is in their command lines or working folders."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                places = f"{words} {(process / 'cwd').readlink()} {(process / 'environ').read_bytes()!r}"
                if str(self.state) in places and int(process.name) != os.getpid():
                    found.append(words)
        return found


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("lifecycle")
    config = folder / "deployment.json"
    config.write_text(json.dumps({"removal_policy": "destroy", "schedule_minutes": 60, "projects": [PETS]}))
    machine = Machine(tmp_path_factory.getbasetemp() / "resumed-aws", config)
    yield machine
    machine.local("reset", "--yes")


def test_what_was_there_is_there_again_after_a_rest_and_after_a_crash(machine: Machine) -> None:
    said = machine.up()
    assert machine.said["workbench_url"] in said
    assert str(machine.state / "env") in said
    assert "runs already" in machine.up(code=5)
    fill(machine)

    before = machine.running
    assert "resumes" in machine.local("down")
    assert machine.processes() == []
    assert "nothing was running" in machine.local("down")
    machine.up()
    assert_all_is_there(machine)
    assert machine.running.ministack_pid != before.ministack_pid
    assert machine.running.endpoint_url == before.endpoint_url
    assert_functions_are_given_messages(machine)

    os.kill(machine.running.ministack_pid, signal.SIGKILL)
    eventually(lambda: machine.processes() == [], 10)
    assert machine.said == {"running": False}
    machine.up()
    assert_all_is_there(machine)

    machine.local("reset", "--yes")
    assert not machine.state.exists()
    assert "nothing to forget" in machine.local("reset", "--yes")


def fill(machine: Machine) -> None:
    """One of everything that must survive."""
    machine.client("s3").put_object(Bucket=bucket(machine), Key="kept", Body=b"an object")
    machine.client("dynamodb").put_item(TableName=place(machine)["table"], Item=item("kept"))
    machine.client("sqs").send_message(QueueUrl=annotation_queue(machine), MessageBody="kept")
    idp, pool = machine.client("cognito-idp"), place(machine)["user_pool_id"]
    idp.admin_create_user(UserPoolId=pool, Username="ada", MessageAction="SUPPRESS")
    idp.admin_set_user_password(UserPoolId=pool, Username="ada", Password=PASSWORD, Permanent=True)
    idp.admin_add_user_to_group(UserPoolId=pool, Username="ada", GroupName="annotators")
    train_and_serve(machine)
    assert_all_is_there(machine)


def train_and_serve(machine: Machine) -> None:
    sagemaker, s3, role = machine.client("sagemaker"), machine.client("s3"), place(machine)["sagemaker_role_arn"]
    s3.put_object(Bucket=bucket(machine), Key="code.tar.gz", Body=archive({"train.py": TRAIN}))
    sagemaker.create_training_job(
        TrainingJobName="trueup-first",
        RoleArn=role,
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"s3://{bucket(machine)}/code.tar.gz"',
        },
        OutputDataConfig={"S3OutputPath": f"s3://{bucket(machine)}/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    eventually(lambda: job(machine)["TrainingJobStatus"] == "Completed", 20)
    s3.put_object(
        Bucket=bucket(machine), Key="model.tar.gz", Body=archive({"code/inference.py": SERVE, "word.txt": "cat"})
    )
    model = {"Image": "image", "ModelDataUrl": f"s3://{bucket(machine)}/model.tar.gz"}
    sagemaker.create_model(ModelName="first", ExecutionRoleArn=role, PrimaryContainer=model)
    variant = {"VariantName": "AllTraffic", "ModelName": "first", "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName="first", ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName="pets", EndpointConfigName="first")


def assert_all_is_there(machine: Machine) -> None:
    assert machine.client("s3").get_object(Bucket=bucket(machine), Key="kept")["Body"].read() == b"an object"
    kept = machine.client("dynamodb").get_item(TableName=place(machine)["table"], Key=item("kept"))
    assert kept["Item"] == item("kept")
    queue = {"QueueUrl": annotation_queue(machine), "VisibilityTimeout": 0}
    (message,) = machine.client("sqs").receive_message(**queue)["Messages"]
    assert message["Body"] == "kept"
    assert projects_of_ada(machine) == ["pets"]
    assert job(machine)["TrainingJobStatus"] == "Completed"
    eventually(lambda: predicted(machine) == "cat", 20)


def assert_functions_are_given_messages(machine: Machine) -> None:
    """A capture file is read by the function that its queue feeds."""
    key = "pets/pets/AllTraffic/2026/11/24/09/resumed.jsonl"
    machine.client("s3").put_object(Bucket=place(machine)["captures_bucket"], Key=key, Body=capture_line(1) + b"\n")
    receipts = {
        "TableName": place(machine)["table"],
        "FilterExpression": "sk = :receipt AND contains(#data, :key)",
        "ExpressionAttributeNames": {"#data": "data"},
        "ExpressionAttributeValues": {":receipt": {"S": "RECEIPT"}, ":key": {"S": key}},
    }
    eventually(lambda: machine.client("dynamodb").scan(**receipts)["Count"])


def projects_of_ada(machine: Machine) -> list[str]:
    """Signs in with Cognito and asks the HTTP API through the workbench's address."""
    signed = machine.client("cognito-idp").initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=place(machine)["user_pool_client_id"],
        AuthParameters={"USERNAME": "ada", "PASSWORD": PASSWORD},
    )
    token = signed["AuthenticationResult"]["IdToken"]
    request = urllib.request.Request(
        f"{machine.running.workbench_url}/api/projects", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return [each["name"] for each in json.load(response)["projects"]]


def predicted(machine: Machine) -> str | None:
    try:
        answer = machine.client("sagemaker-runtime").invoke_endpoint(EndpointName="pets", Body=b"it purrs")
    except ClientError:
        return None
    return str(json.loads(answer["Body"].read())["predicted_label"])


def job(machine: Machine) -> Any:
    (found,) = machine.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    return found


def place(machine: Machine) -> Any:
    found = machine.client("ssm").get_parameter(Name="/trueup/dev/deployment")
    return json.loads(found["Parameter"]["Value"])


def bucket(machine: Machine) -> str:
    return str(place(machine)["dataset_bucket"])


def annotation_queue(machine: Machine) -> str:
    found = machine.client("ssm").get_parameter(Name="/trueup/dev/projects/pets")
    return str(json.loads(found["Parameter"]["Value"])["annotation_queue_url"])


def item(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}, "sk": {"S": name}}


def archive(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as bundle:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            bundle.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()
