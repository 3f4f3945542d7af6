"""What is told in OpenLineage's words, judged by the official schemas and read by the official client."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from jsonschema import ValidationError

from tests.openlineage import facets_of, judged, schemas
from tests.worlds import NOW, Loop, project
from trueup.dataset.versions import Making, next_version
from trueup.errors import NotFoundError
from trueup.events import (
    CapturesIngested,
    Event,
    ModelPromoted,
    PromotionFailed,
    RetrainingConcluded,
    RetrainingStarted,
    VersionCommitted,
    unseal,
)
from trueup.labels.naming import counted
from trueup.lineage.facts import Brought, StrategyFacts, strategy_facts, version_facts
from trueup.lineage.openlineage import facets as all_facets
from trueup.lineage.openlineage.datasets import annotation_facet
from trueup.lineage.openlineage.events import RunEvent, encoded, fitting
from trueup.lineage.whereabouts import Whereabouts
from trueup.model import DatasetVersion, LabelledSample, RetrainingRun, RunStatus, Segment
from trueup.ports import Journal
from trueup.usecases import describe_lineage
from trueup.usecases.describe_lineage import DescribeLineage
from trueup.usecases.submit_annotation import Submission

PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/trueup-dev-pets/1"
SERVING = {"model_package_arn": PACKAGE, "endpoint_name": "pets", "endpoint_config": "trueup-pets-v1"}
METRICS = {"candidate_accuracy": 0.93, "champion_accuracy": 0.81, "test_samples": 20.0}


def place(loop: Loop) -> Whereabouts:
    return Whereabouts(
        stage="dev",
        project=loop.config,
        namespace="trueup://dev",
        dataset_bucket="data",
        captures_bucket="captures",
        sagemaker="arn:aws:sagemaker:us-east-1:111122223333",
    )


def teller(loop: Loop) -> DescribeLineage:
    return DescribeLineage(lambda _: place(loop), loop.datasets, loop.runs, loop.reports)


@pytest.fixture
def loop() -> Loop:
    """Five captures, of which three were asked about, answered and committed; and a quality report."""
    loop = Loop(project(title="Pets in words"))
    loop.ingest(loop.capture(5))
    for name in ("ada", "ben"):
        for _ in range(4):
            claimed = loop.claim("pets", name)
            assert claimed is not None
            loop.submit(
                Submission(
                    project="pets",
                    task_id=claimed.task.task_id,
                    annotator=name,
                    label="cat",
                    lease_token=claimed.lease.token,
                    seconds_spent=2.0,
                )
            )
            loop.settle("pets", claimed.task.task_id)
    loop.report("pets")
    loop.commit("pets", "labels settled", force=True)
    return loop


def committed(loop: Loop) -> VersionCommitted:
    sealed = next(each for each in loop.world.outbox if each.event_type == "VersionCommitted")
    event = unseal(sealed.event_type, {"data": sealed.data})
    assert isinstance(event, VersionCommitted)
    return event


def run_of(loop: Loop, **changes: Any) -> RetrainingRun:
    head = loop.datasets.head("pets")
    assert head is not None
    run = RetrainingRun(
        project="pets",
        run_id="v1-0123abcd",
        status=RunStatus.RUNNING,
        version_id=head.version_id,
        rule="count",
        reason="3 new labels, 3 wanted",
        started_at=NOW,
    )
    loop.runs.begin(run, Journal(at=NOW))
    run = msgspec.structs.replace(run, training_job="trueup-pets-v1-0123abcd", **changes)
    loop.runs.save(run, Journal(at=NOW))
    return run


def told(loop: Loop, *events: Event) -> list[dict[str, Any]]:
    """In the order told; each is judged, and telling it again tells the same bytes."""
    tell = teller(loop)
    first = [each for event in events for each in tell(event, NOW)]
    again = [each for event in events for each in tell(event, NOW)]
    assert [encoded(each) for each in first] == [encoded(each) for each in again]
    return [judged(each) for each in first]


def states(documents: list[dict[str, Any]]) -> list[str]:
    return [f"{each['job']['name']} {each['eventType']}" for each in documents]


def concluded(status: RunStatus, outcome: str = "better") -> RetrainingConcluded:
    return RetrainingConcluded(
        project="pets", run_id="v1-0123abcd", status=status.value, outcome=outcome, metrics=METRICS
    )


def test_a_version_is_told_with_the_answers_that_it_came_from(loop: Loop) -> None:
    documents = told(loop, committed(loop))
    assert states(documents) == [
        "pets.annotate START",
        "pets.annotate COMPLETE",
        "pets.commit_version START",
        "pets.commit_version COMPLETE",
    ]
    asked, commit = documents[1], documents[3]
    assert [(each["namespace"], each["name"]) for each in asked["inputs"]] == [("s3://captures", "pets/pets")]
    assert [each["name"] for each in commit["inputs"]] == ["pets.annotations"]
    (written,) = commit["outputs"]
    assert (written["namespace"], written["name"]) == ("s3://data", "pets/segments")
    head = loop.datasets.head("pets")
    assert head is not None
    facets = written["facets"]
    assert facets["version"]["datasetVersion"] == head.version_id
    assert facets["lifecycleStateChange"]["lifecycleStateChange"] == "CREATE"
    assert facets["dataQualityMetrics"]["rowCount"] == 3
    assert facets["dataQualityMetrics"]["columnMetrics"]["label"]["distinctCount"] == 1
    assert facets["columnLineage"]["fields"]["label"]["inputFields"][0]["name"] == "pets.annotations"
    assert {each["name"] for each in facets["schema"]["fields"]} == set(LabelledSample.__struct_fields__)
    assert written["outputFacets"]["outputStatistics"]["rowCount"] == 3
    assert written["outputFacets"]["outputStatistics"]["size"] == head.segments[0].bytes


def test_our_facet_tells_how_the_labels_came_about(loop: Loop) -> None:
    found = told(loop, committed(loop))[-1]["outputs"][0]["facets"]["trueup_annotation"]
    assert found["labels"] == {"cat": 3}
    assert (found["overlap"], found["maxOverlap"], found["consensusMethod"]) == (2, 4, "dawid-skene")
    (asked,) = found["askedBy"]
    assert (asked["strategy"], asked["labels"]) == ("margin", 3)
    assert 0 < asked["minPropensity"] <= asked["maxPropensity"] <= 1
    assert found["answers"]["annotators"] == 2
    assert found["complete"] is True


def test_what_was_imported_was_asked_of_nobody(loop: Loop) -> None:
    line = LabelledSample(
        sample_id="s", label="dog", split="train", group="s", content_type="text/plain", payload_uri="memory://s"
    )
    found = strategy_facts([line, msgspec.structs.replace(line, sample_id="t", selected_by="audit", propensity=0.25)])
    assert found == (
        StrategyFacts(name="audit", labels=1, min_propensity=0.25, max_propensity=0.25),
        StrategyFacts(name="import", labels=1),
    )
    assert not Brought(strategies=found[1:]).asked
    assert Brought(strategies=found).asked


def test_segments_too_large_to_read_leave_the_facet_incomplete(loop: Loop) -> None:
    """The version is told of all the same, without what only its lines say."""
    head = loop.datasets.head("pets")
    assert head is not None
    huge = Segment(sha256="f" * 64, samples=10**6, bytes=describe_lineage.MOST_BYTES)
    version = after(head, loop_line("t"), huge)
    loop.datasets.commit(version, Journal(at=NOW))
    event = VersionCommitted(
        project="pets", version_id=version.version_id, number=2, added=1, relabelled=0, classes=("cat",)
    )
    with pytest.raises(NotFoundError):
        teller(loop)(event, NOW)
    bigger = msgspec.structs.replace(huge, sha256="e" * 64, bytes=describe_lineage.MOST_BYTES + 1)
    version = after(version, loop_line("v"), bigger)
    loop.datasets.commit(version, Journal(at=NOW))
    last = msgspec.structs.replace(event, version_id=version.version_id, number=3)
    found = told(loop, last)[-1]["outputs"][0]["facets"]["trueup_annotation"]
    assert (found["complete"], found["askedBy"]) == (False, [])


def after(parent: DatasetVersion, line: LabelledSample, delta: Segment) -> DatasetVersion:
    making = Making(project="pets", number=parent.number + 1, at=NOW + timedelta(hours=parent.number), reason="many")
    return next_version(parent, {}, [line], (delta,), parent.segments, making)


def loop_line(name: str) -> LabelledSample:
    return LabelledSample(
        sample_id=name,
        label="cat",
        split="train",
        group=name,
        content_type="text/plain",
        payload_uri=f"memory://{name}",
    )


def test_a_retraining_that_registers(loop: Loop) -> None:
    run_of(loop, status=RunStatus.AWAITING_APPROVAL, model_package_arn=PACKAGE, ended_at=NOW, metrics=METRICS)
    head = loop.datasets.head("pets")
    assert head is not None
    start = RetrainingStarted(
        project="pets", run_id="v1-0123abcd", version_id=head.version_id, rule="count", reason="3 new labels"
    )
    documents = told(loop, start, concluded(RunStatus.AWAITING_APPROVAL))
    assert states(documents) == [
        "pets.retrain START",
        "pets.train START",
        "pets.train COMPLETE",
        "pets.evaluate START",
        "pets.evaluate COMPLETE",
        "pets.retrain COMPLETE",
    ]
    workflow, training = documents[0], documents[1]
    assert training["run"]["facets"]["parent"]["run"]["runId"] == workflow["run"]["runId"]
    assert documents[2]["run"]["runId"] == training["run"]["runId"]
    (model,) = documents[2]["outputs"]
    assert model["name"] == "pets/training/trueup-pets-v1-0123abcd/output/model.tar.gz"
    assert model == {**documents[4]["inputs"][0]}
    package = documents[4]["outputs"][-1]
    assert f"{package['namespace']}:{package['name']}" == PACKAGE
    (gate,) = documents[4]["run"]["facets"]["test"]["tests"]
    assert (gate["status"], gate["actual"], gate["expected"]) == ("pass", "accuracy=0.93", "accuracy=0.81")
    tags = {each["key"]: each["value"] for each in documents[5]["run"]["facets"]["tags"]["tags"]}
    assert tags["candidate_accuracy"] == "0.93"


def test_a_split_is_read_by_the_manifest_that_sagemaker_reads(loop: Loop) -> None:
    run_of(loop, status=RunStatus.AWAITING_APPROVAL, model_package_arn=PACKAGE)
    head = loop.datasets.head("pets")
    assert head is not None
    training = told(loop, concluded(RunStatus.AWAITING_APPROVAL))[0]
    links = [each["name"] for each in training["inputs"][0]["facets"]["symlinks"]["identifiers"]]
    splits = [each for each in ("train", "validation") if head.split_counts.get(each)]
    assert links == ["pets", *[f"pets/exports/{head.version_id}/{each}.manifest" for each in splits]]
    rows = training["inputs"][0]["inputFacets"]["dataQualityMetrics"]["rowCount"]
    assert rows == sum(head.split_counts.get(each, 0) for each in ("train", "validation"))


def test_a_retraining_that_the_gate_refused_registers_nothing(loop: Loop) -> None:
    run_of(loop, status=RunStatus.REJECTED)
    documents = told(loop, concluded(RunStatus.REJECTED, "accuracy 0.700 against the champion's 0.810"))
    assert states(documents)[-1] == "pets.retrain COMPLETE"
    assert [each["name"] for each in documents[2]["outputs"]] == ["pets/evaluation/v1-0123abcd"]
    assert documents[2]["run"]["facets"]["test"]["tests"][0]["status"] == "fail"


def test_a_person_who_rejects_ends_no_run_again(loop: Loop) -> None:
    run_of(loop, status=RunStatus.REJECTED, model_package_arn=PACKAGE)
    documents = told(loop, concluded(RunStatus.REJECTED, "the model package was rejected in the registry"))
    assert states(documents) == ["pets.retrain OTHER"]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("Train failed: AlgorithmError: no class", ["train FAIL", "retrain FAIL"]),
        ("the workflow failed: TIMED_OUT: it was ended", ["train FAIL", "retrain FAIL"]),
        ("FreezeVersion failed: InputError: no test", ["train FAIL", "retrain FAIL"]),
        ("Evaluate failed: no memory", ["train COMPLETE", "evaluate START", "evaluate FAIL", "retrain FAIL"]),
        ("Gate failed: no predictions", ["train COMPLETE", "evaluate START", "evaluate FAIL", "retrain FAIL"]),
        ("Register failed: denied", ["train COMPLETE", "evaluate START", "evaluate COMPLETE", "retrain FAIL"]),
    ],
)
def test_what_failed_is_told_of_the_step_that_did(loop: Loop, outcome: str, expected: list[str]) -> None:
    run_of(loop, status=RunStatus.FAILED)
    documents = told(loop, concluded(RunStatus.FAILED, outcome))
    assert states(documents) == [f"pets.{each}" for each in expected]
    assert documents[-1]["run"]["facets"]["errorMessage"]["message"] == outcome


def test_a_promotion_leads_to_the_endpoint_that_captures(loop: Loop) -> None:
    documents = told(loop, ModelPromoted(project="pets", run_id="v1-0123abcd", **SERVING))
    assert states(documents) == ["pets.deploy START", "pets.deploy COMPLETE"]
    (endpoint,) = documents[1]["outputs"]
    assert endpoint["name"] == "endpoint/pets"
    failed = PromotionFailed(project="pets", run_id="r", model_package_arn=PACKAGE, reason="rolled back: an alarm")
    documents = told(loop, failed)
    assert states(documents) == ["pets.deploy START", "pets.deploy FAIL"]
    assert documents[1]["run"]["facets"]["errorMessage"]["message"] == "rolled back: an alarm"


def test_other_events_tell_nothing(loop: Loop) -> None:
    receipt = next(loop.ledger.latest("pets"))
    assert told(loop, CapturesIngested(project="pets", receipt=receipt)) == []


@pytest.mark.slow
def test_history_is_told_in_its_order_and_as_it_was_told_then(loop: Loop) -> None:
    run = run_of(
        loop,
        status=RunStatus.PROMOTED,
        model_package_arn=PACKAGE,
        endpoint_config="c",
        ended_at=NOW + timedelta(hours=1),
        outcome="serves on pets as c",
    )
    documents = [judged(each) for each in teller(loop).history("pets")]
    assert [each["eventTime"] for each in documents] == sorted(each["eventTime"] for each in documents)
    assert Counter(states(documents)) == Counter(
        f"pets.{job} {state}"
        for job in ("annotate", "commit_version", "retrain", "train", "evaluate", "deploy")
        for state in ("START", "COMPLETE")
    )
    assert encoded_all(told(loop, committed(loop))) <= encoded_all(documents)
    start = RetrainingStarted(
        project="pets", run_id=run.run_id, version_id=run.version_id, rule=run.rule, reason=run.reason
    )
    assert encoded_all(told(loop, start)) <= encoded_all(documents)


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        (RunStatus.ROLLED_BACK, ["retrain COMPLETE", "deploy FAIL"]),
        (RunStatus.FAILED, ["retrain COMPLETE", "deploy FAIL"]),
        (RunStatus.REJECTED, ["retrain COMPLETE", "retrain OTHER"]),
        (RunStatus.AWAITING_APPROVAL, ["retrain COMPLETE"]),
    ],
)
def test_history_knows_what_became_of_what_was_registered(loop: Loop, status: RunStatus, ends: list[str]) -> None:
    run_of(loop, status=status, model_package_arn=PACKAGE, ended_at=NOW, outcome="so")
    documents = [judged(each) for each in teller(loop).history("pets")]
    wanted = {"retrain COMPLETE", "retrain OTHER", "deploy FAIL", "deploy COMPLETE"}
    assert [each for each in states(documents) if each.removeprefix("pets.") in wanted] == [f"pets.{e}" for e in ends]


def encoded_all(documents: list[dict[str, Any]]) -> set[str]:
    return {json.dumps(each, sort_keys=True) for each in documents}


def test_what_is_too_large_says_what_it_left_out(loop: Loop) -> None:
    event = teller(loop)(committed(loop), NOW)[-1]
    whole = len(encoded(event))
    assert fitting(event, whole) == event
    cut = fitting(event, whole // 3)
    assert len(encoded(cut)) <= whole // 3
    document = judged(cut)
    gone = document["run"]["facets"]["trueup_leftOut"]
    assert "larger than" in gone["reason"]
    assert "outputs[0].facets.columnLineage" in gone["facets"]
    assert document["outputs"][0]["name"] == "pets/segments"


def test_more_classes_than_a_facet_holds_are_the_largest(loop: Loop) -> None:
    head = loop.datasets.head("pets")
    assert head is not None
    many = msgspec.structs.replace(head, class_counts={f"c{each:03d}": each + 1 for each in range(300)})
    found = annotation_facet(loop.config, version_facts(many, None), Brought(), None)
    assert len(found.labels) == 200
    assert min(found.labels.values()) == 101
    assert not found.complete


def test_counts_as_text_end_with_how_many_more() -> None:
    assert counted({}, 100) == ""
    assert counted({"b": 2, "a": 2, "c": 9}, 100) == "c=9 a=2 b=2"
    long = counted({f"class {each}": each for each in range(100)}, 256)
    assert len(long) <= 256
    assert long.startswith("class 99=99 ")
    kept = long.count("=")
    assert long.endswith(f" and {100 - kept} more")


def test_the_judge_refuses_what_the_schemas_do() -> None:
    """It would not have let a wrong facet pass."""
    event = {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-24T10:00:00Z",
        "producer": "urn:x",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": "6f2a3b1e-3f0c-5a6e-9d55-2c1f0a7c4e11", "facets": {}},
        "job": {"namespace": "n", "name": "j"},
        "inputs": [],
        "outputs": [],
    }
    judged(event)
    for wrong in (
        {"run": {"runId": "7"}},
        {"eventTime": "yesterday"},
        {"eventType": "DONE"},
        {"outputs": [{"namespace": "n", "name": "d", "facets": {"version": facet_without_version()}}]},
    ):
        with pytest.raises(ValidationError):
            judged({**event, **wrong})


def facet_without_version() -> dict[str, Any]:
    address = (
        "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
    )
    return {"_producer": "urn:x", "_schemaURL": address}


def test_every_facet_names_a_schema_that_is_there() -> None:
    kinds = [
        each
        for each in vars(all_facets).values()
        if isinstance(each, type) and issubclass(each, all_facets.Facet) and each is not all_facets.Facet
    ]
    assert len(kinds) > 15
    for each in kinds:
        assert each.SCHEMA.partition("#")[0] in schemas(), each


@pytest.mark.slow
def test_the_official_client_reads_each_facet_as_its_own_class(loop: Loop) -> None:
    """Nothing that we tell in a facet is unknown to the client's class of it."""
    facet_v2 = pytest.importorskip("openlineage.client.facet_v2")
    from openlineage.client.generated import base

    known = {
        each._get_schema().rpartition("/")[2]: each
        for module in vars(facet_v2).values()
        if getattr(module, "__name__", "").startswith("openlineage.client.generated")
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, base.BaseFacet)
    }
    run_of(loop, status=RunStatus.AWAITING_APPROVAL, model_package_arn=PACKAGE, metrics=METRICS)
    failed = PromotionFailed(project="pets", run_id="r", model_package_arn=PACKAGE, reason="an alarm")
    documents = told(loop, committed(loop), concluded(RunStatus.AWAITING_APPROVAL), failed)
    seen: set[str] = set()
    for document in documents:
        for name, facet in facets_of(document):
            if name != "trueup_annotation":
                kind = known[facet["_schemaURL"].rpartition("/")[2]]
                fields = {key for key in facet if not key.startswith("_")}
                assert fields <= {each.name for each in kind.__attrs_attrs__}, name
                seen.add(name)
    assert {"version", "columnLineage", "outputStatistics", "jobType", "parent", "test", "errorMessage"} <= seen


