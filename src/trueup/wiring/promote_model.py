"""Builds what functions/model_promote calls."""

from __future__ import annotations

from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.ledgers import DynamoRunStore
from trueup.adapters.aws.model_registry import SageMakerRegistry
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.workflows import StepFunctionsWorkflows
from trueup.settings import ModelPromoteSettings, model_package_group
from trueup.usecases.promote_model import Deployables, PromoteModel
from trueup.wiring.projects import packaged_projects


def promote_model(settings: ModelPromoteSettings, clients: Clients | None = None) -> PromoteModel:
    clients = clients or Clients()

    def deployables(project: str) -> Deployables:
        return Deployables(
            role_arn=settings.sagemaker_role_arn,
            key_arn=settings.key_arn,
            capture_uri=f"s3://{settings.captures_bucket}/{project}",
            model_package_group=model_package_group(settings.stage, project),
            alarm_names=tuple(settings.rollback_alarms.get(project, ())),
        )

    return PromoteModel(
        projects=packaged_projects(settings.projects_file),
        deployables=deployables,
        registry=SageMakerRegistry(clients["sagemaker"]),
        runs=DynamoRunStore(Table(clients["dynamodb"], settings.table_name)),
        workflows=StepFunctionsWorkflows(clients["stepfunctions"], promotion_arn=settings.promotion_machine_arn),
        clock=SystemClock(),
    )
