"""Builds what functions/backend_sync calls."""

from __future__ import annotations

from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.labeling_jobs import SageMakerLabelingJobs
from trueup.adapters.aws.ledgers import DynamoBatchStore
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.adapters.backends.ground_truth import GroundTruth, Roles
from trueup.settings import (
    BackendSyncSettings,
)
from trueup.usecases.sync_backend import SyncBackend
from trueup.wiring.projects import packaged_projects


def sync_backends(settings: BackendSyncSettings, clients: Clients | None = None) -> dict[str, SyncBackend]:
    """One per project that labels in Ground Truth."""
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    roles = Roles(role_arn=settings.labeling_role_arn, key_arn=settings.key_arn)
    found = {}
    for name, project in packaged_projects(settings.projects_file).items():
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
