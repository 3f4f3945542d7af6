"""Builds what functions/dataset_collect calls."""

from __future__ import annotations

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.ledgers import DynamoLineageStore, DynamoRunStore
from trueup.adapters.aws.ref_store import DynamoRefStore
from trueup.adapters.aws.stored_parts import S3StoredParts
from trueup.adapters.aws.table import Table
from trueup.settings import DatasetCollectSettings
from trueup.usecases.collect_garbage import CollectGarbage
from trueup.wiring.projects import packaged_projects


def collect_garbage(settings: DatasetCollectSettings, clients: Clients | None = None) -> CollectGarbage:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    return CollectGarbage(
        projects=packaged_projects(settings.projects_file),
        datasets=AwsDatasetStore(table, Bucket(clients["s3"], settings.dataset_bucket)),
        refs=DynamoRefStore(table),
        runs=DynamoRunStore(table),
        lineage=DynamoLineageStore(table),
        stored=S3StoredParts(clients["s3"], settings.dataset_bucket),
        clock=SystemClock(),
    )
