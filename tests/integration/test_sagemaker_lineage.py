"""What is asked of SageMaker Lineage, and what is made of its answers; botocore checks both against its model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from tests.worlds import NOW
from trueup.adapters.aws.sagemaker_lineage import SageMakerLineage
from trueup.errors import ConflictError, PermissionDeniedError, RetryableError, ServiceError
from trueup.lineage.mirror import Association, Entity

SAMPLES = Path(__file__).parents[1] / "data" / "sagemaker"
ARN = "arn:aws:sagemaker:us-east-1:111122223333"
MANIFEST = "s3://acme-datasets/ds42/manifest.json"
JOB = f"{ARN}:training-job/pets"
VERSION = Entity(
    kind="artifact",
    source=MANIFEST,
    name="dataset-ds42",
    type="DataSet",
    digest="sha256:" + "a" * 64,
    properties={"rows": "12045"},
)
LABELING = Entity(
    kind="action",
    source="trueup://dev/pets",
    name="label-ds42",
    type="Labeling",
    status="Completed",
    properties={"a": "b"},
)


@pytest.fixture
def client() -> Any:
    return botocore.session.Session().create_client(
        "sagemaker", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


@pytest.fixture
def stub(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as found:
        yield found
        found.assert_no_pending_responses()


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return found


def summary() -> dict[str, Any]:
    return {"ArtifactSummaries": [{"ArtifactArn": f"{ARN}:artifact/c", "Source": {"SourceUri": MANIFEST}}]}


def test_a_version_is_asked_for_as_the_contracts_say(client: Any, stub: Stubber) -> None:
    stub.add_response("list_artifacts", {"ArtifactSummaries": []}, {"SourceUri": MANIFEST})
    stub.add_response("create_artifact", {"ArtifactArn": f"{ARN}:artifact/c"}, sample("create_artifact_dataset"))
    stub.add_client_error("describe_action", "ResourceNotFound", "no such action", 400)
    stub.add_response("create_action", {"ActionArn": f"{ARN}:action/label-ds42"}, ANY_ACTION)
    stub.add_response("list_associations", {"AssociationSummaries": []}, ENDS)
    stub.add_response("add_association", {}, {**ENDS, "AssociationType": "Produced"})
    bond = Association(source=LABELING.source, destination=MANIFEST, bond="Produced")
    SageMakerLineage(client).mirror((VERSION, LABELING), (bond,))


ENDS = {"SourceArn": f"{ARN}:action/label-ds42", "DestinationArn": f"{ARN}:artifact/c"}
ANY_ACTION = {
    "ActionName": "label-ds42",
    "ActionType": "Labeling",
    "Source": {"SourceUri": "trueup://dev/pets"},
    "Status": "Completed",
    "Properties": {"a": "b"},
}


def test_what_is_there_is_brought_up_to_date(client: Any, stub: Stubber) -> None:
    stub.add_response("list_artifacts", summary())
    described = {"ArtifactArn": f"{ARN}:artifact/c", "CreationTime": NOW, "Properties": {"rows": "1", "owner": "ada"}}
    stub.add_response("describe_artifact", described, {"ArtifactArn": f"{ARN}:artifact/c"})
    wanted = {"rows": "12045", "owner": "ada"}
    stub.add_response(
        "update_artifact",
        {"ArtifactArn": f"{ARN}:artifact/c"},
        {"ArtifactArn": f"{ARN}:artifact/c", "ArtifactName": "dataset-ds42", "Properties": wanted},
    )
    there = {"ActionArn": f"{ARN}:action/label-ds42", "Status": "InProgress", "Properties": {"gone": "1", "a": "c"}}
    stub.add_response("describe_action", there, {"ActionName": "label-ds42"})
    stub.add_response(
        "update_action",
        {"ActionArn": f"{ARN}:action/label-ds42"},
        {
            "ActionName": "label-ds42",
            "Status": "Completed",
            "Properties": {"a": "b"},
            "PropertiesToRemove": ["gone"],
        },
    )
    SageMakerLineage(client).mirror((VERSION, LABELING), ())


def test_a_job_and_an_endpoint_of_sagemakers_are_found_by_their_arns(client: Any, stub: Stubber) -> None:
    component = f"{ARN}:experiment-trial-component/pets-aws-training-job"
    stub.add_response(
        "list_trial_components",
        {"TrialComponentSummaries": [{"TrialComponentArn": component}]},
        {"SourceArn": JOB},
    )
    context = {"ContextArn": f"{ARN}:context/pets", "Source": {"SourceUri": f"{ARN}:endpoint/pets"}}
    stub.add_response("list_contexts", {"ContextSummaries": [context]}, {"SourceUri": f"{ARN}:endpoint/pets"})
    ends = {"SourceArn": component, "DestinationArn": f"{ARN}:context/pets"}
    stub.add_response(
        "list_associations", {"AssociationSummaries": [{**ends, "AssociationType": "ContributedTo"}]}, ends
    )
    endpoint = Entity(kind="context", source=f"{ARN}:endpoint/pets", name="pets", type="Endpoint")
    bond = Association(source=JOB, destination=endpoint.source, bond="ContributedTo")
    assert SageMakerLineage(client).mirror((Entity(kind="job", source=JOB), endpoint), (bond,)) == ()


@pytest.mark.parametrize("code", ["ValidationException", "ResourceInUse"])
def test_two_who_make_the_same_at_once_meet_later(client: Any, stub: Stubber, code: str) -> None:
    """Whatever the code, which the documentation does not tell."""
    stub.add_response("list_artifacts", {"ArtifactSummaries": []})
    stub.add_client_error("create_artifact", code, "Artifact with this source already exists.", 400)
    with pytest.raises(ConflictError, match="somebody else made dataset-ds42"):
        SageMakerLineage(client).mirror((VERSION,), ())


def test_an_association_made_meanwhile_is_there(client: Any, stub: Stubber) -> None:
    context = {"ContextArn": f"{ARN}:context/p", "Source": {"SourceUri": "trueup://dev/p"}}
    for _ in range(2):
        stub.add_response("list_contexts", {"ContextSummaries": [context]})
    stub.add_response("list_associations", {"AssociationSummaries": []})
    stub.add_client_error("add_association", "ValidationException", "Association already exists", 400)
    both = (
        Entity(kind="context", source="a", name="a", type="t"),
        Entity(kind="context", source="b", name="b", type="t"),
    )
    SageMakerLineage(client).mirror(both, (Association(source="a", destination="b", bond="SameAs"),))


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        ("ResourceLimitExceeded", ServiceError, r"6000 artifacts.*lineage\.sagemaker"),
        ("ThrottlingException", RetryableError, "mirroring the artifact"),
        ("AccessDeniedException", PermissionDeniedError, MANIFEST),
        ("ValidationException", ServiceError, "6000"),
    ],
)
def test_refusals_are_told_apart(client: Any, stub: Stubber, code: str, kind: type[Exception], says: str) -> None:
    stub.add_response("list_artifacts", {"ArtifactSummaries": []})
    stub.add_client_error("create_artifact", code, "The account has 6000 artifacts", 400)
    with pytest.raises(kind, match=says):
        SageMakerLineage(client).mirror((VERSION,), ())


def test_somebody_who_updates_at_the_same_moment_goes_first(client: Any, stub: Stubber) -> None:
    stub.add_response("describe_action", {"ActionArn": f"{ARN}:action/label-ds42", "Status": "InProgress"})
    stub.add_client_error("update_action", "ConflictException", "try again", 400)
    with pytest.raises(ConflictError, match="mirroring the action of trueup://dev/pets"):
        SageMakerLineage(client).mirror((LABELING,), ())