def test_the_official_client_sends_our_events_on_as_they_are(loop: Loop) -> None:
    client = pytest.importorskip("openlineage.client.event_v2")
    from openlineage.client.serde import Serde

    for event in teller(loop)(committed(loop), NOW):
        document = json.loads(encoded(event))
        read = client.RunEvent(
            eventType=client.RunState(document["eventType"]),
            eventTime=document["eventTime"],
            run=client.Run(**document["run"]),
            job=client.Job(**document["job"]),
            inputs=[client.InputDataset(**each) for each in document["inputs"]],
            outputs=[client.OutputDataset(**each) for each in document["outputs"]],
            producer=document["producer"],
        )
        sent = json.loads(Serde.to_json(read))
        assert sent["schemaURL"] == document["schemaURL"]
        for side in ("run", "job", "inputs", "outputs", "eventTime", "eventType"):
            assert without_empty(sent[side]) == document[side]


def without_empty(node: Any) -> Any:
    """The client writes facets that are not there as empty ones."""
    if isinstance(node, dict):
        return {key: without_empty(each) for key, each in node.items() if not (key.endswith("acets") and not each)}
    return [without_empty(each) for each in node] if isinstance(node, list) else node


def test_a_run_event_is_read_back_as_it_was_written(loop: Loop) -> None:
    event = teller(loop)(committed(loop), NOW)[-1]
    assert encoded(msgspec.json.decode(encoded(event), type=RunEvent)) == encoded(event)
