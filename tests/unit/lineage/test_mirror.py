"""What of a retraining SageMaker Lineage is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.worlds import NOW, project
from trueup.lineage.facts import version_facts
from trueup.lineage.mirror import LONGEST_VALUE, MOST_PROPERTIES, Mirror, limited, mirrored
from trueup.lineage.whereabouts import Whereabouts
from trueup.local.launcher.sagemaker.validation import check_request
from trueup.model import DatasetVersion, RetrainingRun, RunStatus

SAGEMAKER = "arn:aws:sagemaker:us-east-1:111122223333"
PACKAGE = f"{SAGEMAKER}:model-package/trueup-dev-pets/1"


def place(**changes: Any) -> Whereabouts:
    return Whereabouts(
        stage="dev",
        project=project(**changes),
        namespace="trueup://dev",
        dataset_bucket="data",
        captures_bucket="captures",
        sagemaker=SAGEMAKER,
    )


def version(number: int, samples: int, **changes: Any) -> DatasetVersion:
    made = DatasetVersion(
        project="pets",
        version_id=f"{number:064x}",
        number=number,
        parent=f"{number - 1:064x}" if number > 1 else None,
        segments=(),
        delta=(),
        samples=samples,
        classes=("cat",),
        split_counts={"train": samples},
        class_counts={"cat": samples},
        added=samples,
        slice_counts={},
        strategy_counts={},
        removed=0,
        relabelled=0,
        moved=0,
        restated=0,
        root="c" * 64,
        created_at=NOW,
        reason="labels settled",
    )
    return msgspec.structs.replace(made, **changes)


def run(**changes: Any) -> RetrainingRun:
    made = RetrainingRun(
        project="pets",
        run_id="v7-0123abcd",
        status=RunStatus.RUNNING,
        version_id=f"{7:064x}",
        rule="count",
        reason="100 new labels",
        started_at=NOW,
    )
    return msgspec.structs.replace(made, **changes)


def mirror(before: DatasetVersion | None = None, **changes: Any) -> Mirror:
    earlier = version_facts(before, None) if before else None
    return mirrored(place(), run(**changes), version_facts(version(7, 120), None), earlier)


def bonds(found: Mirror) -> set[tuple[str, str, str]]:
    names = {each.source: each.name or each.source for each in found.entities}
    return {(names[each.source], each.bond, names[each.destination]) for each in found.associations}


def test_a_run_that_began_is_told_with_its_version_and_the_one_before() -> None:
    found = mirror(version(3, 20))
    assert bonds(found) == {
        ("trueup-dev-pets-v7", "AssociatedWith", "trueup-dev-pets"),
        ("trueup-dev-pets-v3", "DerivedFrom", "trueup-dev-pets-v7"),
        ("trueup-dev-pets-labels-v7", "Produced", "trueup-dev-pets-v7"),
        ("trueup-dev-pets-v7", "ContributedTo", "trueup-dev-pets-run-v7-0123abcd"),
    }
    named = {each.name: each for each in found.entities}
    artifact = named["trueup-dev-pets-v7"]
    assert artifact.source == f"s3://data/pets/exports/{7:064x}/train.manifest"
    assert artifact.digest == "sha256:" + "c" * 64
    assert artifact.properties["samples"] == "120"
    assert artifact.properties["labels"] == "cat=120"
    assert named["trueup-dev-pets-labels-v7"].properties["new_samples"] == "100"
    assert named["trueup-dev-pets-run-v7-0123abcd"].status == "InProgress"


def test_a_version_does_not_derive_from_a_later_one() -> None:
    """After a person retrained on an older version, say."""
    assert "DerivedFrom" not in {bond for _, bond, _ in bonds(mirror(version(9, 200)))}


def test_a_promoted_run_leads_to_the_endpoint() -> None:
    found = mirror(
        status=RunStatus.PROMOTED,
        training_job="trueup-pets-v7",
        model_package_arn=PACKAGE,
        ended_at=NOW + timedelta(hours=1),
        metrics={"candidate_accuracy": 0.93},
        outcome="serves on pets",
    )
    assert {
        ("trueup-dev-pets-v7", "ContributedTo", f"{SAGEMAKER}:training-job/trueup-pets-v7"),
        ("trueup-dev-pets-run-v7-0123abcd", "Produced", "trueup-dev-pets-model-v7-0123abcd"),
        ("trueup-dev-pets-model-v7-0123abcd", "ContributedTo", "trueup-dev-pets-endpoint"),
    } <= bonds(found)
    action = next(each for each in found.entities if each.type == "Retraining")
    assert (action.status, action.properties["status"]) == ("Completed", "promoted")
    assert action.properties["candidate_accuracy"] == "0.93"


@pytest.mark.parametrize("status", list(RunStatus))
def test_every_status_of_a_run_is_one_of_sagemakers(status: RunStatus) -> None:
    action = next(each for each in mirror(status=status).entities if each.type == "Retraining")
    check_request(
        "CreateAction",
        {
            "ActionName": action.name,
            "ActionType": action.type,
            "Source": {"SourceUri": action.source},
            "Status": action.status,
            "Properties": dict(action.properties),
        },
    )
    served = any(bond == "ContributedTo" and "endpoint" in end for _, bond, end in bonds(mirror(status=status)))
    assert not served


def test_the_longest_names_and_values_are_within_sagemakers_limits() -> None:
    """As SageMaker's service model states them."""
    longest = place(name="p" * 32, endpoint_name="e" * 63)
    longest = msgspec.structs.replace(longest, stage="s" * 16)
    classes = {f"{each}".ljust(256, "x"): each for each in range(150)}
    facts = version_facts(version(10**9, 120, class_counts=classes, reason="r" * 3000), None)
    metrics = {f"candidate_recall_{each}": 0.5 for each in range(40)}
    ended = run(
        run_id="v1000000000-0123abcd",
        model_package_arn=PACKAGE,
        training_job="j",
        status=RunStatus.PROMOTED,
        metrics=metrics,
        outcome="o" * 5000,
    )
    for each in mirrored(longest, ended, facts, None).entities:
        if each.kind == "job":
            continue
        noun = each.kind.title()
        request = {f"{noun}Name": each.name, f"{noun}Type": each.type, "Source": {"SourceUri": each.source}}
        check_request(f"Create{noun}", {**request, "Properties": dict(each.properties)})
        assert len(each.properties) <= MOST_PROPERTIES


def test_properties_are_limited_in_their_order() -> None:
    found = limited({"none": "", **{f"k{each}": "v" * 3000 for each in range(40)}})
    assert list(found) == [f"k{each}" for each in range(MOST_PROPERTIES)]
    assert {len(each) for each in found.values()} == {LONGEST_VALUE}
    assert found["k0"].endswith("…")
