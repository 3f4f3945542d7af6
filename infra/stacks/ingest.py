"""What flows in, and onto the bus: capture files to capture_ingest, the outbox to event_publish."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk.aws_events import EventPattern, Rule, RuleTargetInput, Schedule
from aws_cdk.aws_lambda import FilterCriteria, FilterRule, StartingPosition
from aws_cdk.aws_lambda_event_sources import DynamoEventSource, SqsDlq
from aws_cdk.aws_sqs import Queue
from aws_cdk.aws_stepfunctions import StateMachine
from constructs import Construct

from infra import grants as grant
from infra.constructs.capture_translation import MANIFESTS, CaptureTranslation
from infra.constructs.fed_function import where_wanted
from infra.constructs.loop_function import LoopFunction
from infra.constructs.loop_queue import LoopQueue
from infra.constructs.platform import Platform
from infra.constructs.state_machine import may_start_children, state_machine
from trueup.settings import CaptureIngestSettings, EventPublishSettings, FeedbackJoinSettings

_INGEST_TIMEOUT = Duration.minutes(5)
# A transaction for a file's tasks contends with those of other files for the budget counter.
_INGEST_CONCURRENCY = 20
_FEEDBACK_CONCURRENCY = 5


class IngestStack(Stack):
    """`annotation_queues` maps project to the queue that its tasks are announced on."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        platform: Platform,
        annotation_queues: dict[str, LoopQueue],
    ) -> None:
        super().__init__(scope, id)
        self.translation = where_wanted(
            platform,
            CaptureTranslation.wanted,
            lambda projects: CaptureTranslation(self, "CaptureTranslation", platform=platform, projects=projects),
        )
        self.queue = LoopQueue(self, "CaptureFiles", key=platform.key, consumer_timeout=_INGEST_TIMEOUT)
        self.queue.fed_by(
            Rule(
                self,
                "CaptureFileCreated",
                event_pattern=EventPattern(
                    source=["aws.s3"],
                    detail_type=["Object Created"],
                    detail={"bucket": {"name": [platform.captures.bucket_name]}, **self._but_manifests()},
                ),
            )
        )
        self.capture_ingest = self._capture_ingest(platform, annotation_queues)
        self.feedback_queue, self.feedback_join = self._feedback(platform, annotation_queues)
        self.event_publish = self._event_publish(platform)
        self.backfill = self._backfill(platform)

    def _but_manifests(self) -> dict[str, Any]:
        """Manifests lie among capture files, and are another's to read where one reads them."""
        apart = self.translation is not None and self.translation.reads_manifests
        return {"object": {"key": [{"anything-but": MANIFESTS}]}} if apart else {}

    def _backfill(self, platform: Platform) -> StateMachine:
        machine = state_machine(
            self,
            "Backfill",
            platform=platform,
            workflow="backfill.asl.json",
            grants=[
                grant.list_bucket(platform.captures.bucket_arn),
                grant.send_to_queues([self.queue.queue.queue_arn]),
                grant.use_key(platform.key.key_arn),
            ],
            substitutions={"IngestQueueUrl": self.queue.queue.queue_url},
        )
        may_start_children(self, "BackfillChildren", machine)
        return machine

    def _capture_ingest(self, platform: Platform, annotation_queues: dict[str, LoopQueue]) -> LoopFunction:
        function = LoopFunction(
            self,
            "CaptureIngest",
            platform=platform,
            name="capture_ingest",
            settings=CaptureIngestSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                captures_bucket=platform.captures.bucket_name,
                dataset_bucket=platform.dataset.bucket_name,
                annotation_queue_urls={name: each.queue.queue_url for name, each in annotation_queues.items()},
            ),
            grants=[
                grant.read_write_table(platform.table.table_arn),
                grant.read_objects(platform.captures.bucket_arn),
                grant.list_bucket(platform.captures.bucket_arn),
                grant.write_objects(platform.dataset.bucket_arn),
                grant.send_to_queues([each.queue.queue_arn for each in annotation_queues.values()]),
            ],
            timeout=_INGEST_TIMEOUT,
            memory_mb=512,
        )
        function.consumes(self.queue, batch_size=5, max_concurrency=_INGEST_CONCURRENCY)
        return function

    def _feedback(self, platform: Platform, annotation_queues: dict[str, LoopQueue]) -> tuple[LoopQueue, LoopFunction]:
        """A queue that applications send to, and that the schedule tells when captures are to be searched."""
        queue = LoopQueue(self, "Feedback", key=platform.key, consumer_timeout=_INGEST_TIMEOUT)
        minutes = Duration.minutes(platform.config.schedule_minutes)
        queue.fed_by(
            Rule(self, "FeedbackSchedule", schedule=Schedule.rate(minutes)),
            RuleTargetInput.from_object({"reason": "schedule"}),
        )
        function = LoopFunction(
            self,
            "FeedbackJoin",
            platform=platform,
            name="feedback_join",
            settings=FeedbackJoinSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                captures_bucket=platform.captures.bucket_name,
                dataset_bucket=platform.dataset.bucket_name,
                annotation_queue_urls={name: each.queue.queue_url for name, each in annotation_queues.items()},
            ),
            grants=[
                grant.read_write_table(platform.table.table_arn),
                grant.read_objects(platform.captures.bucket_arn),
                grant.list_bucket(platform.captures.bucket_arn),
                grant.write_objects(platform.dataset.bucket_arn),
                grant.send_to_queues([each.queue.queue_arn for each in annotation_queues.values()]),
            ],
            timeout=_INGEST_TIMEOUT,
            memory_mb=1024,
        )
        function.consumes(queue, batch_size=10, max_concurrency=_FEEDBACK_CONCURRENCY)
        return queue, function

    def _event_publish(self, platform: Platform) -> LoopFunction:
        function = LoopFunction(
            self,
            "EventPublish",
            platform=platform,
            name="event_publish",
            settings=EventPublishSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                bus_name=platform.bus.event_bus_name,
            ),
            grants=[grant.put_events(platform.bus.event_bus_arn), grant.note_failures(platform.table.table_arn)],
            memory_mb=256,
        )
        outbox = {
            "eventName": FilterRule.is_equal("INSERT"),
            "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "EVENT#"}]}}},
        }
        function.function.add_event_source(
            DynamoEventSource(
                platform.table,
                starting_position=StartingPosition.TRIM_HORIZON,
                batch_size=10,
                bisect_batch_on_error=True,
                retry_attempts=20,
                report_batch_item_failures=True,
                filters=[FilterCriteria.filter(outbox)],
                on_failure=SqsDlq(Queue.from_queue_arn(self, "StreamFailures", platform.failures.queue_arn)),
            )
        )
        return function
