"""Builds what functions/retrain_decide calls."""

from __future__ import annotations

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.ledgers import DynamoRunStore
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.workflows import StepFunctionsWorkflows
from trueup.settings import (
    RetrainDecideSettings,
)
from trueup.usecases.decide_retraining import DecideRetraining
from trueup.wiring.projects import packaged_projects


def decide_retraining(settings: RetrainDecideSettings, clients: Clients | None = None) -> DecideRetraining:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)
    return DecideRetraining(
        projects=packaged_projects(settings.projects_file),
        datasets=AwsDatasetStore(table, Bucket(clients["s3"], settings.dataset_bucket)),
        runs=DynamoRunStore(table),
        workflows=StepFunctionsWorkflows(clients["stepfunctions"], retraining_arn=settings.retraining_machine_arn),
        clock=SystemClock(),
    )
