"""Whom lineage is told: OpenLineage events by HTTP, in a file, on the bus; and SageMaker's own graph.

The HTTP server is a real one. moto knows nothing of SageMaker Lineage: the embedded AWS's stand-in answers for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.contract.implementations import clients_of_moto
from tests.local_world import InMemoryWorld, stand_in
from tests.openlineage import Marquez, judged, serving
from tests.worlds import NOW
from trueup.adapters.aws.lineage_bus import DETAIL_TYPE, SOURCE, EventBridgeLineage
from trueup.adapters.aws.sagemaker_lineage import SageMakerLineage
from trueup.adapters.integrations.openlineage import FileLineage, GivenKey, HttpLineage
from trueup.adapters.memory import MemoryLineageEvents, MemoryModelLineage
from trueup.errors import PermissionDeniedError, RetryableError, ServiceError
from trueup.lineage.mirror import Association, Entity
from trueup.lineage.openlineage.events import Dataset, Job, Run, RunEvent, encoded, run_id
from trueup.lineage.openlineage.facets import DatasetDocumentation, facets
from trueup.local.launcher.sagemaker.errors import AwsError
from trueup.local.launcher.sagemaker.service import SageMaker
from trueup.local.launcher.sagemaker.validation import service_model
from trueup.ports import LineageEvents, ModelLineage

SAGEMAKER = "arn:aws:sagemaker:us-east-1:000000000000"
MANIFEST = "s3://data/pets/exports/v1/train.manifest"
JOB = f"{SAGEMAKER}:training-job/trueup-pets-v1"


def event(number: int = 1, text: str = "") -> RunEvent:
    described = facets(DatasetDocumentation(description=text)) if text else {}
    return RunEvent(
        event_type="COMPLETE",
        event_time=NOW,
        run=Run(run_id=run_id("trueup://dev", "pets.train", str(number))),
        job=Job(namespace="trueup://dev", name="pets.train"),
        outputs=(Dataset(namespace="s3://data", name="pets/segments", facets=described),),
    )


@pytest.fixture
def marquez() -> Iterator[Marquez]:
    with serving() as server:
        yield server


@dataclass(frozen=True)
class Sink:
    """A sink, and what came out at its other end."""

    events: LineageEvents
    heard: Callable[[], list[Any]]


@pytest.fixture(params=["memory", "http", "file", "eventbridge"])
def sink(
    request: pytest.FixtureRequest, marquez: Marquez, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sink]:
    if request.param == "memory":
        memory = MemoryLineageEvents()
        yield Sink(memory, lambda: [json.loads(encoded(each)) for each in memory.emitted])
    elif request.param == "http":
        yield Sink(HttpLineage(marquez.url), lambda: [json.loads(each) for each in marquez.taken])
    elif request.param == "file":
        path = tmp_path / "events.jsonl"
        with path.open("wb") as stream:
            yield Sink(FileLineage(stream), lambda: [json.loads(each) for each in path.read_text().splitlines()])
    else:
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        with mock_aws():
            yield on_the_bus()


def on_the_bus() -> Sink:
    clients = clients_of_moto()
    events, sqs = clients["events"], clients["sqs"]
    events.create_event_bus(Name="trueup")
    url = sqs.create_queue(QueueName="lineage")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": [SOURCE], "detail-type": [DETAIL_TYPE]})
    events.put_rule(Name="lineage", EventBusName="trueup", EventPattern=pattern)
    events.put_targets(Rule="lineage", EventBusName="trueup", Targets=[{"Id": "1", "Arn": arn}])

    def heard() -> list[Any]:
        found = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found += [json.loads(each["Body"])["detail"] for each in messages]
        return found

    return Sink(EventBridgeLineage(events, "trueup"), heard)


def test_events_arrive_as_they_were_told(sink: Sink) -> None:
    told = [event(each, 'ä "quoted" text') for each in range(25)]
    sink.events.emit(told)
    heard = sink.heard()
    key = lambda each: each["run"]["runId"]  # noqa: E731
    assert sorted(heard, key=key) == sorted((json.loads(encoded(each)) for each in told), key=key)
    for each in heard:
        judged(each)
    sink.events.emit([])
    assert len(heard) == 25


def test_the_same_event_twice_says_that_it_is_the_same(sink: Sink) -> None:
    sink.events.emit([event(), event()])
    first, second = sink.heard()
    assert first == second


# ---------------------------------------------------------------- HTTP


def waits() -> tuple[list[float], Callable[[float], None]]:
    waited: list[float] = []
    return waited, waited.append


def test_a_key_is_sent_where_there_is_one(marquez: Marquez) -> None:
    HttpLineage(f"{marquez.url}/", GivenKey("secret"), "/lineage/v2/").emit([event()])
    HttpLineage(marquez.url).emit([event()])
    assert marquez.keys == ["Bearer secret", ""]
    assert marquez.paths == ["/lineage/v2", "/api/v1/lineage"]


def test_a_busy_server_is_asked_again_later_each_time(marquez: Marquez) -> None:
    marquez.answers = [(503, {}), (429, {"Retry-After": "7"}), (500, {})]
    waited, sleep = waits()
    HttpLineage(marquez.url, sleep=sleep).emit([event()])
    assert len(marquez.taken) == 1
    first, second, third = waited
    assert 0.5 <= first <= 1
    assert second == 7
    assert 2 <= third <= 4


def test_a_server_that_stays_busy_is_left_for_later(marquez: Marquez) -> None:
    marquez.answers = [(502, {})] * 4
    waited, sleep = waits()
    with pytest.raises(RetryableError, match="502"):
        HttpLineage(marquez.url, sleep=sleep).emit([event()])
    assert len(waited) == 3
    assert marquez.taken == []


def test_nobody_who_answers_is_a_passing_trouble(marquez: Marquez) -> None:
    _, sleep = waits()
    with pytest.raises(RetryableError, match="does not answer"):
        HttpLineage("http://127.0.0.1:9", sleep=sleep).emit([event()])


def test_a_refusal_is_told_in_the_servers_words_and_not_tried_again(marquez: Marquez) -> None:
    marquez.answers = [(422, {})]
    with pytest.raises(ServiceError, match=r"422 to the COMPLETE of pets\.train.*no such job"):
        HttpLineage(marquez.url).emit([event()])
    assert marquez.paths == ["/api/v1/lineage"]


def test_a_key_that_was_rotated_is_read_again(marquez: Marquez) -> None:
    class Rotated:
        name = "trueup/openlineage"

        def value(self, *, fresh: bool = False) -> str:
            return "new" if fresh else "old"

    marquez.answers = [(401, {})]
    HttpLineage(marquez.url, Rotated()).emit([event()])
    assert marquez.keys == ["Bearer old", "Bearer new"]
    marquez.answers = [(403, {}), (403, {})]
    with pytest.raises(PermissionDeniedError, match="trueup/openlineage"):
        HttpLineage(marquez.url, Rotated()).emit([event()])
    marquez.answers = [(401, {})]
    with pytest.raises(PermissionDeniedError, match="wants a key"):
        HttpLineage(marquez.url).emit([event()])


def test_nobody_else_gets_the_key(marquez: Marquez) -> None:
    marquez.answers = [(307, {"Location": f"{marquez.url}/elsewhere"})]
    with pytest.raises(ServiceError, match=r"configure the address .*elsewhere"):
        HttpLineage(marquez.url, GivenKey("secret")).emit([event()])
    assert marquez.paths == ["/api/v1/lineage"]


def test_the_official_client_is_taken_by_the_same_server(marquez: Marquez) -> None:
    """That is, the server asks of us what it asks of OpenLineage's own transport: path, method, header."""
    transport = pytest.importorskip("openlineage.client.transport.http")
    client = pytest.importorskip("openlineage.client.event_v2")
    config = transport.HttpConfig.from_dict({"url": marquez.url, "auth": {"type": "api_key", "api_key": "secret"}})
    ours = event()
    theirs = client.RunEvent(
        eventType=client.RunState.COMPLETE,
        eventTime=NOW.isoformat(),
        run=client.Run(runId=ours.run.run_id),
        job=client.Job(namespace=ours.job.namespace, name=ours.job.name),
        producer=ours.producer,
    )
    transport.HttpTransport(config).emit(theirs)
    HttpLineage(marquez.url, GivenKey("secret")).emit([ours])
    assert marquez.paths[0] == marquez.paths[1]
    assert marquez.keys[0] == marquez.keys[1]
    first, second = (json.loads(each) for each in marquez.taken)
    assert (first["run"]["runId"], first["job"]["name"]) == (second["run"]["runId"], second["job"]["name"])


