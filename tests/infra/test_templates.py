"""The synthesized app: clean, least privileged, encrypted, and packed with only what each function imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.packaging import ROOT, Packager, Wheels
from trueup.settings import FUNCTION_SETTINGS

pytestmark = pytest.mark.infra
Templates = dict[str, dict[str, Any]]
# Not in cdk.json's deployment: tests/infra/test_sources.py.
_WHERE_WANTED = ("capture_translate", "hint_receive", "model_annotate", "labeling_prepare", "labeling_gather")
# A fifth above what they are with their byte code.
_MEGABYTES = {"numpy": 71, "plain": 15.5, "duckdb": 170.0}


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cdk") / "out"
    environment = {**os.environ, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1"}
    cdk = str(ROOT / "node_modules" / ".bin" / "cdk")
    command = [cdk, "synth", "--quiet", "--output", str(out), "--app", f"{sys.executable} -m infra.app"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.fixture(scope="session")
def templates(assembly: Path) -> Templates:
    return {each.name.split(".")[0]: json.loads(each.read_text()) for each in assembly.glob("*.template.json")}


def resources(templates: Templates, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for template in templates.values():
        for name, each in template["Resources"].items():
            if each["Type"] == kind:
                yield name, each


def test_cdk_nag_has_no_open_finding(assembly: Path) -> None:
    report = json.loads((assembly / "validation-report.json").read_text())
    assert [each for plugin in report["pluginReports"] for each in plugin.get("violations", [])] == []


def test_cfn_lint_is_clean(assembly: Path) -> None:
    files = [str(each) for each in sorted(assembly.glob("*.template.json"))]
    command = [
        str(Path(sys.executable).with_name("cfn-lint")),
        "--regions",
        "us-east-1",
        "--ignore-checks",
        "W",
        "--",
        *files,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_two_projects_have_a_queue_and_a_model_group_each(templates: Templates) -> None:
    groups = [
        each["Properties"]["ModelPackageGroupName"]
        for _, each in resources(templates, "AWS::SageMaker::ModelPackageGroup")
    ]
    assert sorted(groups) == ["trueup-dev-digits", "trueup-dev-tickets"]


def test_every_function_of_ours_has_logs_tracing_a_role_and_a_place_for_failures(templates: Templates) -> None:
    ours = [
        each["Properties"]
        for _, each in resources(templates, "AWS::Lambda::Function")
        if str(each["Properties"].get("Handler", "")).startswith("functions.")
    ]
    assert len(ours) == len(FUNCTION_SETTINGS) - len(_WHERE_WANTED)
    assert len({json.dumps(each["Role"]) for each in ours}) == len(ours)
    destinations = list(resources(templates, "AWS::Lambda::EventInvokeConfig"))
    assert len(destinations) == len(ours)
    assert all(each["Properties"]["DestinationConfig"]["OnFailure"]["Destination"] for _, each in destinations)
    for each in ours:
        assert each["Architectures"] == ["arm64"]
        assert each["TracingConfig"] == {"Mode": "Active"}
        assert "DeadLetterConfig" not in each
        assert each["LoggingConfig"]["LogFormat"] == "JSON"


def test_every_queue_is_encrypted_and_has_somewhere_for_its_dead(templates: Templates) -> None:
    for name, each in resources(templates, "AWS::SQS::Queue"):
        properties = each["Properties"]
        assert properties["KmsMasterKeyId"], name
        if "DeadLetters" not in name and "Failures" not in name:
            assert properties["RedrivePolicy"], name


def test_services_reach_queues_on_behalf_of_this_account_alone(templates: Templates) -> None:
    for name, each in resources(templates, "AWS::SQS::QueuePolicy"):
        for statement in each["Properties"]["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Deny" or "AWS::AccountId" in json.dumps(statement["Condition"]), name


def test_what_reads_the_stream_may_write_failure_notes_and_nothing_else(templates: Templates) -> None:
    policies = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for name, each in resources(templates, "AWS::IAM::Policy")
        if name.startswith("EventPublish")
    ]
    writes = [
        each
        for statement in policies
        for each in statement
        if any(action in str(each["Action"]) for action in ("dynamodb:Put", "dynamodb:Update", "dynamodb:Delete"))
    ]
    (write,) = writes
    assert write["Action"] == "dynamodb:PutItem"
    assert write["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["FAILURE#*"]}}


def test_functions_delete_what_no_version_needs_and_copies_and_no_payload(templates: Templates) -> None:
    deleting = {
        name: statement
        for name, each in resources(templates, "AWS::IAM::Policy")
        for statement in each["Properties"]["PolicyDocument"]["Statement"]
        if "s3:Delete" in json.dumps(statement["Action"]) and not name.startswith("Custom")
    }
    (collecting, collected), (copying, copied) = sorted(deleting.items())
    assert collecting.startswith("DatasetCollect")
    assert copying.startswith("TablesTableCopy")
    assert collected["Action"] == copied["Action"] == ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    ends = {json.dumps(each).rpartition("/")[0].rpartition("/")[2] for each in collected["Resource"]}
    assert ends == {"segments", "versions"}
    assert all("/tables/lines/project=" in json.dumps(each) for each in copied["Resource"])


def test_parts_of_versions_write_to_their_folders_and_delete_nothing(templates: Templates) -> None:
    (policy,) = [each for name, each in resources(templates, "AWS::IAM::Policy") if name.startswith("BulkVersionsVers")]
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    written: dict[str, set[str]] = {}
    for each in statements:
        for action in [each["Action"]] if isinstance(each["Action"], str) else each["Action"]:
            if action.startswith("s3:") and action not in ("s3:GetObject", "s3:ListBucket"):
                places = each["Resource"] if isinstance(each["Resource"], list) else [each["Resource"]]
                written.setdefault(action, set()).update(_below_the_bucket(place) for place in places)
    assert written == {
        "s3:PutObject": {f"/*/{each}/*" for each in ("exports", "groups", "reports", "segments", "versions")},
        "s3:AbortMultipartUpload": {"/*/exports/*"},
    }


def _below_the_bucket(arn: dict[str, Any]) -> str:
    bucket, path = arn["Fn::Join"][1]
    assert "Dataset" in json.dumps(bucket)
    return str(path)


def test_functions_time_out_well_before_their_messages_return(templates: Templates) -> None:
    timeouts = {
        name: each["Properties"].get("Timeout", 3) for name, each in resources(templates, "AWS::Lambda::Function")
    }
    queues = {name: each["Properties"] for name, each in resources(templates, "AWS::SQS::Queue")}
    mappings = list(resources(templates, "AWS::Lambda::EventSourceMapping"))
    checked = 0
    for _, each in mappings:
        source = each["Properties"]["EventSourceArn"]
        queue = source.get("Fn::GetAtt", [""])[0]
        if queue in queues:
            function = each["Properties"]["FunctionName"]["Ref"]
            assert queues[queue]["VisibilityTimeout"] >= 6 * timeouts[function]
            assert each["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
            checked += 1
    assert checked >= 5


def test_browsers_may_read_payloads_by_their_links_and_nothing_more(templates: Templates) -> None:
    rules = {
        name: each["Properties"]["CorsConfiguration"]["CorsRules"]
        for name, each in resources(templates, "AWS::S3::Bucket")
        if "CorsConfiguration" in each["Properties"]
    }
    ((name, (rule,)),) = rules.items()
    assert name.startswith("Dataset")
    assert (rule["AllowedMethods"], rule["AllowedOrigins"]) == (["GET"], ["*"])


def test_what_must_survive_survives(templates: Templates) -> None:
    (table,) = [each for _, each in resources(templates, "AWS::DynamoDB::Table")]
    assert table["DeletionPolicy"] == "Retain"
    assert table["Properties"]["DeletionProtectionEnabled"] is True
    assert table["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    kept = [each for name, each in resources(templates, "AWS::S3::Bucket") if not name.startswith("Site")]
    assert all(each["DeletionPolicy"] == "Retain" for each in kept)
    for _, each in resources(templates, "AWS::S3::Bucket"):
        assert set(each["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}


def _heaviest(folder: Path) -> str:
    return next((each for each in ("duckdb", "numpy") if (folder / each).is_dir()), "plain")


@pytest.mark.parametrize("wheels", ["host", "lambda"])
@pytest.mark.parametrize("name", sorted(FUNCTION_SETTINGS))
def test_a_package_is_small(name: str, wheels: Wheels) -> None:
    folder = Packager(wheels, b"[]").package(name)
    size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) / 1e6
    assert size < _MEGABYTES[_heaviest(folder)]


def test_equal_content_is_packed_once() -> None:
    assert Packager("host", b"[]").package("event_publish") == Packager("host", b"[]").package("event_publish")
    assert Packager("host", b"[]").package("event_publish") != Packager("host", b"[1]").package("event_publish")
