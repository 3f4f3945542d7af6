"""Builds what functions/annotation_api calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.adapters.aws.annotation_queue import SqsAnnotationQueue
from trueup.adapters.aws.buckets import Bucket, S3PayloadStore
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.feedback_store import DynamoFeedbackStore
from trueup.adapters.aws.gold_store import DynamoGoldStore, DynamoStandingStore
from trueup.adapters.aws.ledgers import (
    DynamoGuidelineStore,
    DynamoLineageStore,
    DynamoQueueStandings,
    DynamoReportStore,
)
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.model import Project
from trueup.ports import ReportStore, StandingStore
from trueup.settings import (
    AnnotationApiSettings,
)
from trueup.usecases.claim_task import ClaimTask
from trueup.usecases.edit_guidelines import EditGuidelines
from trueup.usecases.extend_lease import ExtendLease
from trueup.usecases.manage_queue import ManageQueue
from trueup.usecases.put_feedback import PutFeedback
from trueup.usecases.rule_on_task import RuleOnTask
from trueup.usecases.serve_gold import ServeGold
from trueup.usecases.show_corrections import ShowCorrections
from trueup.usecases.show_lineage import ShowLineage
from trueup.usecases.show_reviews import ShowReviews
from trueup.usecases.show_work import ShowWork
from trueup.usecases.skip_task import SkipTask
from trueup.usecases.submit_annotation import SubmitAnnotation
from trueup.wiring.projects import packaged_projects


@dataclass(frozen=True)
class AnnotationDesk:
    """The use cases behind the annotation API."""

    projects: Mapping[str, Project]
    claim: ClaimTask
    extend: ExtendLease
    submit: SubmitAnnotation
    skip: SkipTask
    work: ShowWork
    feedback: PutFeedback
    reviews: ShowReviews
    rule: RuleOnTask
    manage: ManageQueue
    reports: ReportStore
    people: StandingStore
    guidelines: EditGuidelines
    corrections: ShowCorrections
    lineage: ShowLineage


def annotation_desk(settings: AnnotationApiSettings, clients: Clients | None = None) -> AnnotationDesk:
    clients = clients or Clients()
    projects = packaged_projects(settings.projects_file)
    table = Table(clients["dynamodb"], settings.table_name)
    tasks = DynamoTaskStore(table)
    queue = SqsAnnotationQueue(clients["sqs"], settings.annotation_queue_urls)
    clock = SystemClock()
    standings, people = DynamoQueueStandings(table), DynamoStandingStore(table)
    datasets = AwsDatasetStore(table, Bucket(clients["s3"], settings.dataset_bucket))
    gold = ServeGold(projects, tasks, DynamoGoldStore(table), clock)
    return AnnotationDesk(
        projects=projects,
        claim=ClaimTask(
            projects=projects, tasks=tasks, queue=queue, clock=clock, standings=standings, gold=gold, people=people
        ),
        extend=ExtendLease(projects=projects, tasks=tasks, queue=queue, clock=clock),
        submit=SubmitAnnotation(projects=projects, tasks=tasks, queue=queue, clock=clock),
        skip=SkipTask(projects=projects, tasks=tasks, queue=queue, clock=clock),
        work=ShowWork(
            projects=projects,
            tasks=tasks,
            payloads=S3PayloadStore(clients["s3"], settings.dataset_bucket),
            clock=clock,
            presign_seconds=settings.presign_seconds,
            gold=DynamoGoldStore(table),
            people=people,
        ),
        feedback=PutFeedback(projects=projects, feedback=DynamoFeedbackStore(table), clock=clock),
        reviews=ShowReviews(projects=projects, tasks=tasks),
        rule=RuleOnTask(projects, tasks, DynamoLineageStore(table), queue, clock),
        manage=ManageQueue(projects, tasks, standings, clock),
        reports=DynamoReportStore(table),
        people=people,
        guidelines=EditGuidelines(projects, DynamoGuidelineStore(table), clock),
        corrections=ShowCorrections(projects, tasks, datasets, DynamoLineageStore(table)),
        lineage=ShowLineage(projects, DynamoLineageStore(table), datasets),
    )
