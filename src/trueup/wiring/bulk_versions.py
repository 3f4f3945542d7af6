"""Builds what functions/version_part calls."""

from __future__ import annotations

from trueup.adapters.aws.buckets import Bucket, S3PayloadStore
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.export_sink import S3ExportSink
from trueup.adapters.aws.table import Table
from trueup.settings import VersionPartSettings
from trueup.usecases.bulk.exporting import Exports
from trueup.usecases.bulk.run import BulkVersions
from trueup.usecases.export_version import ExportVersion
from trueup.wiring.projects import packaged_projects


def bulk_versions(settings: VersionPartSettings, clients: Clients | None = None) -> BulkVersions:
    clients = clients or Clients()
    s3, projects = clients["s3"], packaged_projects(settings.projects_file)
    table, bucket = Table(clients["dynamodb"], settings.table_name), Bucket(s3, settings.dataset_bucket)
    datasets, payloads = AwsDatasetStore(table, bucket), S3PayloadStore(s3, settings.dataset_bucket)
    return BulkVersions(
        projects=projects,
        datasets=datasets,
        exports=Exports(
            export=ExportVersion(projects=projects, datasets=datasets, payloads=payloads),
            sink=lambda uri: S3ExportSink(s3, uri),
            bucket=settings.dataset_bucket,
        ),
        clock=SystemClock(),
        rows=settings.part_rows,
    )


def place_of(uri: str) -> dict[str, str]:
    """Bucket and key of an s3:// URI, as a Distributed Map asks for them."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return {"bucket": bucket, "key": key}
