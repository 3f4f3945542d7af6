"""Builds what an operator's tools look at: a whole deployment, found by its stage."""

from __future__ import annotations

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
from trueup.adapters.aws.endpoint_admin import SageMakerEndpointAdmin
from trueup.adapters.aws.errors import translated
from trueup.adapters.aws.export_sink import S3ExportSink
from trueup.adapters.aws.feedback_store import DynamoFeedbackStore
from trueup.adapters.aws.ledgers import DynamoLineageStore, DynamoRunStore, DynamoSkillStore
from trueup.adapters.aws.model_registry import SageMakerRegistry
from trueup.adapters.aws.ref_store import DynamoRefStore
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.adapters.aws.workflows import StepFunctionsWorkflows
from trueup.adapters.local_files import LocalExportSink
from trueup.errors import NotFoundError
from trueup.model import Project, lane_of
from trueup.ports import ExportSink
from trueup.settings import (
    DeployedProject,
    Deployment,
    deployment_parameter,
    project_parameter,
)
from trueup.usecases.asking_again import AskAgain
from trueup.usecases.attach_endpoint import AttachEndpoint
from trueup.usecases.compare_models import CompareModels
from trueup.usecases.credit_annotators import CreditAnnotators
from trueup.usecases.decide_retraining import DecideRetraining
from trueup.usecases.export_version import ExportVersion
from trueup.usecases.find_model import FindModel
from trueup.usecases.freeze_test import FreezeTest
from trueup.usecases.import_labels import ImportLabels
from trueup.usecases.label_history import LabelHistory
from trueup.usecases.migrate_labels import MigrateLabels
from trueup.usecases.show_lineage import ShowLineage
from trueup.usecases.trace_label import TraceLabel

PROJECTS_KEY = "config/projects.json"


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
    def feedback(self) -> DynamoFeedbackStore:
        return DynamoFeedbackStore(self.table)

    @property
    def archive(self) -> S3CaptureArchive:
        return S3CaptureArchive(self.clients["s3"], self.deployment.dataset_bucket)

    @property
    def payloads(self) -> S3PayloadStore:
        return S3PayloadStore(self.clients["s3"], self.deployment.dataset_bucket)

    @property
    def queue(self) -> SqsAnnotationQueue:
        urls = {name: each.annotation_queue_url for name, each in self.deployed.items()}
        for name, each in self.deployed.items():
            urls |= {lane_of(name, queue): url for queue, url in each.queues.items()}
        return SqsAnnotationQueue(self.clients["sqs"], urls)

    @property
    def skills(self) -> DynamoSkillStore:
        return DynamoSkillStore(self.table)

    @property
    def datasets(self) -> AwsDatasetStore:
        return AwsDatasetStore(self.table, Bucket(self.clients["s3"], self.deployment.dataset_bucket))

    @property
    def refs(self) -> DynamoRefStore:
        return DynamoRefStore(self.table)

    @property
    def lineage(self) -> DynamoLineageStore:
        return DynamoLineageStore(self.table)

    @property
    def show_lineage(self) -> ShowLineage:
        return ShowLineage(self.projects, self.lineage, self.datasets)

    @property
    def trace(self) -> TraceLabel:
        history = LabelHistory(self.tasks, self.lineage, self.datasets)
        return TraceLabel(self.projects, history, self.tasks, self.lineage, self.runs)

    @property
    def find_model(self) -> FindModel:
        return FindModel(self.projects, self.datasets, self.runs, self.lineage, self.clock)

    @property
    def credit(self) -> CreditAnnotators:
        return CreditAnnotators(self.find_model, self.runs, self.skills)

    @property
    def compare(self) -> CompareModels:
        return CompareModels(self.find_model, self.datasets, self.runs)

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
            bulk_arn=self.deployment.bulk_machine_arn,
            backfill_arn=self.deployment.backfill_machine_arn,
        )

    @property
    def attach(self) -> AttachEndpoint:
        return AttachEndpoint(endpoints=SageMakerEndpointAdmin(self.clients["sagemaker"]))

    @property
    def import_labels(self) -> ImportLabels:
        return ImportLabels(
            projects=self.projects,
            payloads=self.payloads,
            datasets=self.datasets,
            clock=self.clock,
            tasks=self.tasks,
        )

    @property
    def export_version(self) -> ExportVersion:
        return ExportVersion(projects=self.projects, datasets=self.datasets, payloads=self.payloads)

    def sink(self, place: str) -> ExportSink:
        """Of an s3:// prefix, or a folder of this machine."""
        return S3ExportSink(self.clients["s3"], place) if place.startswith("s3://") else LocalExportSink(Path(place))

    @property
    def freeze_test(self) -> FreezeTest:
        return FreezeTest(projects=self.projects, datasets=self.datasets, clock=self.clock)

    @property
    def migrate_labels(self) -> MigrateLabels:
        return MigrateLabels(projects=self.projects, datasets=self.datasets, clock=self.clock, ask=self.ask_again)

    @property
    def ask_again(self) -> AskAgain:
        return AskAgain(tasks=self.tasks, queue=self.queue, payloads=self.payloads, clock=self.clock)

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
