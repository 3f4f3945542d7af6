"""What may delete, and what signs for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.test_templates import Templates, resources
from tests.infra.test_templates import assembly as assembly
from tests.infra.test_templates import templates as templates

pytestmark = pytest.mark.infra


def statements(templates: Templates, kind: str) -> list[Any]:
    policies = [each["Properties"]["PolicyDocument"]["Statement"] for _, each in resources(templates, kind)]
    return [statement for each in policies for statement in each]


def test_receipts_are_signed_by_a_key_that_signs_and_does_nothing_else(templates: Templates) -> None:
    keys = [each for name, each in resources(templates, "AWS::KMS::Key") if "ReceiptKey" in name]
    (key,) = keys
    assert (key["Properties"]["KeySpec"], key["Properties"]["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
    assert key["DeletionPolicy"] == "Retain"


def test_nobody_has_the_policy_by_itself_and_no_function_may_delete_a_payload(templates: Templates) -> None:
    (policy,) = [each for name, each in resources(templates, "AWS::IAM::ManagedPolicy") if "Deletion" in name]
    assert not {"Roles", "Users", "Groups"} & policy["Properties"].keys()
    ours = statements(templates, "AWS::IAM::Policy")
    assert not [each for each in ours if "kms:Sign" in each["Action"]]
    collecting, copying = [each for each in ours if "s3:DeleteObjectVersion" in each["Action"]]
    ends = {str(each["Fn::Join"][1][-1]).rpartition("/")[0].rpartition("/")[2] for each in collecting["Resource"]}
    assert ends == {"segments", "versions"}
    copies = {str(each["Fn::Join"][1][-1]) for each in copying["Resource"]}
    assert copies == {f"/tables/lines/project={each}/*" for each in ("digits", "tickets")}
    for word in ("s3:DeleteObjectVersion", "kms:Sign"):
        assert [each for each in statements(templates, "AWS::IAM::ManagedPolicy") if word in each["Action"]]


def test_versions_are_deleted_of_objects_of_projects_alone(templates: Templates) -> None:
    (objects,) = [
        each for each in statements(templates, "AWS::IAM::ManagedPolicy") if "s3:DeleteObjectVersion" in each["Action"]
    ]
    ends = {str(each["Fn::Join"][1][-1]) for each in objects["Resource"]}
    copies = {f"/tables/lines/project={each}/*" for each in ("digits", "tickets")}
    assert ends == {"/digits/*", "/tickets/*", "/athena/*", *copies}


def test_copies_for_athena_are_made_again_when_samples_were_forgotten(templates: Templates) -> None:
    """By the same queue and function as those of a new version."""
    rules = [
        each["Properties"] for name, each in resources(templates, "AWS::Events::Rule") if name.startswith("Tables")
    ]
    heard = {each["EventPattern"]["detail-type"][0]: each["Targets"][0]["Arn"] for each in rules}
    assert heard.keys() == {"VersionCommitted", "SamplesForgotten"}
    queue = heard["SamplesForgotten"]
    assert heard["VersionCommitted"] == queue
    mappings = [each["Properties"] for _, each in resources(templates, "AWS::Lambda::EventSourceMapping")]
    (worked,) = [each["FunctionName"]["Ref"] for each in mappings if each["EventSourceArn"] == queue]
    assert worked.startswith("TablesTableCopy")
    assert all("DeadLetterConfig" in each["Targets"][0] for each in rules)


def test_answers_of_athena_go_after_a_week(templates: Templates) -> None:
    buckets = [each["Properties"] for _, each in resources(templates, "AWS::S3::Bucket")]
    found = [each for bucket in buckets for each in bucket.get("LifecycleConfiguration", {}).get("Rules", [])]
    (rule,) = [each for each in found if each.get("Prefix") == "athena/"]
    assert (rule["ExpirationInDays"], rule["NoncurrentVersionExpiration"]) == (7, {"NoncurrentDays": 1})
