"""The stand-in's lineage: what SageMaker makes by itself, and what it refuses."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.local_world import ROLE
from trueup.local.launcher.sagemaker.errors import AwsError
from trueup.local.launcher.sagemaker.service import SageMaker

ARN = "arn:aws:sagemaker:us-east-1:000000000000"


def artifact(sagemaker: SageMaker, uri: str = "s3://b/k", **more: Any) -> str:
    request = {"ArtifactType": "DataSet", "Source": {"SourceUri": uri}, **more}
    return str(sagemaker.call("CreateArtifact", request)["ArtifactArn"])


def action(sagemaker: SageMaker, name: str = "a") -> str:
    request = {"ActionName": name, "ActionType": "t", "Source": {"SourceUri": "u"}, "Status": "InProgress"}
    return str(sagemaker.call("CreateAction", request)["ActionArn"])


def test_a_uri_has_one_artifact_and_a_name_one_action(sagemaker: SageMaker) -> None:
    artifact(sagemaker)
    action(sagemaker)
    for again in (artifact, action):
        with pytest.raises(AwsError, match="already exists"):
            again(sagemaker)


def test_an_update_replaces_properties_and_keeps_the_rest(sagemaker: SageMaker) -> None:
    arn = artifact(sagemaker, Properties={"a": "1", "b": "2"}, ArtifactName="one")
    sagemaker.call(
        "UpdateArtifact", {"ArtifactArn": arn, "Properties": {"c": "3", "d": "4"}, "PropertiesToRemove": ["d"]}
    )
    found = sagemaker.call("DescribeArtifact", {"ArtifactArn": arn})
    assert (found["Properties"], found["ArtifactName"]) == ({"c": "3"}, "one")
    action(sagemaker)
    sagemaker.call("UpdateAction", {"ActionName": "a", "Status": "Completed"})
    assert sagemaker.call("DescribeAction", {"ActionName": "a"})["Status"] == "Completed"


def test_what_is_not_there_is_not_found(sagemaker: SageMaker) -> None:
    for operation, request in (
        ("DescribeAction", {"ActionName": "none"}),
        ("DescribeContext", {"ContextName": "none"}),
        ("DescribeArtifact", {"ArtifactArn": f"{ARN}:artifact/none"}),
        ("AddAssociation", {"SourceArn": f"{ARN}:artifact/none", "DestinationArn": f"{ARN}:action/none"}),
    ):
        with pytest.raises(AwsError) as caught:
            sagemaker.call(operation, request)
        assert caught.value.code == "ResourceNotFound"


def test_sagemaker_tells_of_its_own_jobs_packages_and_endpoints(sagemaker: SageMaker) -> None:
    sagemaker.call(
        "CreateProcessingJob",
        {
            "ProcessingJobName": "judge",
            "RoleArn": ROLE,
            "AppSpecification": {"ImageUri": "image"},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
            },
            "ProcessingInputs": [{"InputName": "test", "S3Input": {"S3Uri": "s3://b/test", "S3DataType": "S3Prefix"}}],
        },
    )
    sagemaker.call("CreateModelPackageGroup", {"ModelPackageGroupName": "pets"})
    package = sagemaker.call("CreateModelPackage", {"ModelPackageGroupName": "pets"})["ModelPackageArn"]
    uris = {each["Source"]["SourceUri"] for each in sagemaker.call("ListArtifacts", {})["ArtifactSummaries"]}
    assert uris == {"s3://b/test", package}
    (component,) = sagemaker.call("ListTrialComponents", {})["TrialComponentSummaries"]
    assert component["TrialComponentSource"]["SourceArn"] == f"{ARN}:processing-job/judge"
    bonds = sagemaker.call("ListAssociations", {"DestinationArn": component["TrialComponentArn"]})
    assert [each["AssociationType"] for each in bonds["AssociationSummaries"]] == ["ContributedTo"]


def test_two_experiment_entities_cannot_be_associated(sagemaker: SageMaker) -> None:
    ends = {"SourceArn": f"{ARN}:experiment-trial-component/a", "DestinationArn": f"{ARN}:experiment-trial-component/b"}
    with pytest.raises(AwsError, match="two experiment entities"):
        sagemaker.call("AddAssociation", ends)


def test_a_query_goes_as_far_as_it_may(sagemaker: SageMaker) -> None:
    arns = [artifact(sagemaker, f"s3://b/{each}") for each in range(4)]
    for source, destination in pairwise(arns):
        sagemaker.call(
            "AddAssociation", {"SourceArn": source, "DestinationArn": destination, "AssociationType": "DerivedFrom"}
        )
    near = sagemaker.call("QueryLineage", {"StartArns": arns[:1], "Direction": "Descendants", "MaxDepth": 2})
    assert [each["Arn"] for each in near["Vertices"]] == arns[1:3]
    assert len(near["Edges"]) == 2
    both = sagemaker.call("QueryLineage", {"StartArns": arns[1:2], "IncludeEdges": False})
    assert {each["Arn"] for each in both["Vertices"]} == {arns[0], *arns[2:]}
    assert "Edges" not in both


def test_what_lineage_calls_need_is_asked_of_iam(sagemaker: SageMaker) -> None:
    def needs(operation: str, **request: Any) -> list[str]:
        return [each.resource for each in sagemaker.permissions_of(operation, request)]

    assert needs("CreateAction", ActionName="Label-1") == [f"{ARN}:action/label-1"]
    assert needs("CreateArtifact", Source={"SourceUri": "u"}) == [f"{ARN}:artifact/*"]
    assert needs("UpdateArtifact", ArtifactArn="x") == ["x"]
    assert needs("AddAssociation", SourceArn="a", DestinationArn="b") == ["a", "b"]
    assert needs("ListArtifacts", SourceUri="u") == ["*"]
