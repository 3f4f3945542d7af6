"""lineage_emit, run as Lambda runs it: what the bus tells of reaches a server, with its key, or leaves a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from moto import mock_aws

from functions.lineage_emit import handler as function
from tests.contract.implementations import DATASET, TABLE, clients_of_moto, create_table
from tests.openlineage import Marquez, judged, serving
from tests.worlds import NOW, project
from trueup.adapters.aws.buckets import Bucket, S3PayloadStore
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.failure_notes import DynamoFailureNotes
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.events import Event, VersionCommitted, seal
from trueup.model import Payload
from trueup.settings import LineageEmitSettings, render_projects
from trueup.usecases.import_labels import ImportedLabel, ImportLabels
from trueup.usecases.making_versions import version_committed


class Place:
    """A deployment on moto whose project tells a server; SageMaker, which moto has no lineage of, it does not."""

    def __init__(self, marquez: Marquez, folder: Path) -> None:
        self.marquez = marquez
        sink = {"url": marquez.url, "secret": "trueup/openlineage", "namespace": "mine"}
        told = project(lineage={"openlineage": sink, "sagemaker": False})
        (folder / "projects.json").write_bytes(render_projects([told]))
        clients = clients_of_moto()
        create_table(clients["dynamodb"])
        clients["s3"].create_bucket(Bucket=DATASET)
        clients["secretsmanager"].create_secret(Name="trueup/openlineage", SecretString="k3y")
        self.table = Table(clients["dynamodb"], TABLE)
        datasets = AwsDatasetStore(self.table, Bucket(clients["s3"], DATASET))
        payloads = S3PayloadStore(clients["s3"], DATASET)
        imports = ImportLabels({told.name: told}, payloads, datasets, SystemClock(), DynamoTaskStore(self.table))
        labels = [
            ImportedLabel(payload=Payload(data=each, content_type="text/plain"), label="cat") for each in (b"a", b"b")
        ]
        version = imports(told.name, labels, "brought along")
        assert version is not None
        self.version = version

    def tell(self, event: Event) -> list[str]:
        """Hand the function what EventBridge delivers to its queue; returns the reasons of failures."""
        sealed = seal(event, NOW)
        detail = {"version": 1, "id": sealed.event_id, "at": NOW.isoformat(), "data": sealed.data}
        body = {"source": "trueup", "detail-type": sealed.event_type, "detail": detail}
        answer = function.handler({"Records": [{"messageId": "m1", "body": json.dumps(body)}]}, None)
        failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
        notes = DynamoFailureNotes(self.table).find(failed) if failed else {}
        return [notes[each].reason for each in failed]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Place]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    settings = LineageEmitSettings(
        stage="test",
        table_name=TABLE,
        dataset_bucket=DATASET,
        captures_bucket="captures",
        bus_name="trueup",
        sagemaker_arns="arn:aws:sagemaker:us-east-1:123456789012",
    )
    for name, value in settings.to_env().items():
        monkeypatch.setenv(name, value)
    made: tuple[Any, ...] = (function._emit, function._note)
    with mock_aws(), serving() as marquez:
        for each in made:
            each.cache_clear()
        yield Place(marquez, tmp_path)
    for each in made:
        each.cache_clear()


def test_a_version_reaches_the_server_as_often_as_it_is_told(place: Place) -> None:
    for _ in range(2):
        assert place.tell(version_committed(place.version)) == []
    first, second, *again = [judged(json.loads(each)) for each in place.marquez.taken]
    assert again == [first, second]
    assert second["job"] == {**second["job"], "namespace": "mine", "name": "pets.commit_version"}
    (written,) = second["outputs"]
    assert written["facets"]["version"]["datasetVersion"] == place.version.version_id
    assert written["facets"]["trueup_annotation"]["askedBy"] == [{"strategy": "import", "labels": 2}]
    assert set(place.marquez.keys) == {"Bearer k3y"}


def test_what_the_server_refuses_keeps_its_words(place: Place) -> None:
    place.marquez.answers = [(400, {})]
    (reason,) = place.tell(version_committed(place.version))
    assert "answered 400 to the START of pets.commit_version" in reason
    assert "no such job" in reason


def test_a_version_that_is_not_there_is_told_of(place: Place) -> None:
    missing: VersionCommitted = msgspec.structs.replace(version_committed(place.version), version_id="f" * 64)
    (reason,) = place.tell(missing)
    assert "no version" in reason
