"""The implementations of the ports that the suite runs: the shipped fakes, and the AWS adapters on moto."""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session
import moto  # noqa: F401 - before any client is made, or moto does not see its calls
import msgspec

from tests.worlds import NOW
from trueup.adapters import memory
from trueup.adapters.aws.annotation_queue import SqsAnnotationQueue
from trueup.adapters.aws.buckets import Bucket, S3CaptureArchive, S3PayloadStore, S3Quarantine
from trueup.adapters.aws.capture_ledger import DynamoCaptureLedger
from trueup.adapters.aws.capture_listing import S3CaptureListing
from trueup.adapters.aws.capture_sources import S3CaptureSources, SqsTransformQueue
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.event_bus import EventBridgeBus
from trueup.adapters.aws.feedback_store import DynamoFeedbackStore
from trueup.adapters.aws.gold_store import DynamoGoldStore, DynamoStandingStore
from trueup.adapters.aws.ledgers import (
    DynamoBatchStore,
    DynamoGuidelineStore,
    DynamoKnowledgeStore,
    DynamoLineageStore,
    DynamoQueueStandings,
    DynamoReportStore,
    DynamoRunStore,
    DynamoSkillStore,
)
from trueup.adapters.aws.model_registry import SageMakerRegistry
from trueup.adapters.aws.ref_store import DynamoRefStore
from trueup.adapters.aws.stored_parts import S3StoredParts
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.adapters.aws.workflows import StepFunctionsWorkflows
from trueup.adapters.memory_refs import MemoryRefStore, MemoryStoredParts
from trueup.events import Envelope
from trueup.model import CaptureFile, Champion, ModelPackage, Payload, TransformPair
from trueup.ports import (
    AnnotationQueue,
    BatchStore,
    CaptureArchive,
    CaptureLedger,
    CaptureListing,
    CaptureSources,
    DatasetStore,
    EventBus,
    FeedbackStore,
    GoldStore,
    GuidelineStore,
    KnowledgeStore,
    LineageStore,
    ModelRegistry,
    PackageRulings,
    PayloadStore,
    Quarantine,
    QueueStandings,
    RefStore,
    ReportStore,
    RunStore,
    SkillStore,
    StandingStore,
    StoredParts,
    TaskStore,
    TransformQueue,
    Workflows,
)

REGION = "us-east-1"
TABLE, DATASET, CAPTURES = "trueup", "trueup-dataset", "captures"
# Two items a page, so that every query of more than two goes over pages.
PAGE_SIZE = 2
ROLE = "arn:aws:iam::123456789012:role/trueup"


@dataclass(frozen=True)
class Ports:
    """One implementation of every port in one world, and what a test needs to set it up and look behind it."""

    archive: CaptureArchive
    listing: CaptureListing
    sources: CaptureSources
    transforms: TransformQueue
    quarantine: Quarantine
    ledger: CaptureLedger
    feedback: FeedbackStore
    payloads: PayloadStore
    tasks: TaskStore
    queue: AnnotationQueue
    standings: QueueStandings
    reports: ReportStore
    gold: GoldStore
    guidelines: GuidelineStore
    people: StandingStore
    skills: SkillStore
    knowledge: KnowledgeStore
    datasets: DatasetStore
    refs: RefStore
    parts: StoredParts
    lineage: LineageStore
    runs: RunStore
    workflows: Workflows
    registry: ModelRegistry
    rulings: PackageRulings
    bus: EventBus
    batches: BatchStore
    outbox: Callable[[], list[Envelope]]
    published: Callable[[], list[str]]
    put_file: Callable[[CaptureFile, bytes], None]
    put_object: Callable[[str, Payload], None]
    waiting: Callable[[], list[TransformPair]]
    spoil_segment: Callable[[str, str], None]
    wait: Callable[[float], None]
    deploy: Callable[[Champion], None]
    register: Callable[[ModelPackage], str]