# ---------------------------------------------------------------- EventBridge


class Bus:
    """Keeps requests; refuses the entries whose number is in `refused`."""

    def __init__(self, *refused: int) -> None:
        self.requests: list[list[dict[str, Any]]] = []
        self._refused = refused

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's word
        self.requests.append(Entries)
        answers = [{"ErrorCode": "Throttled", "ErrorMessage": "slow"} if n in self._refused else {} for n in range(99)]
        return {"FailedEntryCount": len(self._refused), "Entries": answers[: len(Entries)]}


def test_a_request_to_the_bus_holds_no_more_than_it_takes() -> None:
    bus = Bus()
    EventBridgeLineage(bus, "trueup").emit([event(each, "x" * 50_000) for each in range(12)])
    assert [len(each) for each in bus.requests] == [4, 4, 4]


def test_an_event_too_large_for_the_bus_loses_its_largest_facets() -> None:
    bus = Bus()
    EventBridgeLineage(bus, "trueup").emit([event(1, "x" * 300_000)])
    ((entry,),) = bus.requests
    assert len(entry["Detail"]) < 240_000
    assert "documentation" in json.loads(entry["Detail"])["run"]["facets"]["trueup_leftOut"]["facets"][0]


def test_what_the_bus_refuses_comes_again() -> None:
    with pytest.raises(RetryableError, match="Throttled: slow"):
        EventBridgeLineage(Bus(0), "trueup").emit([event()])


