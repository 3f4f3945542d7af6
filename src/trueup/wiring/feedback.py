"""Builds what functions/feedback_join calls."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.adapters.aws.annotation_queue import SqsAnnotationQueue
from trueup.adapters.aws.buckets import S3CaptureArchive, S3PayloadStore
from trueup.adapters.aws.capture_ledger import DynamoCaptureLedger
from trueup.adapters.aws.capture_listing import S3CaptureListing
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.feedback_store import DynamoFeedbackStore
from trueup.adapters.aws.ledgers import DynamoRunStore
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.settings import FeedbackJoinSettings
from trueup.usecases.answer_feedback import AnswerFeedback
from trueup.usecases.join_feedback import JoinFeedback
from trueup.usecases.put_feedback import PutFeedback
from trueup.wiring.projects import packaged_projects


@dataclass(frozen=True)
class FeedbackDesk:
    """What comes in, and the search for its captures."""

    put: PutFeedback
    join: JoinFeedback


def feedback_desk(settings: FeedbackJoinSettings, clients: Clients | None = None) -> FeedbackDesk:
    clients = clients or Clients()
    projects, clock = packaged_projects(settings.projects_file), SystemClock()
    table = Table(clients["dynamodb"], settings.table_name)
    feedback, ledger = DynamoFeedbackStore(table), DynamoCaptureLedger(table)
    answer = AnswerFeedback(
        feedback=feedback,
        payloads=S3PayloadStore(clients["s3"], settings.dataset_bucket),
        tasks=DynamoTaskStore(table),
        ledger=ledger,
        queue=SqsAnnotationQueue(clients["sqs"], settings.annotation_queue_urls),
        clock=clock,
        runs=DynamoRunStore(table),
    )
    join = JoinFeedback(
        projects=projects,
        feedback=feedback,
        listing=S3CaptureListing(clients["s3"], settings.captures_bucket),
        archive=S3CaptureArchive(clients["s3"], settings.dataset_bucket),
        ledger=ledger,
        answer=answer,
        clock=clock,
    )
    put = PutFeedback(projects=projects, feedback=feedback, clock=clock)
    return FeedbackDesk(put=put, join=join)
