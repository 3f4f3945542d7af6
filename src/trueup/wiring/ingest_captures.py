"""Builds what functions/capture_ingest calls."""

from __future__ import annotations

from trueup.adapters.aws.annotation_queue import SqsAnnotationQueue
from trueup.adapters.aws.buckets import S3CaptureArchive, S3PayloadStore
from trueup.adapters.aws.capture_ledger import DynamoCaptureLedger
from trueup.adapters.aws.capture_listing import S3CaptureListing
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.ledgers import DynamoKnowledgeStore, DynamoQueueStandings, DynamoRunStore
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.settings import (
    CaptureIngestSettings,
)
from trueup.usecases.compare_variants import CompareVariants
from trueup.usecases.ingest_captures import IngestCaptures
from trueup.wiring.projects import packaged_projects


def ingest_captures(settings: CaptureIngestSettings, clients: Clients | None = None) -> IngestCaptures:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    archive = S3CaptureArchive(clients["s3"], settings.dataset_bucket)
    return IngestCaptures(
        projects=packaged_projects(settings.projects_file),
        archive=archive,
        ledger=DynamoCaptureLedger(table),
        payloads=S3PayloadStore(clients["s3"], settings.dataset_bucket),
        tasks=DynamoTaskStore(table),
        queue=SqsAnnotationQueue(clients["sqs"], settings.annotation_queue_urls),
        clock=SystemClock(),
        knowledge=DynamoKnowledgeStore(table),
        variants=CompareVariants(S3CaptureListing(clients["s3"], settings.captures_bucket), archive),
        standings=DynamoQueueStandings(table),
        runs=DynamoRunStore(table),
    )
