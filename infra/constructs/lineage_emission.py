"""Lineage for others: versions, retrainings and promotions in OpenLineage's words, and in SageMaker's own graph."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk.aws_iam import PolicyStatement
from constructs import Construct

from infra import grants as grant
from infra.constructs.fed_function import FedFunction
from infra.constructs.loop_function import LoopFunction
from infra.constructs.platform import Platform
from trueup.settings import LineageEmitSettings, Project

# A server that does not answer is asked four times, ten seconds each.
_TIMEOUT = Duration.minutes(2)
HEARD = ("VersionCommitted", "RetrainingStarted", "RetrainingConcluded", "ModelPromoted", "PromotionFailed")


class LineageEmission(FedFunction):
    """`projects` are those that want to tell somebody."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's word
        *,
        platform: Platform,
        projects: Sequence[Project],
    ) -> None:
        super().__init__(scope, id, platform=platform, queue="Told", timeout=_TIMEOUT)
        self.hears("Events", HEARD, projects)
        self.function = self._function(platform, projects)

    @staticmethod
    def wanted(project: Project) -> bool:
        return project.lineage.sagemaker or project.lineage.openlineage is not None

    def _function(self, platform: Platform, projects: Sequence[Project]) -> LoopFunction:
        stack = Stack.of(self)
        return self.works(
            "LineageEmit",
            name="lineage_emit",
            settings=LineageEmitSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                dataset_bucket=platform.dataset.bucket_name,
                captures_bucket=platform.captures.bucket_name,
                bus_name=platform.bus.event_bus_name,
                sagemaker_arns=f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}",
            ),
            grants=[
                grant.read_table(platform.table.table_arn),
                grant.note_failures(platform.table.table_arn),
                grant.allow(
                    ["s3:GetObject"],
                    [
                        f"{platform.dataset.bucket_arn}/{each.name}/{folder}/*"
                        for each in projects
                        for folder in ("segments", "versions")
                    ],
                ),
                grant.list_bucket(platform.dataset.bucket_arn),
                *self._openlineage(platform, projects),
                *self._sagemaker(platform, projects),
            ],
            max_concurrency=2,
        )

    def _openlineage(self, platform: Platform, projects: Sequence[Project]) -> list[PolicyStatement]:
        sinks = [each.lineage.openlineage for each in projects if each.lineage.openlineage]
        secrets = sorted({each.secret for each in sinks if each.secret})
        found = [grant.read_secrets([self._secret(each) for each in secrets])] if secrets else []
        if any(each.transport == "eventbridge" for each in sinks):
            found.append(grant.put_events(platform.bus.event_bus_arn))
        return found

    def _secret(self, name: str) -> str:
        """Secrets Manager adds six characters to a secret's name."""
        return Stack.of(self).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{name}-??????",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def _sagemaker(self, platform: Platform, projects: Sequence[Project]) -> list[PolicyStatement]:
        """Artifacts are named by chance, contexts and trial components by SageMaker; lists take no resource."""
        if not any(each.lineage.sagemaker for each in projects):
            return []
        stack = Stack.of(self)

        def named(kind: str, name: str) -> str:
            return stack.format_arn(service="sagemaker", resource=kind, resource_name=name)

        artifacts, contexts = named("artifact", "*"), named("context", "*")
        actions = named("action", f"trueup-{platform.config.stage}-*")
        jobs = named("experiment-trial-component", "trueup-*")
        lists = ("ListArtifacts", "ListContexts", "ListTrialComponents", "ListAssociations")
        return [
            grant.allow([f"sagemaker:{each}Artifact" for each in ("Create", "Describe", "Update")], [artifacts]),
            grant.allow([f"sagemaker:{each}Action" for each in ("Create", "Describe", "Update")], [actions]),
            grant.allow(["sagemaker:CreateContext"], [contexts]),
            grant.allow(["sagemaker:AddAssociation"], [artifacts, actions, contexts, jobs]),
            grant.allow([f"sagemaker:{each}" for each in lists], ["*"]),
        ]
