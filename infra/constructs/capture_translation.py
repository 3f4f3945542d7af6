"""Captures that no endpoint writes: what batch transforms and asynchronous endpoints tell, to capture_translate."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk.aws_events import EventPattern, Rule
from aws_cdk.aws_iam import PolicyStatement
from constructs import Construct

from infra import grants as grant
from infra.constructs.fed_function import FedFunction
from infra.constructs.loop_function import LoopFunction
from infra.constructs.platform import Platform
from trueup.settings import CaptureTranslateSettings, Project

# An EventBridge pattern of keys: SageMaker's capture files end in .jsonl.
MANIFESTS = {"suffix": ".json"}
_TIMEOUT = Duration.minutes(5)
_CONCURRENCY = 10


class CaptureTranslation(FedFunction):
    """`projects` are those with sources; each object of a transform is a message of its own."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's word
        *,
        platform: Platform,
        projects: Sequence[Project],
    ) -> None:
        super().__init__(scope, id, platform=platform, queue="Sources", timeout=_TIMEOUT)
        self.function = self._function(platform, projects)
        self.reads_manifests = any(each.sources.transform for each in projects)
        if self.reads_manifests:
            self.queue.fed_by(self._manifest_written(platform))
        for topic in sorted({topic for each in projects for topic in each.sources.async_topics}):
            names = [each.endpoint_name for each in projects if topic in each.sources.async_topics]
            endpoints = [{"equals-ignore-case": each} for each in names]
            self.queue.hears(topic, {"requestParameters": {"endpointName": endpoints}})

    @staticmethod
    def wanted(project: Project) -> bool:
        return project.sources.on

    def _function(self, platform: Platform, projects: Sequence[Project]) -> LoopFunction:
        return self.works(
            "CaptureTranslate",
            name="capture_translate",
            settings=CaptureTranslateSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                captures_bucket=platform.captures.bucket_name,
                queue_url=self.queue.queue.queue_url,
            ),
            grants=[
                grant.note_failures(platform.table.table_arn),
                grant.read_objects(platform.captures.bucket_arn),
                grant.list_bucket(platform.captures.bucket_arn),
                grant.allow(["s3:PutObject"], [f"{platform.captures.bucket_arn}/*.jsonl"]),
                grant.send_to_queues([self.queue.queue.queue_arn]),
                *self._reading(projects),
            ],
            memory_mb=1024,
            max_concurrency=_CONCURRENCY,
        )

    def _reading(self, projects: Sequence[Project]) -> list[PolicyStatement]:
        """S3 says that an object is gone only to those who may list its bucket."""
        names = sorted({name for each in projects for name in each.sources.buckets})
        keys = sorted({key for each in projects for key in each.sources.keys})
        arns = [Stack.of(self).format_arn(service="s3", region="", account="", resource=name) for name in names]
        objects = [f"{each}/*" for each in arns]
        found = [grant.allow(["s3:GetObject"], objects), grant.allow(["s3:ListBucket"], arns)]
        return [*found, grant.decrypt(keys)] if keys else found

    def _manifest_written(self, platform: Platform) -> Rule:
        detail = {"bucket": {"name": [platform.captures.bucket_name]}, "object": {"key": [MANIFESTS]}}
        pattern = EventPattern(source=["aws.s3"], detail_type=["Object Created"], detail=detail)
        return Rule(self, "ManifestWritten", event_pattern=pattern)
