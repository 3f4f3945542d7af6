"""One construct makes every function: its package, role, settings, logs, tracing and where failures go."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_kms import Key
from aws_cdk.aws_lambda import Architecture, Code, Function, LoggingFormat, Runtime, Tracing
from aws_cdk.aws_lambda_destinations import SqsDestination
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_sqs import Queue
from constructs import Construct

from infra import grants as grant
from infra.constructs.loop_queue import LoopQueue
from infra.constructs.platform import Platform
from trueup.settings import FUNCTION_SETTINGS, Settings

DEFAULT_TIMEOUT = Duration.seconds(60)


class LoopFunction(Construct):
    """`name` is the folder under functions/; `settings` become its environment; `grants` are its role's policy.

    Raises TypeError when the settings are of another function.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's word
        *,
        platform: Platform,
        name: str,
        settings: Settings,
        grants: Sequence[PolicyStatement],
        timeout: Duration = DEFAULT_TIMEOUT,
        memory_mb: int = 512,
    ) -> None:
        super().__init__(scope, id)
        if type(settings) is not FUNCTION_SETTINGS[name]:
            raise TypeError(f"{name} takes {FUNCTION_SETTINGS[name].__name__}, not {type(settings).__name__}")
        self.timeout = timeout
        self.logs = LogGroup(
            self,
            "Logs",
            retention=retention_of(platform.config.log_retention_days),
            encryption_key=Key.from_key_arn(self, "Key", platform.key.key_arn),
            removal_policy=RemovalPolicy.DESTROY if platform.config.destroy else RemovalPolicy.RETAIN,
        )
        role = Role(self, "Role", assumed_by=ServicePrincipal("lambda.amazonaws.com"))
        self.function = Function(
            self,
            "Function",
            runtime=Runtime.PYTHON_3_14,
            architecture=Architecture.ARM_64,
            code=Code.from_asset(str(platform.packager.archive(name))),
            handler=f"functions.{name}.handler.handler",
            role=role,
            environment={
                **settings.to_env(),
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": "trueup",
                # numpy would start a thread for each core, which costs more than all that it computes here.
                "OPENBLAS_NUM_THREADS": "1",
            },
            timeout=timeout,
            memory_size=memory_mb,
            tracing=Tracing.ACTIVE,
            log_group=self.logs,
            logging_format=LoggingFormat.JSON,
            # A destination tells the function, the reason and what it was called with; a dead-letter queue of
            # Lambda's tells the last alone, and nobody can bring that back.
            on_failure=SqsDestination(Queue.from_queue_arn(self, "Failures", platform.failures.queue_arn)),
        )
        write_logs = grant.allow(["logs:CreateLogStream", "logs:PutLogEvents"], [self.logs.log_group_arn])
        send_failures = grant.send_to_queues([platform.failures.queue_arn])
        for each in (write_logs, send_failures, grant.use_key(platform.key.key_arn), *grants):
            role.add_to_policy(each)

    def consumes(self, queue: LoopQueue, batch_size: int = 10, max_concurrency: int | None = None) -> None:
        """Poll a queue, reporting failed messages one by one."""
        self.function.add_event_source(
            SqsEventSource(
                queue.queue, batch_size=batch_size, report_batch_item_failures=True, max_concurrency=max_concurrency
            )
        )


_RETENTION = {
    1: RetentionDays.ONE_DAY,
    7: RetentionDays.ONE_WEEK,
    14: RetentionDays.TWO_WEEKS,
    30: RetentionDays.ONE_MONTH,
    90: RetentionDays.THREE_MONTHS,
    180: RetentionDays.SIX_MONTHS,
    365: RetentionDays.ONE_YEAR,
    731: RetentionDays.TWO_YEARS,
    3653: RetentionDays.TEN_YEARS,
}


def retention_of(days: int) -> RetentionDays:
    """The shortest retention that CloudWatch Logs offers of at least `days`."""
    return next((kind for length, kind in _RETENTION.items() if length >= days), RetentionDays.TEN_YEARS)