def in_memory() -> Ports:
    world, clock = memory.World(), memory.FixedClock(NOW)
    archive, registry, bus = memory.MemoryCaptureArchive(), memory.MemoryRegistry(), memory.MemoryEventBus()
    datasets = memory.MemoryDatasetStore(world, clock)
    sources, transforms = memory.MemoryCaptureSources(), memory.MemoryTransformQueue()

    def deploy(champion: Champion) -> None:
        registry.champions[champion.endpoint_name] = champion
        registry.configs[champion.endpoint_name] = {"EndpointConfigName": champion.endpoint_config}

    def register(package: ModelPackage) -> str:
        registry.packages[package.arn] = package
        return package.arn

    return Ports(
        archive=archive,
        listing=memory.MemoryCaptureListing(archive),
        sources=sources,
        transforms=transforms,
        quarantine=memory.MemoryQuarantine(archive),
        ledger=memory.MemoryCaptureLedger(world),
        feedback=memory.MemoryFeedbackStore(world),
        payloads=memory.MemoryPayloadStore(),
        tasks=memory.MemoryTaskStore(world),
        queue=memory.MemoryAnnotationQueue(clock),
        standings=memory.MemoryQueueStandings(world),
        reports=memory.MemoryReportStore(),
        gold=memory.MemoryGoldStore(),
        guidelines=memory.MemoryGuidelineStore(world),
        people=memory.MemoryStandingStore(world),
        skills=memory.MemorySkillStore(),
        knowledge=memory.MemoryKnowledgeStore(),
        datasets=datasets,
        refs=MemoryRefStore(world),
        parts=MemoryStoredParts(datasets),
        lineage=memory.MemoryLineageStore(world),
        runs=memory.MemoryRunStore(world),
        workflows=memory.MemoryWorkflows(),
        registry=registry,
        rulings=registry,
        bus=bus,
        batches=memory.MemoryBatchStore(),
        outbox=lambda: world.outbox,
        published=lambda: [each.event_id for each in bus.published],
        put_file=lambda file, data: archive.files.update({file.uri: data}),
        put_object=lambda uri, payload: sources.objects.update({uri: payload}),
        waiting=lambda: list(transforms.pairs),
        spoil_segment=lambda project, sha: datasets.objects.update({f"memory://{project}/segments/{sha}": b"spoilt"}),
        wait=clock.advance,
        deploy=deploy,
        register=register,
    )


class OneCallAtATime:
    """A client whose calls are atomic among threads, as the service's are and moto's in-process ones are not."""

    def __init__(self, client: Any, lock: threading.Lock) -> None:
        self._client = client
        self._lock = lock

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                return found(*args, **kwargs)

        return call


class AtomicClients(Clients):
    """The product's own clients; their session is given credentials and a region."""

    def __init__(self) -> None:
        session = botocore.session.Session(profile=None)
        session.set_credentials("test", "test")
        session.set_config_variable("region", REGION)
        super().__init__(session)
        self._calls = threading.Lock()

    def __getitem__(self, service: str) -> Any:
        return OneCallAtATime(super().__getitem__(service), self._calls)


@functools.cache
def clients_of_moto() -> AtomicClients:
    """Made once, since making them takes longer than most tests; moto's state is new in each mock_aws."""
    return AtomicClients()


