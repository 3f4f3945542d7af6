"""What deletion needs of AWS: a key that signs receipts, and a policy for whoever may delete.

Nobody has the policy by itself, and no function may delete a payload: it is attached to a role of the people who answer
for personal data.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk.aws_iam import ManagedPolicy
from aws_cdk.aws_kms import Key, KeySpec, KeyUsage
from aws_cdk.aws_s3 import Bucket
from constructs import Construct

from infra import grants as grant
from infra.config import DeploymentConfig
from trueup.settings import ATHENA_ANSWERS, copies_of, deployment_parameter

_OBJECTS = ("GetObject", "GetObjectVersion", "PutObject", "DeleteObject", "DeleteObjectVersion")


class Deletion(Construct):
    """`table_arn`, `key` and `buckets` are what the deployment's data lies in."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's word
        *,
        config: DeploymentConfig,
        table_arn: str,
        key: Key,
        dataset: Bucket,
        captures: Bucket,
        removal: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        self.key = Key(
            self,
            "ReceiptKey",
            key_spec=KeySpec.ECC_NIST_P256,
            key_usage=KeyUsage.SIGN_VERIFY,
            description=f"Signs receipts of deletions of trueup, stage {config.stage}",
            removal_policy=removal,
        )
        projects = [each.name for each in config.projects]
        self.policy = ManagedPolicy(
            self,
            "Policy",
            description=f"Forget people's data in trueup, stage {config.stage}: for a role of those who answer for it",
            statements=[
                grant.read_write_table(table_arn),
                grant.allow(
                    ["s3:ListBucket", "s3:ListBucketVersions"], [each.bucket_arn for each in (dataset, captures)]
                ),
                grant.allow([f"s3:{each}" for each in _OBJECTS], _objects((dataset, captures), projects)),
                grant.allow([f"s3:{each}" for each in _OBJECTS], _tables(dataset, projects)),
                grant.allow(["s3:GetObject"], [f"{dataset.bucket_arn}/config/projects.json"]),
                grant.use_key(key.key_arn),
                grant.allow(["kms:Sign", "kms:Verify"], [self.key.key_arn]),
                grant.allow(["ssm:GetParameter"], [self._parameters(config)]),
                grant.allow(
                    ["sagemaker:DescribeEndpoint"], [self._endpoint(each.endpoint_name) for each in config.projects]
                ),
                grant.allow(
                    ["sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"],
                    [self._sagemaker("endpoint-config/*"), self._sagemaker("model/*")],
                ),
            ],
        )

    def _parameters(self, config: DeploymentConfig) -> str:
        folder = deployment_parameter(config.stage).removeprefix("/").rpartition("/")[0]
        return Stack.of(self).format_arn(service="ssm", resource="parameter", resource_name=f"{folder}/*")

    def _endpoint(self, name: str) -> str:
        return self._sagemaker(f"endpoint/{name.lower()}")

    def _sagemaker(self, resource: str) -> str:
        return Stack.of(self).format_arn(service="sagemaker", resource=resource, arn_format=ArnFormat.NO_RESOURCE_NAME)


def _objects(buckets: Sequence[Bucket], projects: Sequence[str]) -> list[str]:
    return [f"{bucket.bucket_arn}/{name}/*" for bucket in buckets for name in projects]


def _tables(dataset: Bucket, projects: Sequence[str]) -> list[str]:
    """Segments as Athena reads them, and what it answered."""
    copies = [f"{dataset.bucket_arn}/{copies_of(name)}*" for name in projects]
    return [*copies, f"{dataset.bucket_arn}/{ATHENA_ANSWERS}*"]
