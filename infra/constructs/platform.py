"""What all stacks share: the configuration, the key, the table, the buckets and the bus."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk.aws_dynamodb import Table
from aws_cdk.aws_events import EventBus
from aws_cdk.aws_kms import Key
from aws_cdk.aws_s3 import Bucket
from aws_cdk.aws_sqs import Queue

from infra.config import DeploymentConfig
from infra.packaging import Packager


@dataclass(frozen=True)
class Platform:
    config: DeploymentConfig
    packager: Packager
    key: Key
    captures: Bucket
    dataset: Bucket
    access_logs: Bucket
    table: Table
    bus: EventBus
    failures: Queue
    receipts: Key
