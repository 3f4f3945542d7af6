"""trueup import as it runs on AWS: the deployment found in SSM, the job in S3, the version in DynamoDB."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from moto import mock_aws
from PIL import Image
from typer.testing import CliRunner, Result

from tests.contract.implementations import DATASET, TABLE, clients_of_moto, on_aws
from tests.imports import DATA
from tests.unit.cli.conftest import _deployment
from tests.worlds import project
from trueup.cli.app import app
from trueup.cli.desk import Desk
from trueup.settings import DeployedProject, deployment_parameter, project_parameter
from trueup.wiring.operations import operations
from trueup.wiring.operator import PROJECTS_KEY

OLD = "acme-labeling-sagemaker"


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        on_aws()
        deploy(clients_of_moto())
        yield clients_of_moto()


def deploy(clients: Any) -> None:
    place = msgspec.structs.replace(_deployment(), table=TABLE, dataset_bucket=DATASET, projects=("pets",))
    pets = DeployedProject(
        name="pets",
        endpoint_name="pets",
        annotation_queue_url="",
        annotation_dlq_url="",
        model_package_group="pets",
        capture_uri="s3://captures/pets",
    )
    for name, value in ((deployment_parameter("dev"), place), (project_parameter("dev", "pets"), pets)):
        clients["ssm"].put_parameter(Name=name, Value=msgspec.json.encode(value).decode(), Type="String")
    config = project(
        label_schema={"kind": "boxes", "media": "image", "classes": [{"name": "crate"}, {"name": "label"}]},
        triggers={"action": "notify"},
    )
    clients["s3"].put_object(Bucket=DATASET, Key=PROJECTS_KEY, Body=msgspec.json.encode([config]))
    clients["s3"].create_bucket(Bucket=OLD)


def put_job(clients: Any) -> None:
    home = "out/boxes-r1"
    answers = (DATA / "ground-truth" / "worker_response_bounding_box.json").read_bytes()
    manifest = (DATA / "ground-truth" / "output_bounding_box.manifest").read_bytes()
    files = {
        f"{home}/manifests/output/output.manifest": manifest,
        f"{home}/annotations/worker-response/iteration-1/0/2026-11-20_09:59:01.json": answers,
        "in/img-000.jpg": picture(1),
        "in/img-001.jpg": picture(2),
    }
    for key, data in files.items():
        clients["s3"].put_object(Bucket=OLD, Key=key, Body=data)


def picture(red: int) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (640, 480), (red, 0, 0)).save(target, "PNG")
    return target.getvalue()


def trueup(*arguments: str) -> Result:
    def never() -> Any:
        raise AssertionError

    desk = Desk(connect=lambda stage: operations(stage, clients_of_moto()), diagnose=never, facts=never, embedded=never)
    return CliRunner(env={"TRUEUP_STAGE": "dev", "NO_COLOR": "1"}).invoke(app, list(arguments), obj=desk)


def test_an_old_job_becomes_the_first_version(clients: Any) -> None:
    put_job(clients)
    place = f"s3://{OLD}/out/boxes-r1"
    looked = trueup("import", "ground-truth", place, "--dry-run", "--json")
    assert looked.exit_code == 0, looked.output
    assert (json.loads(looked.stdout)["new"], json.loads(looked.stdout)["classes"]) == (2, {"crate": 1, "label": 1})
    said = trueup("import", "ground-truth", place)
    assert said.exit_code == 0, said.output
    assert "v1: 2 added, 0 relabelled, 2 in all" in said.stdout
    again = trueup("import", "ground-truth", place)
    assert "2 labels read, all of them known: no new version" in again.stdout
    assert trueup("dataset", "verify").exit_code == 0


def test_a_bucket_that_is_not_there_is_told(clients: Any) -> None:
    result = trueup("import", "ground-truth", "s3://not-a-bucket-of-ours/out/")
    assert result.exit_code == 4
    assert "s3://not-a-bucket-of-ours" in result.stderr