# ---------------------------------------------------------------- SageMaker's graph


class StandInClient:
    """boto3's client of the stand-in, in this process: requests and answers are checked against botocore's model."""

    def __init__(self, service: SageMaker) -> None:
        self._service = service
        self.calls: list[str] = []
        self._names = {xform_name(each): each for each in service_model().operation_names}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = self._names[name]

        def call(**request: Any) -> Any:
            self.calls.append(operation)
            try:
                return self._service.call(operation, request)
            except AwsError as error:
                raise ClientError({"Error": {"Code": error.code, "Message": error.message}}, operation) from error

        return call


@dataclass(frozen=True)
class Graph:
    """The graph, what it holds by sources, and what SageMaker does by itself: train from a manifest."""

    lineage: ModelLineage
    entities: Callable[[], dict[str, tuple[str, dict[str, str]]]]
    bonds: Callable[[], set[tuple[str, str, str]]]
    train: Callable[[], None]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[SageMaker]:
    found = stand_in(InMemoryWorld(tmp_path))
    yield found
    found.close()


@pytest.fixture(params=["memory", "stand-in"])
def graph(request: pytest.FixtureRequest, service: SageMaker) -> Graph:
    return in_memory() if request.param == "memory" else in_the_stand_in(service)


def in_memory() -> Graph:
    memory = MemoryModelLineage()
    return Graph(
        lineage=memory,
        entities=lambda: {uri: (each.status, dict(each.properties)) for uri, each in memory.entities.items()},
        bonds=lambda: {(*pair, bond) for pair, bond in memory.associations.items()},
        train=lambda: memory.jobs.add(JOB),
    )


def in_the_stand_in(service: SageMaker) -> Graph:
    client = StandInClient(service)

    def sources() -> dict[str, str]:
        found = {each["ArtifactArn"]: each for each in client.list_artifacts()["ArtifactSummaries"]}
        found |= {each["ContextArn"]: each for each in client.list_contexts()["ContextSummaries"]}
        uris = {arn: each["Source"]["SourceUri"] for arn, each in found.items()}
        components = client.list_trial_components()["TrialComponentSummaries"]
        uris |= {each["TrialComponentArn"]: each["TrialComponentSource"]["SourceArn"] for each in components}
        action = client.describe_action(ActionName="trueup-dev-pets-run")
        return uris | {action["ActionArn"]: action["Source"]["SourceUri"]}

    def entities() -> dict[str, tuple[str, dict[str, str]]]:
        found = {}
        for arn, uri in sources().items():
            what = service._store.get(arn.split(":")[5].split("/")[0], arn) or {}
            found[uri] = (what.get("Status", "") if ":action/" in arn else "", what.get("Properties", {}))
        return found

    def bonds() -> set[tuple[str, str, str]]:
        named = sources()
        listed = client.list_associations()["AssociationSummaries"]
        return {
            (named[each["SourceArn"]], named[each["DestinationArn"]], each["AssociationType"])
            for each in listed
            if each["SourceArn"] in named and each["DestinationArn"] in named
        }

    return Graph(lineage=SageMakerLineage(client), entities=entities, bonds=bonds, train=lambda: train(client))


