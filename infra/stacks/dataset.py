"""Where labels become versions: consensus_settle, dataset_commit, and the files that training reads."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk.aws_events import Rule, RuleTargetInput, Schedule
from aws_cdk.aws_s3 import Bucket
from aws_cdk.aws_s3_deployment import BucketDeployment, Source
from constructs import Construct

from infra import grants as grant
from infra.constructs.bulk_versions import BulkVersions
from infra.constructs.loop_function import LoopFunction
from infra.constructs.loop_queue import LoopQueue
from infra.constructs.platform import Platform
from infra.constructs.sample_tables import SampleTables
from infra.packaging import source_bundle
from trueup.settings import (
    ConsensusSettleSettings,
    DatasetCollectSettings,
    DatasetCommitSettings,
    QualityReportSettings,
    render_projects,
)

_TIMEOUT = Duration.minutes(2)
_COLLECT_TIMEOUT = Duration.minutes(15)


class DatasetStack(Stack):
    """`code_uri` is where the SageMaker scripts lie, named by their content."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        platform: Platform,
        annotation_queues: dict[str, LoopQueue],
        scripts: Path,
    ) -> None:
        super().__init__(scope, id)
        self._platform = platform
        self.settle_queue = self._queue("Settle", "AnnotationSubmitted")
        self.commit_queue = self._queue("Commit", "ConsensusReached")
        self._commit_by_schedule()
        self.consensus_settle = self._consensus_settle(annotation_queues)
        self.dataset_commit = self._dataset_commit()
        self.report_queue = LoopQueue(self, "Report", key=platform.key, consumer_timeout=_TIMEOUT)
        self.quality_report = self._quality_report()
        self.collect_queue = LoopQueue(self, "Collect", key=platform.key, consumer_timeout=_COLLECT_TIMEOUT)
        self.dataset_collect = self._dataset_collect()
        self.tables = SampleTables(self, "Tables", platform=platform)
        self.bulk = BulkVersions(self, "BulkVersions", platform=platform)
        self.code_uri = self._publish(scripts)

    def _queue(self, id: str, event_type: str) -> LoopQueue:  # noqa: A002
        queue = LoopQueue(self, id, key=self._platform.key, consumer_timeout=_TIMEOUT)
        queue.fed_by_events(self, event_type, self._platform.bus, [event_type])
        return queue

    def _commit_by_schedule(self) -> None:
        for each in self._platform.config.projects:
            self.commit_queue.fed_by(
                Rule(
                    self,
                    f"CommitSchedule-{each.name}",
                    schedule=Schedule.rate(Duration.minutes(self._platform.config.schedule_minutes)),
                ),
                RuleTargetInput.from_object({"project": each.name, "reason": "schedule"}),
            )

    def _consensus_settle(self, annotation_queues: dict[str, LoopQueue]) -> LoopFunction:
        platform = self._platform
        function = LoopFunction(
            self,
            "ConsensusSettle",
            platform=platform,
            name="consensus_settle",
            settings=ConsensusSettleSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                annotation_queue_urls={name: each.queue.queue_url for name, each in annotation_queues.items()},
            ),
            grants=[
                grant.read_write_table(platform.table.table_arn),
                grant.send_to_queues([each.queue.queue_arn for each in annotation_queues.values()]),
            ],
            timeout=_TIMEOUT,
        )
        function.consumes(self.settle_queue)
        return function

    def _dataset_commit(self) -> LoopFunction:
        platform = self._platform
        function = LoopFunction(
            self,
            "DatasetCommit",
            platform=platform,
            name="dataset_commit",
            settings=DatasetCommitSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                dataset_bucket=platform.dataset.bucket_name,
            ),
            grants=[
                grant.read_write_table(platform.table.table_arn),
                grant.read_objects(platform.dataset.bucket_arn),
                grant.write_objects(platform.dataset.bucket_arn),
                grant.list_bucket(platform.dataset.bucket_arn),
            ],
            timeout=_TIMEOUT,
            memory_mb=1024,
        )
        # Commits of one project race for its head: few at once, many messages each.
        function.consumes(self.commit_queue, batch_size=10, max_concurrency=2)
        return function

    def _quality_report(self) -> LoopFunction:
        """Twelve times as seldom as labels are committed: once an hour by default."""
        platform = self._platform
        for each in platform.config.projects:
            self.report_queue.fed_by(
                Rule(
                    self,
                    f"ReportSchedule-{each.name}",
                    schedule=Schedule.rate(Duration.minutes(12 * platform.config.schedule_minutes)),
                ),
                RuleTargetInput.from_object({"project": each.name}),
            )
        function = LoopFunction(
            self,
            "QualityReport",
            platform=platform,
            name="quality_report",
            settings=QualityReportSettings(stage=platform.config.stage, table_name=platform.table.table_name),
            grants=[grant.read_write_table(platform.table.table_arn)],
            timeout=_TIMEOUT,
            memory_mb=1024,
        )
        function.consumes(self.report_queue, batch_size=1, max_concurrency=2)
        return function

    def _dataset_collect(self) -> LoopFunction:
        """The one function that may delete anything of a dataset: segments and versions' documents, no payload."""
        platform = self._platform
        projects = [each.name for each in platform.config.projects]
        for each in projects:
            schedule = Rule(self, f"CollectSchedule-{each}", schedule=Schedule.rate(Duration.days(1)))
            self.collect_queue.fed_by(schedule, RuleTargetInput.from_object({"project": each}))
        bucket = platform.dataset.bucket_arn
        prefixes = [f"{each}/{folder}/" for each in projects for folder in ("segments", "versions")]
        function = LoopFunction(
            self,
            "DatasetCollect",
            platform=platform,
            name="dataset_collect",
            settings=DatasetCollectSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                dataset_bucket=platform.dataset.bucket_name,
            ),
            grants=[
                grant.read_write_table(platform.table.table_arn),
                *(grant.read_objects(bucket, f"{each}/versions/") for each in projects),
                grant.list_versions(bucket, prefixes),
                grant.delete_versions(bucket, prefixes),
            ],
            timeout=_COLLECT_TIMEOUT,
            memory_mb=1024,
        )
        function.consumes(self.collect_queue, batch_size=1, max_concurrency=2)
        return function

    def _publish(self, scripts: Path) -> str:
        folder, digest = source_bundle(scripts)
        bucket = Bucket.from_bucket_attributes(
            self,
            "Dataset",
            bucket_arn=self._platform.dataset.bucket_arn,
        )
        BucketDeployment(
            self,
            "Publish",
            destination_bucket=bucket,
            sources=[
                Source.asset(str(folder)),
                Source.data("config/projects.json", render_projects(list(self._platform.config.projects)).decode()),
            ],
            prune=False,
        ).handler_role.add_to_principal_policy(grant.use_key(self._platform.key.key_arn))
        return f"s3://{self._platform.dataset.bucket_name}/code/{digest}/sourcedir.tar.gz"
