"""What the demo plays: the user who trains and deploys a first model, its callers, and the annotators."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from scripts.demo_data import Picture
from trueup.adapters.aws.clients import Clients
from trueup.dataset.exports import augmented_manifest, payload_manifest
from trueup.model import Payload, RetrainingRun, RunStatus
from trueup.retraining.plan import Exports, Surroundings, job_name, retraining_plan, serving_environment
from trueup.usecases.import_labels import ImportedLabel
from trueup.usecases.making_versions import view_of
from trueup.wiring.operator import Operator

PASSWORD = "Trueup-demo-1!"


def labels_of(pictures: Iterable[Picture]) -> list[ImportedLabel]:
    return [
        ImportedLabel(payload=Payload(data=each.png, content_type="image/png"), label=each.label) for each in pictures
    ]


def first_model(operator: Operator, name: str, labels: Sequence[ImportedLabel]) -> None:
    """Import the few labels, train on their training split, deploy to an endpoint without data capture: the
    model that a team has before it knows trueup."""
    project, sagemaker = operator.projects[name], operator.clients["sagemaker"]
    version = operator.import_labels(name, labels, "labels that the first model was trained on")
    version = version or operator.datasets.versions(name)[-1]
    run = RetrainingRun(
        project=name,
        run_id="first",
        status=RunStatus.RUNNING,
        version_id=version.version_id,
        rule="manual",
        reason="first model",
        started_at=operator.clock.now(),
    )
    around = Surroundings(
        dataset_bucket=operator.deployment.dataset_bucket,
        key_arn=operator.deployment.key_arn,
        role_arn=operator.deployment.sagemaker_role_arn,
        code_uri=operator.deployment.code_uri,
        image_uri=operator.deployment.image_uri,
        model_package_group=operator.deployed[name].model_package_group,
    )
    plan = retraining_plan(project, run, version, None, _exports(operator, name, version), around)
    sagemaker.create_training_job(**plan["training"])
    artifacts = await_until(lambda: _trained(sagemaker, job_name(name, "first")), 120)
    sagemaker.create_model(
        ModelName=f"{name}-first",
        ExecutionRoleArn=around.role_arn,
        PrimaryContainer={
            "Image": around.image_uri,
            "ModelDataUrl": artifacts,
            "Environment": serving_environment(),
        },
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName=f"{name}-first",
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": f"{name}-first",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
            }
        ],
    )
    sagemaker.create_endpoint(EndpointName=project.endpoint_name, EndpointConfigName=f"{name}-first")
    await_until(lambda: _in_service(sagemaker, project.endpoint_name), 60)


def send(clients: Clients, endpoint: str, pictures: Sequence[Picture], seconds: float) -> None:
    """Production traffic, spread over about `seconds`, from a few callers at once."""
    runtime = clients["sagemaker-runtime"]
    pause = seconds / max(1, len(pictures))
    start = time.monotonic()

    def call(numbered: tuple[int, Picture]) -> None:
        number, picture = numbered
        time.sleep(max(0.0, start + number * pause - time.monotonic()))
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/png", Body=picture.png)

    with ThreadPoolExecutor(4) as callers:
        list(callers.map(call, enumerate(pictures)))


def accuracy(clients: Clients, endpoint: str, pictures: Sequence[Picture]) -> tuple[float, dict[str, float]]:
    """Accuracy of an endpoint on labelled pictures, and recall by class. The endpoint's data capture sees these
    requests too, so the demo measures through a copy of the endpoint without capture (`measuring_endpoint`)."""
    runtime = clients["sagemaker-runtime"]

    def ask(picture: Picture) -> str:
        answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/png", Body=picture.png)
        return str(json.loads(answer["Body"].read())["predicted_label"])

    with ThreadPoolExecutor(4) as callers:
        said = list(callers.map(ask, pictures))
    truths = [each.label for each in pictures]
    right = sum(a == b for a, b in zip(said, truths, strict=True)) / len(truths)
    recalls = {
        name: sum(a == b == name for a, b in zip(said, truths, strict=True)) / truths.count(name)
        for name in sorted(set(truths))
    }
    return right, recalls


def measure(
    operator: Operator, model_data_url: str, pictures: Sequence[Picture], tag: str
) -> tuple[float, dict[str, float]]:
    """Accuracy of a model archive, served by an endpoint of its own that captures nothing and goes away."""
    sagemaker, name = operator.clients["sagemaker"], f"measure-{tag}"
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=operator.deployment.sagemaker_role_arn,
        PrimaryContainer={
            "Image": operator.deployment.image_uri,
            "ModelDataUrl": model_data_url,
            "Environment": serving_environment(),
        },
    )
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    try:
        await_until(lambda: _in_service(sagemaker, name), 60)
        return accuracy(operator.clients, name, pictures)
    finally:
        sagemaker.delete_endpoint(EndpointName=name)


@dataclass(frozen=True)
class Person:
    """An annotator and how often they are right."""

    name: str
    skill: float


CROWD = (
    Person("ada", 0.98),
    Person("ben", 0.96),
    Person("cleo", 0.97),
    Person("dev", 0.95),
    Person("finn-in-a-hurry", 0.45),
)


@dataclass
class Crowd:
    """People who sign in with Cognito and answer through the HTTP API until told to stop."""

    operator: Operator
    workbench_url: str
    answers: dict[str, str]
    classes: tuple[str, ...]
    projects: tuple[str, ...]
    people: tuple[Person, ...] = CROWD
    subs: dict[str, str] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _errors: list[str] = field(default_factory=list)

    def hire(self, names: Iterable[str] = ()) -> None:
        """Make the accounts (and those of `names`) as an administrator of the user pool would."""
        idp, pool = self.operator.clients["cognito-idp"], self.operator.deployment.user_pool_id
        for name in [*[each.name for each in self.people], *names]:
            email = [{"Name": "email", "Value": f"{name}@example.com"}]
            made = idp.admin_create_user(UserPoolId=pool, Username=name, UserAttributes=email, MessageAction="SUPPRESS")
            idp.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)
            idp.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName="annotators")
            attributes = {each["Name"]: each["Value"] for each in made["User"]["Attributes"]}
            self.subs[attributes.get("sub", name)] = name

    def start(self) -> None:
        for number, person in enumerate(self.people):
            thread = threading.Thread(target=self._work, args=(person, random.Random(number)), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._stop.set()
        for each in self._threads:
            each.join(20)
        if len(self._errors) > 3 * len(self.people):
            raise RuntimeError(f"annotators met {len(self._errors)} errors: {self._errors[:3]}")

    def _work(self, person: Person, rng: random.Random) -> None:
        token = self._sign_in(person.name)
        while not self._stop.is_set():
            worked = [self._answer_one(person, rng, token, each) for each in self.projects]
            if not any(worked):
                self._stop.wait(0.7)

    def _answer_one(self, person: Person, rng: random.Random, token: str, project: str) -> bool:
        try:
            task = self._call(token, "POST", f"/api/projects/{project}/claims", {})["task"]
            if task is None:
                return False
            with urllib.request.urlopen(task["payload_url"], timeout=10) as response:
                truth = self.answers[hashlib.sha256(response.read()).hexdigest()]
            right = rng.random() < person.skill
            label = truth if right else rng.choice([each for each in self.classes if each != truth])
            body = {"lease_token": task["lease_token"], "label": label, "seconds_spent": rng.uniform(1, 4)}
            self._call(token, "POST", f"/api/projects/{project}/tasks/{task['task_id']}/annotations", body)
        except urllib.error.HTTPError as error:
            if error.code != 409:
                self._trouble(f"{person.name}: {error.code} {error.read()[:300]!r}")
                return False
        except OSError as error:
            self._trouble(f"{person.name}: {error}")
            return False
        return True

    def _trouble(self, text: str) -> None:
        """A person tries again a little later; the demo fails at its end if it never went well."""
        self._errors.append(text)
        if len(self._errors) > 200:
            raise RuntimeError(f"annotators met {len(self._errors)} errors: {self._errors[:3]}")
        self._stop.wait(0.5)

    def _sign_in(self, name: str) -> str:
        answer = self.operator.clients["cognito-idp"].initiate_auth(
            ClientId=self.operator.deployment.user_pool_client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
        )
        return str(answer["AuthenticationResult"]["IdToken"])

    def _call(self, token: str, method: str, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.workbench_url}{path}",
            data=json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read())


def answer_sheet(pictures: Iterable[Picture]) -> dict[str, str]:
    """The truth by the hash of the image: what a person sees when looking at it."""
    return {hashlib.sha256(each.png).hexdigest(): each.label for each in pictures}


def _exports(operator: Operator, name: str, version: Any) -> Exports:
    content = list(view_of(operator.datasets, name, version))
    schema, prefix = operator.projects[name].label_schema, f"s3://{operator.deployment.dataset_bucket}/{name}/payloads/"
    splits = {split: [each for each in content if each.split == split] for split in ("train", "validation", "test")}

    def put(file: str, data: bytes) -> str:
        return operator.datasets.put_export(name, version.version_id, file, data)

    train = put("train.manifest", augmented_manifest(splits["train"], schema, name))
    payloads = put("payloads.json", payload_manifest(splits["train"], prefix))
    return Exports(train=train, validation=None, test=train, payloads=payloads, test_payloads=payloads)


def _trained(sagemaker: Any, name: str) -> str | None:
    found = sagemaker.describe_training_job(TrainingJobName=name)
    if found["TrainingJobStatus"] == "Failed":
        raise RuntimeError(found["FailureReason"])
    return str(found["ModelArtifacts"]["S3ModelArtifacts"]) if found["TrainingJobStatus"] == "Completed" else None


def _in_service(sagemaker: Any, name: str) -> bool:
    found = sagemaker.describe_endpoint(EndpointName=name)
    if found["EndpointStatus"] == "Failed":
        raise RuntimeError(found["FailureReason"])
    return bool(found["EndpointStatus"] == "InService")


def await_until(ready: Any, seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = ready()
        if found:
            return found
        time.sleep(0.2)
    raise TimeoutError(f"not ready after {seconds} s")
