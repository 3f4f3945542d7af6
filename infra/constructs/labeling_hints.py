"""The webhook of labeling servers: an open route, whose callers show a token that its function knows."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, CfnResource, Duration, Stack
from aws_cdk.aws_apigatewayv2 import CfnStage, HttpApi, HttpMethod
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from aws_cdk.aws_iam import PolicyStatement
from constructs import Construct

from infra import grants as grant
from infra.constructs.loop_function import LoopFunction
from infra.constructs.loop_queue import LoopQueue
from infra.constructs.platform import Platform
from infra.nag import acknowledge
from trueup.settings import HintReceiveSettings, Project

PATH = "/api/projects/{project}/hints"
_TIMEOUT = Duration.seconds(15)
# Of the whole stage's, so that nobody on the internet keeps annotators waiting.
_RATE, _BURST = 20, 40


class LabelingHints(Construct):
    """`functions/hint_receive` and its route; `projects` are those that have settings of a Label Studio server."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        platform: Platform,
        projects: Sequence[Project],
        api: HttpApi,
        stage: CfnStage,
        sync_queue: LoopQueue,
    ) -> None:
        super().__init__(scope, id)
        self.function = LoopFunction(
            self,
            "HintReceive",
            platform=platform,
            name="hint_receive",
            settings=HintReceiveSettings(stage=platform.config.stage, sync_queue_url=sync_queue.queue.queue_url),
            grants=[
                grant.send_to_queues([sync_queue.queue.queue_arn]),
                *read_tokens(Stack.of(self), projects),
            ],
            timeout=_TIMEOUT,
            memory_mb=256,
        )
        integration = HttpLambdaIntegration("HintReceive", self.function.function)
        for each in api.add_routes(path=PATH, methods=[HttpMethod.POST], integration=integration):
            acknowledge(each, "APIG4", "A labeling server has no account here; the function checks its token.")
            route = each.node.default_child
            if isinstance(route, CfnResource):
                stage.add_dependency(route)
        stage.route_settings = {f"POST {PATH}": {"ThrottlingRateLimit": _RATE, "ThrottlingBurstLimit": _BURST}}

    @staticmethod
    def wanted(project: Project) -> bool:
        return project.label_studio is not None


def read_tokens(stack: Stack, projects: Sequence[Project]) -> list[PolicyStatement]:
    """Of the projects' Label Studio servers. Secrets Manager adds six characters to a secret's name."""
    names = sorted({each.label_studio.secret for each in projects if each.label_studio})
    arns = [
        stack.format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{each}-??????",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        for each in names
    ]
    return [grant.read_secrets(arns)] if arns else []
