"""Builds what functions/candidate_evaluate calls."""

from __future__ import annotations

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.ledgers import DynamoRunStore
from trueup.adapters.aws.table import Table
from trueup.settings import (
    CandidateEvaluateSettings,
)
from trueup.usecases.evaluate_candidate import EvaluateCandidate
from trueup.wiring.projects import packaged_projects


def evaluate_candidate(settings: CandidateEvaluateSettings, clients: Clients | None = None) -> EvaluateCandidate:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    return EvaluateCandidate(
        projects=packaged_projects(settings.projects_file),
        datasets=AwsDatasetStore(table, Bucket(clients["s3"], settings.dataset_bucket)),
        runs=DynamoRunStore(table),
        clock=SystemClock(),
    )
