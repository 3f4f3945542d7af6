"""Language models that answer tasks: each looks for work on the schedule."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk.aws_events import Rule, RuleTargetInput, Schedule
from constructs import Construct

from infra import grants as grant
from infra.constructs.fed_function import FedFunction
from infra.constructs.loop_function import LoopFunction
from infra.constructs.loop_queue import LoopQueue
from infra.constructs.platform import Platform
from trueup.settings import ModelAnnotateSettings, Project

_TIMEOUT = Duration.minutes(5)
# Inference profiles are called <geography>.<model>, and serve from several Regions.
_PROFILE = re.compile(r"(?:us|us-gov|eu|apac|global|jp|au|ca|sa|me)\.(?P<model>.+)")


class ModelAnnotation(FedFunction):
    """`projects` are those with model annotators."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's word
        *,
        platform: Platform,
        projects: Sequence[Project],
        annotation_queues: dict[str, LoopQueue],
    ) -> None:
        super().__init__(scope, id, platform=platform, queue="Models", timeout=_TIMEOUT)
        self._wake(platform, projects)
        self.function = self._function(platform, projects, annotation_queues)

    @staticmethod
    def wanted(project: Project) -> bool:
        return bool(project.annotation.models)

    def _wake(self, platform: Platform, projects: Sequence[Project]) -> None:
        schedule = Schedule.rate(Duration.minutes(platform.config.schedule_minutes))
        for project in projects:
            for each in project.annotation.models:
                self.queue.fed_by(
                    Rule(self, f"Schedule-{project.name}-{each.name}", schedule=schedule),
                    RuleTargetInput.from_object({"project": project.name, "model": each.name}),
                )

    def _function(
        self, platform: Platform, projects: Sequence[Project], annotation_queues: dict[str, LoopQueue]
    ) -> LoopFunction:
        queues = {each.name: annotation_queues[each.name].queue for each in projects}
        return self.works(
            "ModelAnnotate",
            name="model_annotate",
            settings=ModelAnnotateSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                dataset_bucket=platform.dataset.bucket_name,
                annotation_queue_urls={name: each.queue_url for name, each in queues.items()},
            ),
            grants=[
                grant.read_write_table(platform.table.table_arn),
                *[grant.read_objects(platform.dataset.bucket_arn, f"{each.name}/payloads/") for each in projects],
                grant.work_queues([each.queue_arn for each in queues.values()]),
                grant.allow(["bedrock:InvokeModel"], self._models(projects)),
            ],
        )

    def _models(self, projects: Sequence[Project]) -> list[str]:
        ids = sorted({each.model_id for project in projects for each in project.annotation.models})
        return sorted({arn for each in ids for arn in self._arns(each)})

    def _arns(self, model_id: str) -> list[str]:
        """An inference profile needs the model behind it too, in each Region that it may send to."""
        if model_id.startswith("arn:"):
            return [model_id]
        profile = _PROFILE.fullmatch(model_id)
        if profile is None:
            return [self._foundation(model_id, Stack.of(self).region)]
        own = Stack.of(self).format_arn(service="bedrock", resource="inference-profile", resource_name=model_id)
        return [own, self._foundation(profile["model"], "*")]

    def _foundation(self, model_id: str, region: str) -> str:
        return Stack.of(self).format_arn(
            service="bedrock", region=region, account="", resource="foundation-model", resource_name=model_id
        )
