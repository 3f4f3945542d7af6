"""Builds what functions/backend_sync calls."""

from __future__ import annotations

from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.labeling_jobs import SageMakerLabelingJobs
from trueup.adapters.aws.ledgers import DynamoBatchStore
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.adapters.backends.ground_truth import GroundTruth, Roles
from trueup.adapters.backends.ground_truth_stream import GroundTruthStream
from trueup.model import GroundTruthBackend, Project
from trueup.settings import (
    BackendSyncSettings,
)
from trueup.usecases.sync_backend import SyncBackend
from trueup.wiring.projects import packaged_projects


def sync_backends(settings: BackendSyncSettings, clients: Clients | None = None) -> dict[str, SyncBackend]:
    """One per project that labels in Ground Truth."""
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    found = {}
    for name, project in packaged_projects(settings.projects_file).items():
        if project.backend != "ground_truth" or project.ground_truth is None:
            continue
        found[name] = SyncBackend(
            project=project,
            tasks=DynamoTaskStore(table),
            batches=DynamoBatchStore(table),
            backend=_ground_truth(project, project.ground_truth, settings, clients),
            batch_size=project.ground_truth.batch,
            clock=SystemClock(),
        )
    return found


def _ground_truth(
    project: Project, wanted: GroundTruthBackend, settings: BackendSyncSettings, clients: Clients
) -> GroundTruth:
    roles = Roles(
        role_arn=settings.labeling_role_arn,
        key_arn=settings.key_arn,
        prepare_arn=settings.labeling_functions.get("prepare", ""),
        gather_arn=settings.labeling_functions.get("gather", ""),
    )
    sagemaker, s3, sns = clients["sagemaker"], clients["s3"], clients["sns"]
    jobs = SageMakerLabelingJobs(sagemaker, s3, settings.dataset_bucket, clients.region, sns)
    if not wanted.streaming:
        return GroundTruth(project, wanted, jobs, roles)
    topic = f"{settings.labeling_topics}{project.name}"
    return GroundTruthStream(project, wanted, jobs, roles, topic=topic, clock=SystemClock())
