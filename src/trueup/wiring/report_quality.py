"""Builds what functions/quality_report calls."""

from __future__ import annotations

from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.gold_store import DynamoGoldStore, DynamoStandingStore
from trueup.adapters.aws.ledgers import DynamoBatchStore, DynamoQueueStandings, DynamoReportStore, DynamoSkillStore
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.settings import QualityReportSettings
from trueup.usecases.manage_queue import ManageQueue
from trueup.usecases.report_quality import ReportQuality
from trueup.wiring.projects import packaged_projects


def report_quality(settings: QualityReportSettings, clients: Clients | None = None) -> ReportQuality:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    projects, tasks, clock = packaged_projects(settings.projects_file), DynamoTaskStore(table), SystemClock()
    return ReportQuality(
        projects=projects,
        tasks=tasks,
        skills=DynamoSkillStore(table),
        reports=DynamoReportStore(table),
        gold=DynamoGoldStore(table),
        standings=DynamoStandingStore(table),
        batches=DynamoBatchStore(table),
        manage=ManageQueue(projects, tasks, DynamoQueueStandings(table), clock),
        clock=clock,
    )
