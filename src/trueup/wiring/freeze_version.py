"""Builds what functions/version_freeze calls."""

from __future__ import annotations

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.clock import SystemClock
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.ledgers import DynamoRunStore
from trueup.adapters.aws.model_registry import SageMakerRegistry
from trueup.adapters.aws.table import Table
from trueup.retraining.plan import Surroundings
from trueup.settings import VersionFreezeSettings, model_package_group
from trueup.usecases.freeze_version import FreezeVersion
from trueup.wiring.projects import packaged_projects


def freeze_version(settings: VersionFreezeSettings, clients: Clients | None = None) -> FreezeVersion:
    clients = clients or Clients()
    table = Table(clients["dynamodb"], settings.table_name)

    def surroundings(project: str) -> Surroundings:
        return Surroundings(
            dataset_bucket=settings.dataset_bucket,
            key_arn=settings.key_arn,
            role_arn=settings.sagemaker_role_arn,
            code_uri=settings.code_uri,
            image_uri=settings.image_uri,
            model_package_group=model_package_group(settings.stage, project),
        )

    return FreezeVersion(
        projects=packaged_projects(settings.projects_file),
        surroundings=surroundings,
        datasets=AwsDatasetStore(table, Bucket(clients["s3"], settings.dataset_bucket)),
        runs=DynamoRunStore(table),
        registry=SageMakerRegistry(clients["sagemaker"]),
        clock=SystemClock(),
    )
