"""Builds what functions/version_part calls."""

from __future__ import annotations

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.table import Table
from trueup.settings import VersionPartSettings
from trueup.usecases.bulk.run import BulkVersions
from trueup.wiring.projects import packaged_projects


def bulk_versions(settings: VersionPartSettings, clients: Clients | None = None) -> BulkVersions:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    return BulkVersions(
        projects=packaged_projects(settings.projects_file),
        datasets=AwsDatasetStore(table, Bucket(clients["s3"], settings.dataset_bucket)),
        clock=SystemClock(),
        rows=settings.part_rows,
    )


def place_of(uri: str) -> dict[str, str]:
    """Bucket and key of an s3:// URI, as a Distributed Map asks for them."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return {"bucket": bucket, "key": key}
