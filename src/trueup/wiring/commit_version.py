"""Builds what functions/dataset_commit calls."""

from __future__ import annotations

from trueup.adapters.aws.buckets import Bucket, S3PayloadStore
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.ledgers import DynamoKnowledgeStore, DynamoReportStore
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.settings import (
    DatasetCommitSettings,
)
from trueup.usecases.commit_version import CommitVersion
from trueup.wiring.projects import packaged_projects


def commit_version(settings: DatasetCommitSettings, clients: Clients | None = None) -> CommitVersion:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    return CommitVersion(
        projects=packaged_projects(settings.projects_file),
        tasks=DynamoTaskStore(table),
        datasets=AwsDatasetStore(table, Bucket(clients["s3"], settings.dataset_bucket)),
        clock=SystemClock(),
        knowledge=DynamoKnowledgeStore(table),
        payloads=S3PayloadStore(clients["s3"], settings.dataset_bucket),
        reports=DynamoReportStore(table),
    )
