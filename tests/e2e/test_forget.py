"""A person's data is deleted on a deployment, by somebody who may do that and nothing else."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import Cloud
from tests.e2e.people import eventually
from tests.e2e.terminal import trueup, trueup_json
from tests.worlds import capture_line
from trueup.adapters.aws.segment_tables import lines_key
from trueup.capture.samples import sample_id
from trueup.model import DatasetVersion, Payload
from trueup.usecases.import_labels import ImportedLabel

pytestmark = pytest.mark.e2e

PROJECT, PERSON, SECRET = "remarks", "anna-4711", "the cat of anna purrs"


@pytest.fixture
def officer(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The terminal is in the hands of a role that has the policy of deletion alone."""
    iam, sts = cloud.operator.clients["iam"], cloud.operator.clients["sts"]
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="test-officer", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="test-officer", PolicyArn=policy_of(cloud))
    lent = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    with monkeypatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", lent["AccessKeyId"])
        environment.setenv("AWS_SECRET_ACCESS_KEY", lent["SecretAccessKey"])
        environment.setenv("AWS_SESSION_TOKEN", lent["SessionToken"])
        yield
    iam.detach_role_policy(RoleName="test-officer", PolicyArn=policy_of(cloud))
    iam.delete_role(RoleName="test-officer")


def policy_of(cloud: Cloud) -> str:
    stacks = cloud.operator.clients["cloudformation"].describe_stacks(StackName="trueup-e2e-data")["Stacks"]
    (found,) = [each["OutputValue"] for each in stacks[0]["Outputs"] if each["OutputKey"] == "ForgetPolicy"]
    return str(found)


def test_a_person_is_forgotten_in_every_version_of_every_object(cloud: Cloud, officer: None) -> None:
    brought = bring(cloud)
    eventually(lambda: len(copied(cloud, brought)) == 3)
    for each in (PERSON, SECRET):
        assert each in everything(cloud)
    words = ("forget", "--project", PROJECT, "--subject", PERSON, "--since", f"{datetime.now(UTC):%Y-%m-%d}")
    found = trueup_json(*words, "--dry-run")
    assert (len(found["samples"]), len(found["captures"])) == (2, 1)
    signed = trueup_json(*words, "--captures", "--yes", "--reason", "request 17")
    receipt = signed["receipt"]
    assert receipt["samples"] == sorted([sample_id(text(SECRET)), sample_id(text(f"{SECRET} too"))])
    assert receipt["counts"]["capture_lines"] == 1
    for each in (PERSON, SECRET):
        assert each not in everything(cloud)
    assert "somebody's dog" in everything(cloud)
    assert trueup_json("forget", "verify", "--project", PROJECT)["problems"] == []
    verified = trueup_json("dataset", "verify", "--project", PROJECT)
    assert verified["problems"] == []
    assert len(verified["forgotten"]) == 1
    # The segment was copied again by the deletion's event, without her lines.
    eventually(lambda: len(copied(cloud, brought)) == 1)
    trueup(*words, "--captures", "--yes", code=4)
    events = cloud.operator.clients["dynamodb"].scan(
        TableName=cloud.operator.deployment.table,
        FilterExpression="contains(#data, :name)",
        ExpressionAttributeNames={"#data": "data"},
        ExpressionAttributeValues={":name": {"S": '"event_type":"SamplesForgotten"'}},
    )
    assert events["Count"] == 1


def bring(cloud: Cloud) -> DatasetVersion:
    """Labels of hers and of others, and a capture of hers beside one of somebody else. Returns the labels' version."""
    theirs = [(PERSON, SECRET), (PERSON, f"{SECRET} too"), ("other", "somebody's dog")]
    labels = [ImportedLabel(payload=text(says), label="cat", group=person) for person, says in theirs]
    cloud.operator.import_labels(PROJECT, labels, "brought along")
    version = cloud.operator.datasets.head(PROJECT)
    assert version is not None
    record = json.loads(capture_line(80_000, text=SECRET))
    record["eventMetadata"]["inferenceId"] = PERSON
    place = cloud.operator.deployment
    key = f"{PROJECT}/{PROJECT}/AllTraffic/{datetime.now(UTC):%Y/%m/%d/%H}/anna.jsonl"
    body = json.dumps(record).encode() + b"\n" + capture_line(80_001) + b"\n"
    cloud.operator.clients["s3"].put_object(Bucket=place.captures_bucket, Key=key, Body=body)
    eventually(lambda: [each for each in cloud.operator.ledger.latest(PROJECT) if each.file.key == key])
    return version


def copied(cloud: Cloud, version: DatasetVersion) -> list[str]:
    """The samples that a version brought, as Athena finds them in the copies of its segments."""
    s3, bucket = cloud.operator.clients["s3"], cloud.operator.deployment.dataset_bucket
    keys = [lines_key(PROJECT, each.sha256) for each in version.delta]
    there = {each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="tables/lines/").get("Contents", [])}
    with tempfile.TemporaryDirectory() as folder:
        for key in there.intersection(keys):
            data = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            Path(folder, key.rpartition("/")[2]).write_bytes(data)
        found = f"SELECT sample_id FROM '{folder}/*.parquet' WHERE NOT removed"
        return [each for (each,) in duckdb.sql(found).fetchall()] if any(Path(folder).iterdir()) else []


def text(says: str) -> Payload:
    return Payload(data=says.encode(), content_type="text/plain")


def everything(cloud: Cloud) -> str:
    """Every version of the project's objects, and its items."""
    place, clients = cloud.operator.deployment, cloud.operator.clients
    folders = [(place.dataset_bucket, f"{PROJECT}/"), (place.captures_bucket, f"{PROJECT}/")]
    folders.append((place.dataset_bucket, f"tables/lines/project={PROJECT}/"))
    found = [text for folder in folders for text in objects(clients["s3"], *folder)]
    pages = clients["dynamodb"].get_paginator("scan").paginate(TableName=place.table)
    found += [repr(item) for page in pages for item in page["Items"] if item["pk"]["S"].startswith(f"P#{PROJECT}#")]
    return "\n".join(found)


def objects(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Versions", []):
            answer = s3.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
            yield f"{each['Key']} {answer['Body'].read().decode(errors='replace')}"
