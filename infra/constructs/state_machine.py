"""A Step Functions workflow of infra/workflows/ with a role of its own, logs, and traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk.aws_iam import Policy, PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_kms import Key
from aws_cdk.aws_logs import LogGroup
from aws_cdk.aws_stepfunctions import DefinitionBody, LogLevel, LogOptions, StateMachine

from infra import grants as grant
from infra.constructs.loop_function import retention_of
from infra.constructs.platform import Platform

WORKFLOWS = Path(__file__).resolve().parent.parent / "workflows"


def state_machine(
    stack: Stack,
    id: str,  # noqa: A002 - CDK's word
    *,
    platform: Platform,
    workflow: str,
    grants: Sequence[PolicyStatement],
    substitutions: Mapping[str, str],
) -> StateMachine:
    """`workflow` is the file's name; `substitutions` fill its ${…}."""
    role = Role(
        stack,
        f"{id}Role",
        assumed_by=ServicePrincipal(
            "states.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}
        ),
    )
    for each in grants:
        role.add_to_policy(each)
    logs = LogGroup(
        stack,
        f"{id}Logs",
        retention=retention_of(platform.config.log_retention_days),
        encryption_key=Key.from_key_arn(stack, f"{id}Key", platform.key.key_arn),
        removal_policy=RemovalPolicy.DESTROY if platform.config.destroy else RemovalPolicy.RETAIN,
    )
    return StateMachine(
        stack,
        id,
        definition_body=DefinitionBody.from_file(str(WORKFLOWS / workflow)),
        definition_substitutions=dict(substitutions),
        role=role,
        logs=LogOptions(destination=logs, level=LogLevel.ALL, include_execution_data=False),
        tracing_enabled=True,
    )


def may_start_children(stack: Stack, id: str, machine: StateMachine) -> None:  # noqa: A002 - CDK's word
    """A Distributed Map starts executions of its own machine. The machine's role comes before it, so these grants come
    after both."""
    children = stack.format_arn(
        service="states",
        resource="execution",
        resource_name=f"{machine.state_machine_name}/*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    statements = [
        grant.start_execution(machine.state_machine_arn),
        grant.allow(["states:DescribeExecution", "states:StopExecution"], [children]),
    ]
    machine.role.attach_inline_policy(Policy(stack, id, statements=statements))
