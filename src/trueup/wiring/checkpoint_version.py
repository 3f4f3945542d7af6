"""Builds what functions/dataset_commit calls after a commit."""

from __future__ import annotations

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.erasing import AwsReceiptBook
from trueup.adapters.aws.table import Table
from trueup.settings import DatasetCommitSettings
from trueup.usecases.checkpoint_version import CheckpointVersion
from trueup.wiring.projects import packaged_projects


def checkpoint_version(settings: DatasetCommitSettings, clients: Clients | None = None) -> CheckpointVersion:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    return CheckpointVersion(
        projects=packaged_projects(settings.projects_file),
        datasets=AwsDatasetStore(table, Bucket(clients["s3"], settings.dataset_bucket)),
        receipts=AwsReceiptBook(clients["s3"], settings.dataset_bucket, table),
    )
