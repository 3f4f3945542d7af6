"""Builds what functions/table_copy calls."""

from __future__ import annotations

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.erasing import AwsReceiptBook
from trueup.adapters.aws.segment_tables import S3SegmentTables
from trueup.adapters.aws.table import Table
from trueup.settings import TableCopySettings
from trueup.usecases.copy_tables import CopyTables


def copy_tables(settings: TableCopySettings, clients: Clients | None = None) -> CopyTables:
    clients = clients or Clients()
    s3, bucket = clients["s3"], settings.dataset_bucket
    table = Table(clients["dynamodb"], settings.table_name)
    return CopyTables(
        datasets=AwsDatasetStore(table, Bucket(s3, bucket)),
        tables=S3SegmentTables(s3, bucket),
        receipts=AwsReceiptBook(s3, bucket, table),
    )
