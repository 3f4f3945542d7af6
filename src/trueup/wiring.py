"""The only place that builds clients and hands them to use cases.

Each function of this module takes the settings of one Lambda and, for tests, the clients to use; boto3's own
configuration (environment, profile, endpoint) decides where the clients lead.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from trueup.adapters.aws.annotation_queue import SqsAnnotationQueue
from trueup.adapters.aws.buckets import Bucket, S3CaptureArchive, S3PayloadStore
from trueup.adapters.aws.capture_ledger import DynamoCaptureLedger
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.errors import translated
from trueup.adapters.aws.event_bus import EventBridgeBus
from trueup.adapters.aws.labeling_jobs import SageMakerLabelingJobs
from trueup.adapters.aws.ledgers import DynamoBatchStore, DynamoLineageStore, DynamoRunStore, DynamoSkillStore
from trueup.adapters.aws.model_registry import SageMakerRegistry
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.adapters.aws.workflows import StepFunctionsWorkflows
from trueup.adapters.backends.ground_truth import GroundTruth, Roles
from trueup.errors import NotFoundError
from trueup.model import Project
from trueup.retraining.plan import Surroundings
from trueup.settings import (
    AnnotationApiSettings,
    BackendSyncSettings,
    CandidateEvaluateSettings,
    CaptureIngestSettings,
    ConsensusSettleSettings,
    DatasetCommitSettings,
    DeployedProject,
    Deployment,
    EventPublishSettings,
    ModelPromoteSettings,
    RetrainDecideSettings,
    RetrainingConcludeSettings,
    VersionFreezeSettings,
    deployment_parameter,
    load_projects,
    project_parameter,
)
from trueup.usecases.claim_task import ClaimTask
from trueup.usecases.commit_version import CommitVersion
from trueup.usecases.conclude_run import ConcludeRun
from trueup.usecases.decide_retraining import DecideRetraining
from trueup.usecases.evaluate_candidate import EvaluateCandidate
from trueup.usecases.extend_lease import ExtendLease
from trueup.usecases.freeze_version import FreezeVersion
from trueup.usecases.import_labels import ImportLabels
from trueup.usecases.ingest_captures import IngestCaptures
from trueup.usecases.promote_model import Deployables, PromoteModel
from trueup.usecases.publish_events import PublishEvents
from trueup.usecases.settle_consensus import SettleConsensus
from trueup.usecases.show_work import ShowWork
from trueup.usecases.skip_task import SkipTask
from trueup.usecases.submit_annotation import SubmitAnnotation
from trueup.usecases.sync_backend import SyncBackend

PROJECTS_KEY = "config/projects.json"


def ingest_captures(settings: CaptureIngestSettings, clients: Clients | None = None) -> IngestCaptures:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    return IngestCaptures(
        projects=_projects(settings.projects_file),
        archive=S3CaptureArchive(clients["s3"], settings.dataset_bucket),
        ledger=DynamoCaptureLedger(table),
        payloads=S3PayloadStore(clients["s3"], settings.dataset_bucket),
        tasks=DynamoTaskStore(table),
        queue=SqsAnnotationQueue(clients["sqs"], settings.annotation_queue_urls),
        clock=SystemClock(),
    )


def publish_events(settings: EventPublishSettings, clients: Clients | None = None) -> PublishEvents:
    clients = clients or Clients()
    return PublishEvents(bus=EventBridgeBus(clients["events"], settings.bus_name))


@dataclass(frozen=True)
class AnnotationDesk:
    """The use cases behind the annotation API."""

    projects: Mapping[str, Project]
    claim: ClaimTask
    extend: ExtendLease
    submit: SubmitAnnotation
    skip: SkipTask
    work: ShowWork


def annotation_desk(settings: AnnotationApiSettings, clients: Clients | None = None) -> AnnotationDesk:
    clients = clients or Clients()
    projects = _projects(settings.projects_file)
    tasks = DynamoTaskStore(Table(clients["dynamodb"], settings.table_name))
    queue = SqsAnnotationQueue(clients["sqs"], settings.annotation_queue_urls)
    clock = SystemClock()
    return AnnotationDesk(
        projects=projects,
        claim=ClaimTask(projects=projects, tasks=tasks, queue=queue, clock=clock),
        extend=ExtendLease(projects=projects, tasks=tasks, queue=queue, clock=clock),
        submit=SubmitAnnotation(projects=projects, tasks=tasks, queue=queue, clock=clock),
        skip=SkipTask(projects=projects, tasks=tasks, queue=queue, clock=clock),
        work=ShowWork(
            projects=projects,
            tasks=tasks,
            payloads=S3PayloadStore(clients["s3"], settings.dataset_bucket),
            clock=clock,
            presign_seconds=settings.presign_seconds,
        ),
    )


def settle_consensus(settings: ConsensusSettleSettings, clients: Clients | None = None) -> SettleConsensus:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    return SettleConsensus(
        projects=_projects(settings.projects_file),
        tasks=DynamoTaskStore(table),
        skills=DynamoSkillStore(table),
        queue=SqsAnnotationQueue(clients["sqs"], settings.annotation_queue_urls),
        clock=SystemClock(),
    )


def commit_version(settings: DatasetCommitSettings, clients: Clients | None = None) -> CommitVersion:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    return CommitVersion(
        projects=_projects(settings.projects_file),
        tasks=DynamoTaskStore(table),
        datasets=AwsDatasetStore(table, Bucket(clients["s3"], settings.dataset_bucket)),
        clock=SystemClock(),
    )


def decide_retraining(settings: RetrainDecideSettings, clients: Clients | None = None) -> DecideRetraining:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    return DecideRetraining(
        projects=_projects(settings.projects_file),
        datasets=AwsDatasetStore(table, Bucket(clients["s3"], settings.dataset_bucket)),
        runs=DynamoRunStore(table),
        workflows=StepFunctionsWorkflows(clients["stepfunctions"], retraining_arn=settings.retraining_machine_arn),
        clock=SystemClock(),
    )


def freeze_version(settings: VersionFreezeSettings, clients: Clients | None = None) -> FreezeVersion:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)

    def surroundings(project: str) -> Surroundings:
        return Surroundings(
            dataset_bucket=settings.dataset_bucket,
            key_arn=settings.key_arn,
            role_arn=settings.sagemaker_role_arn,
            code_uri=settings.code_uri,
            image_uri=settings.image_uri,
            model_package_group=settings.model_package_groups[project],
        )

    return FreezeVersion(
        projects=_projects(settings.projects_file),
        surroundings=surroundings,
        datasets=AwsDatasetStore(table, Bucket(clients["s3"], settings.dataset_bucket)),
        runs=DynamoRunStore(table),
        registry=SageMakerRegistry(clients["sagemaker"]),
        clock=SystemClock(),
    )


def evaluate_candidate(settings: CandidateEvaluateSettings, clients: Clients | None = None) -> EvaluateCandidate:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    return EvaluateCandidate(
        projects=_projects(settings.projects_file),
        datasets=AwsDatasetStore(table, Bucket(clients["s3"], settings.dataset_bucket)),
    )


def conclude_run(settings: RetrainingConcludeSettings, clients: Clients | None = None) -> ConcludeRun:
    clients = clients or Clients()
    return ConcludeRun(runs=DynamoRunStore(Table(clients["dynamodb"], settings.table_name)), clock=SystemClock())


def promote_model(settings: ModelPromoteSettings, clients: Clients | None = None) -> PromoteModel:
    clients = clients or Clients()

    def deployables(project: str) -> Deployables:
        return Deployables(
            role_arn=settings.sagemaker_role_arn,
            key_arn=settings.key_arn,
            capture_uri=f"s3://{settings.captures_bucket}/{project}",
            model_package_group=settings.model_package_groups[project],
            alarm_names=tuple(settings.rollback_alarms.get(project, ())),
        )

    return PromoteModel(
        projects=_projects(settings.projects_file),
        deployables=deployables,
        registry=SageMakerRegistry(clients["sagemaker"]),
        runs=DynamoRunStore(Table(clients["dynamodb"], settings.table_name)),
        workflows=StepFunctionsWorkflows(clients["stepfunctions"], promotion_arn=settings.promotion_machine_arn),
        clock=SystemClock(),
    )


def sync_backends(settings: BackendSyncSettings, clients: Clients | None = None) -> dict[str, SyncBackend]:
    """One per project that labels in Ground Truth."""
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    roles = Roles(role_arn=settings.labeling_role_arn, key_arn=settings.key_arn)
    found = {}
    for name, project in _projects(settings.projects_file).items():
        if project.backend != "ground_truth" or project.ground_truth is None:
            continue
        jobs = SageMakerLabelingJobs(clients["sagemaker"], clients["s3"], settings.dataset_bucket, clients.region)
        found[name] = SyncBackend(
            project=project,
            tasks=DynamoTaskStore(table),
            batches=DynamoBatchStore(table),
            backend=GroundTruth(project, project.ground_truth, jobs, roles),
            batch_size=project.ground_truth.batch,
            clock=SystemClock(),
        )
    return found


@dataclass(frozen=True)
class Operator:
    """Everything that an operator's tools look at, of one deployment."""

    deployment: Deployment
    deployed: Mapping[str, DeployedProject]
    clients: Clients

    @cached_property
    def projects(self) -> Mapping[str, Project]:
        data, _ = Bucket(self.clients["s3"], self.deployment.dataset_bucket).get(PROJECTS_KEY)
        return {each.name: each for each in msgspec.json.decode(data, type=list[Project])}

    @property
    def clock(self) -> SystemClock:
        return SystemClock()

    @cached_property
    def table(self) -> Table:
        return Table(self.clients["dynamodb"], self.deployment.table)

    @property
    def tasks(self) -> DynamoTaskStore:
        return DynamoTaskStore(self.table)

    @property
    def ledger(self) -> DynamoCaptureLedger:
        return DynamoCaptureLedger(self.table)

    @property
    def archive(self) -> S3CaptureArchive:
        return S3CaptureArchive(self.clients["s3"], self.deployment.dataset_bucket)

    @property
    def payloads(self) -> S3PayloadStore:
        return S3PayloadStore(self.clients["s3"], self.deployment.dataset_bucket)

    @property
    def queue(self) -> SqsAnnotationQueue:
        urls = {name: each.annotation_queue_url for name, each in self.deployed.items()}
        return SqsAnnotationQueue(self.clients["sqs"], urls)

    @property
    def skills(self) -> DynamoSkillStore:
        return DynamoSkillStore(self.table)

    @property
    def datasets(self) -> AwsDatasetStore:
        return AwsDatasetStore(self.table, Bucket(self.clients["s3"], self.deployment.dataset_bucket))

    @property
    def lineage(self) -> DynamoLineageStore:
        return DynamoLineageStore(self.table)

    @property
    def runs(self) -> DynamoRunStore:
        return DynamoRunStore(self.table)

    @property
    def registry(self) -> SageMakerRegistry:
        return SageMakerRegistry(self.clients["sagemaker"])

    @property
    def workflows(self) -> StepFunctionsWorkflows:
        return StepFunctionsWorkflows(
            self.clients["stepfunctions"],
            retraining_arn=self.deployment.retraining_machine_arn,
            promotion_arn=self.deployment.promotion_machine_arn,
        )

    @property
    def import_labels(self) -> ImportLabels:
        return ImportLabels(projects=self.projects, payloads=self.payloads, datasets=self.datasets, clock=self.clock)

    @property
    def decide(self) -> DecideRetraining:
        return DecideRetraining(
            projects=self.projects,
            datasets=self.datasets,
            runs=self.runs,
            workflows=self.workflows,
            clock=self.clock,
        )