def create_table(dynamodb: Any) -> None:
    """The table as infra/stacks/data.py makes it, without what moto ignores."""
    keys, index = ("pk", "sk"), ("gsi1pk", "gsi1sk")
    kinds = ("HASH", "RANGE")
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, kinds, strict=True)],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys + index],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "gsi1",
                "KeySchema": [
                    {"AttributeName": name, "KeyType": kind} for name, kind in zip(index, kinds, strict=True)
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def on_aws() -> Ports:
    """To be called with moto's mock_aws in force."""
    clients = clients_of_moto()
    dynamodb, s3, sqs, sagemaker = (clients[each] for each in ("dynamodb", "s3", "sqs", "sagemaker"))
    create_table(dynamodb)
    for bucket in (DATASET, CAPTURES):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    url, translate = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("pets", "translate"))
    table = Table(dynamodb, TABLE, page_size=PAGE_SIZE)

    def spoil(project: str, sha256: str) -> None:
        s3.put_object(Bucket=DATASET, Key=f"{project}/segments/{sha256}", Body=b"spoilt")

    return Ports(
        archive=S3CaptureArchive(s3, DATASET),
        listing=S3CaptureListing(s3, CAPTURES),
        sources=S3CaptureSources(s3),
        transforms=SqsTransformQueue(sqs, translate),
        quarantine=S3Quarantine(s3, DATASET),
        ledger=DynamoCaptureLedger(table),
        feedback=DynamoFeedbackStore(table),
        payloads=S3PayloadStore(s3, DATASET),
        tasks=DynamoTaskStore(table),
        queue=SqsAnnotationQueue(sqs, {"pets": url}, wait_seconds=0),
        skills=DynamoSkillStore(table),
        knowledge=DynamoKnowledgeStore(table),
        standings=DynamoQueueStandings(table),
        reports=DynamoReportStore(table),
        gold=DynamoGoldStore(table),
        guidelines=DynamoGuidelineStore(table),
        people=DynamoStandingStore(table),
        datasets=AwsDatasetStore(table, Bucket(s3, DATASET)),
        refs=DynamoRefStore(table),
        parts=S3StoredParts(s3, DATASET),
        lineage=DynamoLineageStore(table),
        runs=DynamoRunStore(table),
        workflows=_workflows(clients["stepfunctions"]),
        registry=SageMakerRegistry(sagemaker),
        rulings=SageMakerRegistry(sagemaker),
        bus=EventBridgeBus(clients["events"], "trueup"),
        batches=DynamoBatchStore(table),
        outbox=lambda: _outbox(dynamodb),
        published=_listener(clients["events"], sqs),
        put_file=lambda file, data: s3.put_object(Bucket=file.bucket, Key=file.key, Body=data),
        put_object=lambda uri, payload: _put(s3, uri, payload),
        waiting=lambda: [msgspec.json.decode(each, type=TransformPair) for each in _bodies(sqs, translate)],
        spoil_segment=spoil,
        wait=time.sleep,
        deploy=lambda champion: _deploy(sagemaker, champion),
        register=lambda package: _register(sagemaker, package),
    )


def items_of(dynamodb: Any) -> list[dict[str, Any]]:
    """Everything in the table."""
    request, items = {"TableName": TABLE}, []
    while True:
        page = dynamodb.scan(**request)
        items += page["Items"]
        if "LastEvaluatedKey" not in page:
            return items
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _outbox(dynamodb: Any) -> list[Envelope]:
    events = [each for each in items_of(dynamodb) if each["pk"]["S"].startswith("EVENT#")]
    found = [msgspec.json.decode(each["data"]["S"], type=Envelope) for each in events]
    return sorted(found, key=lambda each: (each.at, each.event_id))


def _workflows(client: Any) -> StepFunctionsWorkflows:
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    machines = [
        client.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]
        for name in ("retraining", "promotion", "backfill")
    ]
    return StepFunctionsWorkflows(client, *machines)


def _listener(events: Any, sqs: Any) -> Callable[[], list[str]]:
    """The ids of the events that a rule on our bus put into a queue."""
    events.create_event_bus(Name="trueup")
    url = sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="ours", EventBusName="trueup", EventPattern=json.dumps({"source": ["trueup"]}))
    events.put_targets(Rule="ours", EventBusName="trueup", Targets=[{"Id": "1", "Arn": arn}])

    return lambda: [json.loads(each)["detail"]["id"] for each in _bodies(sqs, url)]


def _bodies(sqs: Any, url: str) -> Iterator[str]:
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        yield from (each["Body"] for each in messages)


def _put(s3: Any, uri: str, payload: Payload) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3.put_object(Bucket=bucket, Key=key, Body=payload.data, ContentType=payload.content_type)


def _deploy(sagemaker: Any, champion: Champion) -> None:
    sagemaker.create_model(
        ModelName=champion.model_name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": champion.image, "ModelDataUrl": champion.model_data_url},
    )
    variant = {"ModelName": champion.model_name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=champion.endpoint_config,
        ProductionVariants=[{**variant, "VariantName": champion.variant, "InitialVariantWeight": 1.0}],
    )
    sagemaker.create_endpoint(EndpointName=champion.endpoint_name, EndpointConfigName=champion.endpoint_config)


def _register(sagemaker: Any, package: ModelPackage) -> str:
    container = {
        "Image": package.image,
        "ModelDataUrl": package.model_data_url,
        "Environment": dict(package.environment),
    }
    sagemaker.create_model_package_group(ModelPackageGroupName=package.group)
    answer = sagemaker.create_model_package(
        ModelPackageGroupName=package.group,
        ModelApprovalStatus=package.approval,
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        CustomerMetadataProperties=dict(package.metadata),
    )
    return str(answer["ModelPackageArn"])