def train(client: StandInClient) -> None:
    """The job's script fails at once, which is all one to lineage."""
    source = {"S3DataType": "S3Prefix", "S3Uri": MANIFEST}
    client.create_training_job(
        TrainingJobName="trueup-pets-v1",
        RoleArn="arn:aws:iam::000000000000:role/sagemaker",
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        OutputDataConfig={"S3OutputPath": "s3://data/pets/training"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )


VERSION = Entity(
    kind="artifact",
    source=MANIFEST,
    name="trueup-dev-pets-v1",
    type="DataSet",
    digest="sha256:aa",
    properties={"number": "1", "labels": 'cat=1, "dog"=2'},
)
RUN = Entity(
    kind="action",
    source="trueup://dev/pets/runs/v1",
    name="trueup-dev-pets-run",
    type="Retraining",
    status="InProgress",
    properties={"status": "running", "rule": "count"},
)
PROJECT = Entity(kind="context", source="trueup://dev/pets", name="trueup-dev-pets", type="Project")
TRAINING = Entity(kind="job", source=JOB)
BONDS = (
    Association(source=MANIFEST, destination="trueup://dev/pets", bond="AssociatedWith"),
    Association(source=MANIFEST, destination="trueup://dev/pets/runs/v1", bond="ContributedTo"),
    Association(source=MANIFEST, destination=JOB, bond="ContributedTo"),
)


def test_entities_and_their_associations_are_there(graph: Graph) -> None:
    graph.train()
    assert graph.lineage.mirror((VERSION, RUN, PROJECT, TRAINING), BONDS) == ()
    found = graph.entities()
    assert found[MANIFEST] == ("", dict(VERSION.properties))
    assert found["trueup://dev/pets/runs/v1"] == ("InProgress", dict(RUN.properties))
    assert {(each.source, each.destination, each.bond) for each in BONDS} <= graph.bonds()


def test_the_same_again_changes_nothing(graph: Graph) -> None:
    graph.train()
    for _ in range(3):
        graph.lineage.mirror((VERSION, RUN, PROJECT, TRAINING), BONDS)
    before = graph.entities(), graph.bonds()
    graph.lineage.mirror((VERSION, RUN, PROJECT, TRAINING), BONDS)
    assert (graph.entities(), graph.bonds()) == before


def test_what_changed_is_told_anew(graph: Graph) -> None:
    graph.lineage.mirror((VERSION, RUN, PROJECT), BONDS[:2])
    ended = msgspec.structs.replace(RUN, status="Completed", properties={"status": "promoted", "outcome": "serves"})
    graph.lineage.mirror((VERSION, ended, PROJECT), BONDS[:2])
    assert graph.entities()["trueup://dev/pets/runs/v1"] == ("Completed", {"status": "promoted", "outcome": "serves"})


def test_a_job_that_sagemaker_does_not_know_is_told_of(graph: Graph) -> None:
    assert graph.lineage.mirror((VERSION, RUN, PROJECT, TRAINING), BONDS) == (JOB,)
    assert (MANIFEST, JOB, "ContributedTo") not in graph.bonds()
    graph.train()
    assert graph.lineage.mirror((VERSION, RUN, PROJECT, TRAINING), BONDS) == ()
    assert (MANIFEST, JOB, "ContributedTo") in graph.bonds()


def test_what_somebody_else_keeps_there_stays(graph: Graph) -> None:
    """An entity that we say nothing of is left as it is."""
    graph.lineage.mirror((VERSION, RUN, PROJECT), ())
    bare = msgspec.structs.replace(VERSION, name="other", properties={})
    graph.lineage.mirror((bare, RUN), ())
    assert graph.entities()[MANIFEST][1] == dict(VERSION.properties)


def test_the_artifact_that_sagemaker_made_of_the_channel_is_the_versions(service: SageMaker) -> None:
    """By its URI: from the version one gets to the job, and on to the model, along SageMaker's own associations."""
    client = StandInClient(service)
    train(client)
    (made,) = client.list_artifacts(SourceUri=MANIFEST)["ArtifactSummaries"]
    client.update_artifact(ArtifactArn=made["ArtifactArn"], Properties={"owner": "somebody"})
    SageMakerLineage(client).mirror((VERSION, RUN, TRAINING), BONDS[1:])
    (found,) = client.list_artifacts(SourceUri=MANIFEST)["ArtifactSummaries"]
    assert (found["ArtifactArn"], found["ArtifactName"]) == (made["ArtifactArn"], "trueup-dev-pets-v1")
    described = client.describe_artifact(ArtifactArn=found["ArtifactArn"])
    assert described["Properties"] == {**VERSION.properties, "owner": "somebody"}
    answer = client.query_lineage(StartArns=[found["ArtifactArn"]], Direction="Descendants", MaxDepth=3)
    kinds = [(each["LineageType"], each["Type"]) for each in answer["Vertices"]]
    assert ("TrialComponent", "") in kinds
    assert ("Artifact", "Model") in kinds
    upward = client.query_lineage(StartArns=[found["ArtifactArn"]], Direction="Ascendants")
    assert upward["Vertices"] == []


def test_a_repeat_writes_nothing(service: SageMaker) -> None:
    client = StandInClient(service)
    train(client)
    lineage = SageMakerLineage(client)
    lineage.mirror((VERSION, RUN, PROJECT, TRAINING), BONDS)
    client.calls.clear()
    lineage.mirror((VERSION, RUN, PROJECT, TRAINING), BONDS)
    assert {each for each in client.calls if not each.startswith(("List", "Describe"))} == set()