def operator(stage: str, clients: Clients | None = None) -> Operator:
    """Find a deployment by its stage. Raises NotFoundError with what to do when there is none."""
    clients = clients or Clients()
    text = _parameter(clients["ssm"], deployment_parameter(stage))
    if text is None:
        raise NotFoundError(
            f"no trueup deployment of stage {stage!r} in {clients.region}: deploy with `npx cdk deploy --all`, "
            "or name another stage with --stage"
        )
    deployment = msgspec.json.decode(text, type=Deployment)
    deployed = {}
    for name in deployment.projects:
        found = _parameter(clients["ssm"], project_parameter(stage, name))
        if found is not None:
            deployed[name] = msgspec.json.decode(found, type=DeployedProject)
    return Operator(deployment=deployment, deployed=deployed, clients=clients)


def _parameter(client: Any, name: str) -> str | None:
    try:
        with translated(f"reading the parameter {name}"):
            try:
                return str(client.get_parameter(Name=name)["Parameter"]["Value"])
            except client.exceptions.ParameterNotFound:
                return None
    except NotFoundError:
        return None


def _projects(name: str) -> dict[str, Project]:
    """The projects document lies in the function's package; LAMBDA_TASK_ROOT says where that is."""
    return load_projects(Path(os.environ.get("LAMBDA_TASK_ROOT", ".")) / name)
