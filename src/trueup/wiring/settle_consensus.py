"""Builds what functions/consensus_settle calls."""

from __future__ import annotations

from trueup.adapters.aws.annotation_queue import SqsAnnotationQueue
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.gold_store import DynamoGoldStore, DynamoStandingStore
from trueup.adapters.aws.ledgers import DynamoSkillStore
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.settings import (
    ConsensusSettleSettings,
)
from trueup.usecases.score_gold import ScoreGold
from trueup.usecases.settle_consensus import SettleConsensus
from trueup.wiring.projects import packaged_projects


def settle_consensus(settings: ConsensusSettleSettings, clients: Clients | None = None) -> SettleConsensus:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    tasks, clock = DynamoTaskStore(table), SystemClock()
    queue = SqsAnnotationQueue(clients["sqs"], settings.annotation_queue_urls)
    return SettleConsensus(
        projects=packaged_projects(settings.projects_file),
        tasks=tasks,
        skills=DynamoSkillStore(table),
        queue=queue,
        clock=clock,
        score=ScoreGold(tasks, DynamoGoldStore(table), DynamoStandingStore(table), queue, clock),
    )
