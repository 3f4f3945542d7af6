"""What a role may do, as policy statements on named resources: the narrowest that each use needs."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk.aws_iam import PolicyStatement


def read_write_table(table_arn: str) -> PolicyStatement:
    """Items and the index of the table; no scan, no table administration."""
    actions = ["BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"]
    return allow([f"dynamodb:{each}" for each in actions], [table_arn, f"{table_arn}/index/gsi1"])


def read_table(table_arn: str) -> PolicyStatement:
    actions = ["BatchGetItem", "GetItem", "Query"]
    return allow([f"dynamodb:{each}" for each in actions], [table_arn, f"{table_arn}/index/gsi1"])


def note_failures(table_arn: str) -> PolicyStatement:
    """Write failure notes, and no other item."""
    return PolicyStatement(
        actions=["dynamodb:PutItem"],
        resources=[table_arn],
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["FAILURE#*"]}},
    )


def read_objects(bucket_arn: str, prefix: str = "") -> PolicyStatement:
    return allow(["s3:GetObject"], [f"{bucket_arn}/{prefix}*"])


def write_objects(bucket_arn: str, prefix: str = "") -> PolicyStatement:
    return allow(["s3:PutObject"], [f"{bucket_arn}/{prefix}*"])


def delete_versions(bucket_arn: str, prefixes: Sequence[str]) -> PolicyStatement:
    """Delete single writings of objects for good, by their version. DeleteObjects asks for DeleteObject, too:
    docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html."""
    return allow(["s3:DeleteObject", "s3:DeleteObjectVersion"], [f"{bucket_arn}/{each}*" for each in prefixes])


def list_versions(bucket_arn: str, prefixes: Sequence[str]) -> PolicyStatement:
    return PolicyStatement(
        actions=["s3:ListBucketVersions"],
        resources=[bucket_arn],
        conditions={"StringLike": {"s3:prefix": list(prefixes)}},
    )


def list_bucket(bucket_arn: str) -> PolicyStatement:
    return allow(["s3:ListBucket"], [bucket_arn])


def use_key(key_arn: str) -> PolicyStatement:
    return allow(["kms:Decrypt", "kms:GenerateDataKey"], [key_arn])


def decrypt(key_arns: Sequence[str]) -> PolicyStatement:
    return allow(["kms:Decrypt"], key_arns)


def work_queues(queue_arns: Sequence[str]) -> PolicyStatement:
    """Send, take, hold, and finish messages."""
    actions = ["ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "ReceiveMessage", "SendMessage"]
    return allow([f"sqs:{each}" for each in actions], queue_arns)


def send_to_queues(queue_arns: Sequence[str]) -> PolicyStatement:
    return allow(["sqs:SendMessage"], queue_arns)


def put_events(bus_arn: str) -> PolicyStatement:
    return allow(["events:PutEvents"], [bus_arn])


def start_execution(machine_arn: str) -> PolicyStatement:
    return allow(["states:StartExecution"], [machine_arn])


def pass_role(role_arn: str) -> PolicyStatement:
    """Hand a role to SageMaker and to nobody else."""
    return PolicyStatement(
        actions=["iam:PassRole"],
        resources=[role_arn],
        conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    )


def read_secrets(arns: Sequence[str]) -> PolicyStatement:
    return allow(["secretsmanager:GetSecretValue"], arns)


def allow(actions: Sequence[str], resources: Sequence[str]) -> PolicyStatement:
    return PolicyStatement(actions=list(actions), resources=list(resources))
