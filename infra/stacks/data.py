"""What must survive: the key, the captures, the dataset, the table, the bus and its archive."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk.aws_dynamodb import (
    Attribute,
    AttributeType,
    BillingMode,
    PointInTimeRecoverySpecification,
    ProjectionType,
    StreamViewType,
    Table,
    TableEncryption,
)
from aws_cdk.aws_events import Archive, EventBus, EventPattern, Rule
from aws_cdk.aws_events_targets import CloudWatchLogGroup
from aws_cdk.aws_iam import PolicyStatement, ServicePrincipal
from aws_cdk.aws_kms import Key
from aws_cdk.aws_logs import LogGroup
from aws_cdk.aws_s3 import (
    BlockPublicAccess,
    Bucket,
    BucketEncryption,
    CorsRule,
    HttpMethods,
    LifecycleRule,
    ObjectOwnership,
)
from aws_cdk.aws_sqs import Queue, QueueEncryption
from constructs import Construct

from infra.config import DeploymentConfig
from infra.constructs.deletion import Deletion
from infra.constructs.loop_function import retention_of
from infra.constructs.loop_queue import RETENTION
from infra.constructs.platform import Platform
from infra.nag import acknowledge
from infra.packaging import Packager
from trueup.events import SOURCE
from trueup.settings import ATHENA_ANSWERS

# Services that write into what the key encrypts: queues, topics, objects, log groups.
_WRITERS = ("events.amazonaws.com", "s3.amazonaws.com", "sns.amazonaws.com", "cloudwatch.amazonaws.com")
_NON_CURRENT = Duration.days(90)
_ANSWERED = Duration.days(7)
# The workbench and Ground Truth's worker portal read payloads by presigned links: the signature is what guards them.
_BROWSERS_READ = CorsRule(
    allowed_methods=[HttpMethods.GET],
    allowed_origins=["*"],
    exposed_headers=["Access-Control-Allow-Origin"],
    max_age=3600,
)


class DataStack(Stack):
    def __init__(self, scope: Construct, id: str, *, config: DeploymentConfig, packager: Packager) -> None:  # noqa: A002
        super().__init__(scope, id, termination_protection=not config.destroy)
        self._config = config
        key = self._key()
        logs = self._access_logs()
        bus = EventBus(self, "Bus", kms_key=key)
        table = self._table(key)
        captures = self._bucket("Captures", key, logs, event_bridge=True)
        dataset = self._bucket("Dataset", key, logs, cors=[_BROWSERS_READ])
        dataset.add_lifecycle_rule(
            prefix=ATHENA_ANSWERS, expiration=_ANSWERED, noncurrent_version_expiration=Duration.days(1)
        )
        deletion = Deletion(
            self,
            "Deletion",
            config=config,
            table_arn=table.table_arn,
            key=key,
            dataset=dataset,
            captures=captures,
            removal=self._removal,
        )
        CfnOutput(self, "ForgetPolicy", value=deletion.policy.managed_policy_arn)
        self.platform = Platform(
            config=config,
            packager=packager,
            key=key,
            captures=captures,
            dataset=dataset,
            access_logs=logs,
            table=table,
            bus=bus,
            failures=self._failures(key),
            receipts=deletion.key,
        )
        self._record(bus, key)

    @property
    def _removal(self) -> RemovalPolicy:
        return RemovalPolicy.DESTROY if self._config.destroy else RemovalPolicy.RETAIN

    def _key(self) -> Key:
        key = Key(self, "Key", enable_key_rotation=True, removal_policy=self._removal)
        for service in _WRITERS:
            key.add_to_resource_policy(
                PolicyStatement(
                    principals=[ServicePrincipal(service)],
                    actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                    resources=["*"],
                    conditions={"StringEquals": {"aws:SourceAccount": self.account}},
                )
            )
        logs_arn = self.format_arn(
            service="logs", resource="log-group", resource_name="*", arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        key.add_to_resource_policy(
            PolicyStatement(
                principals=[ServicePrincipal(f"logs.{self.region}.amazonaws.com")],
                actions=["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": logs_arn}},
            )
        )
        return key

    def _access_logs(self) -> Bucket:
        """S3 and CloudFront deliver logs here, which needs ACLs and allows no customer-managed key."""
        bucket = Bucket(
            self,
            "AccessLogs",
            encryption=BucketEncryption.S3_MANAGED,
            block_public_access=BlockPublicAccess.BLOCK_ALL,
            object_ownership=ObjectOwnership.BUCKET_OWNER_PREFERRED,
            enforce_ssl=True,
            lifecycle_rules=[LifecycleRule(expiration=Duration.days(365))],
            removal_policy=self._removal,
        )
        acknowledge(bucket, "S1", "This is the bucket that holds the access logs of the others.")
        return bucket

    def _bucket(
        self,
        id: str,  # noqa: A002 - CDK's word
        key: Key,
        logs: Bucket,
        *,
        event_bridge: bool = False,
        cors: Sequence[CorsRule] = (),
    ) -> Bucket:
        return Bucket(
            self,
            id,
            encryption=BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            event_bridge_enabled=event_bridge,
            cors=cors or None,
            server_access_logs_bucket=logs,
            server_access_logs_prefix=f"{id.lower()}/",
            lifecycle_rules=[
                LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                    noncurrent_version_expiration=_NON_CURRENT,
                )
            ],
            removal_policy=self._removal,
        )

    def _table(self, key: Key) -> Table:
        table = Table(
            self,
            "Table",
            partition_key=Attribute(name="pk", type=AttributeType.STRING),
            sort_key=Attribute(name="sk", type=AttributeType.STRING),
            billing_mode=BillingMode.PAY_PER_REQUEST,
            encryption=TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            stream=StreamViewType.NEW_IMAGE,
            time_to_live_attribute="expires_at",
            deletion_protection=not self._config.destroy,
            removal_policy=self._removal,
        )
        table.add_global_secondary_index(
            index_name="gsi1",
            partition_key=Attribute(name="gsi1pk", type=AttributeType.STRING),
            sort_key=Attribute(name="gsi1sk", type=AttributeType.STRING),
            projection_type=ProjectionType.ALL,
        )
        return table

    def _failures(self, key: Key) -> Queue:
        """Where invocations end that no queue holds: failed asynchronous calls and stream batches."""
        queue = Queue(
            self,
            "Failures",
            encryption=QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=RETENTION,
        )
        acknowledge(queue, "SQS3", "This is itself the dead-letter queue of every function and of the stream.")
        return queue

    def _record(self, bus: EventBus, key: Key) -> None:
        """Every event of the loop is kept for replay, and readable in a log group."""
        ours = EventPattern(source=[SOURCE])
        Archive(self, "Archive", source_event_bus=bus, event_pattern=ours, retention=Duration.days(365))
        group = LogGroup(
            self,
            "Events",
            retention=retention_of(self._config.log_retention_days),
            encryption_key=key,
            removal_policy=self._removal,
        )
        Rule(self, "RecordEvents", event_bus=bus, event_pattern=ours, targets=[CloudWatchLogGroup(group)])
