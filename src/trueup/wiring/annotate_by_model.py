"""Builds what functions/model_annotate calls."""

from __future__ import annotations

from trueup.adapters.aws.annotation_queue import SqsAnnotationQueue
from trueup.adapters.aws.bedrock import BedrockModels
from trueup.adapters.aws.buckets import S3PayloadStore
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.gold_store import DynamoGoldStore, DynamoStandingStore
from trueup.adapters.aws.ledgers import DynamoGuidelineStore, DynamoQueueStandings
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.settings import ModelAnnotateSettings
from trueup.usecases.annotate_by_model import AnnotateByModel
from trueup.usecases.claim_task import ClaimTask
from trueup.usecases.edit_guidelines import EditGuidelines
from trueup.usecases.serve_gold import ServeGold
from trueup.usecases.skip_task import SkipTask
from trueup.usecases.submit_annotation import SubmitAnnotation
from trueup.wiring.projects import packaged_projects


def annotate_by_model(settings: ModelAnnotateSettings, clients: Clients | None = None) -> AnnotateByModel:
    clients = clients or Clients()
    projects, clock = packaged_projects(settings.projects_file), SystemClock()
    table = Table(clients["dynamodb"], settings.table_name)
    tasks = DynamoTaskStore(table)
    gold = ServeGold(projects, tasks, DynamoGoldStore(table), clock)
    queue = SqsAnnotationQueue(clients["sqs"], settings.annotation_queue_urls)
    return AnnotateByModel(
        projects=projects,
        claim=ClaimTask(projects, tasks, queue, clock, DynamoQueueStandings(table), gold, DynamoStandingStore(table)),
        submit=SubmitAnnotation(projects, tasks, queue, clock),
        skip=SkipTask(projects, tasks, queue, clock),
        tasks=tasks,
        payloads=S3PayloadStore(clients["s3"], settings.dataset_bucket),
        models=BedrockModels(clients["bedrock-runtime"]),
        guidelines=EditGuidelines(projects, DynamoGuidelineStore(table), clock),
        clock=clock,
    )
