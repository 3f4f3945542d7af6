"""Acknowledged cdk-nag findings: each with the reason that a reviewer would ask for.

IAM5 is acknowledged finding by finding: the table below says where wildcards are accepted and why, and each
wildcard found there is named to cdk-nag as cdk-nag names it. A wildcard anywhere else is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aws_cdk import Acknowledgment, CfnResource, Stack, Validations
from aws_cdk.aws_iam import CfnPolicy
from constructs import IConstruct

_CDK_OWN = "CDK's own provider, which ships with the framework and runs only while deploying."
_FUNCTION = (
    "X-Ray takes no resource; objects are those of our own buckets, of all projects, and of the buckets that a project "
    "names; endpoint configurations, models and packages carry the names that their owners gave them; an "
    "inference profile serves from several Regions."
)
_WILDCARDS: tuple[tuple[str, str], ...] = (
    (r"Custom::CDKBucketDeployment|BucketNotificationsHandler|AWS679f53fac002430cb0da5b7982bd2287", _CDK_OWN),
    (r"LogGroupPolicy", "Log resource policies belong to the account, not to a resource."),
    (
        r"SageMakerRole",
        "SageMaker names its own log groups; ecr:GetAuthorizationToken and cloudwatch:PutMetricData take no "
        "resource; images come from AWS's or the team's registry; objects are those of our own buckets.",
    ),
    (r"LabelingRole", "Labeling jobs read payloads and write answers of every project of the bucket."),
    (
        r"BackfillRole|BackfillChildren|BulkRole|BulkChildren",
        "A Distributed Map's executions are named by Step Functions; X-Ray and log delivery take no resource; parts "
        "are of every project of the bucket.",
    ),
    (
        r"RetrainingRole|PromotionRole",
        "Jobs, models and endpoint configurations are named trueup-<project>-<run> by the plan; X-Ray and log "
        "delivery take no resource; alarms may be the team's own.",
    ),
    (r"/Role/DefaultPolicy", _FUNCTION),
)


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept a finding of an AwsSolutions rule on a construct and what it contains."""
    for node in construct.node.find_all():
        if CfnResource.is_cfn_resource(node):
            Validations.of(node).acknowledge(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason))


def explain_providers(stacks: list[Stack]) -> None:
    """CDK's own deploy-time functions: their managed policy and runtime are the framework's to choose."""
    for stack in stacks:
        for node in stack.node.find_all():
            if CfnResource.is_cfn_resource(node) and re.search(_WILDCARDS[0][0], node.node.path):
                basic = "arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
                for rule in (f"IAM4[Policy::{basic}]", "L1"):
                    identifier = f"AwsSolutions::AwsSolutions-{rule}"
                    Validations.of(node).acknowledge(Acknowledgment(id=identifier, reason=_CDK_OWN))


def explain_wildcards(stacks: list[Stack], imports: Mapping[str, str]) -> None:
    """Acknowledge the wildcards of the policies that the table names. `imports` maps an attribute of another
    stack ("<LogicalId.Arn>") to the export that it is read by."""
    for stack in stacks:
        for node in stack.node.find_all():
            if not isinstance(node, CfnPolicy):
                continue
            reason = next((why for pattern, why in _WILDCARDS if re.search(pattern, node.node.path)), None)
            if reason is None:
                continue
            for finding in sorted(set(_findings(stack.resolve(node.policy_document), imports))):
                identifier = f"AwsSolutions::AwsSolutions-IAM5[{finding}]"
                Validations.of(node).acknowledge(Acknowledgment(id=identifier, reason=reason))


def _findings(document: Mapping[str, Any], imports: Mapping[str, str]) -> Iterator[str]:
    for statement in document["Statement"]:
        for action in _as_list(statement["Action"]):
            if "*" in action:
                yield f"Action::{action}"
        for resource in _as_list(statement.get("Resource", [])):
            text = _flat(resource, imports)
            if "*" in text:
                yield f"Resource::{text}"


def _flat(value: Any, imports: Mapping[str, str]) -> str:
    """A CloudFormation value as cdk-nag writes it."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator.join(_flat(each, imports) for each in parts))
    if "Ref" in value:
        return f"<{value['Ref']}>"
    if "Fn::ImportValue" in value:
        return str(value["Fn::ImportValue"])
    if "Fn::GetAtt" in value:
        name = f"<{'.'.join(value['Fn::GetAtt'])}>"
        return imports.get(name, name)
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([^}]+)\}", r"<\1>", value["Fn::Sub"])
    return str(value)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
