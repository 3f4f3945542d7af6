"""What is too much for one function: a workflow that fans out over the parts of a version."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from constructs import Construct

from infra import grants as grant
from infra.constructs.loop_function import LoopFunction
from infra.constructs.platform import Platform
from infra.constructs.state_machine import may_start_children, state_machine
from trueup.settings import VersionPartSettings

_TIMEOUT = Duration.minutes(15)
# Where parts write, below each project: nothing else of the bucket, and no other one.
_WRITTEN = ("exports", "groups", "reports", "segments", "versions")


class BulkVersions(Construct):
    """`functions/version_part`, and the workflow that calls it for each part."""

    def __init__(self, scope: Stack, id: str, *, platform: Platform) -> None:  # noqa: A002
        super().__init__(scope, id)
        bucket = platform.dataset.bucket_arn
        self.function = LoopFunction(
            self,
            "VersionPart",
            platform=platform,
            name="version_part",
            settings=VersionPartSettings(
                stage=platform.config.stage,
                table_name=platform.table.table_name,
                dataset_bucket=platform.dataset.bucket_name,
            ),
            grants=[
                grant.read_write_table(platform.table.table_arn),
                grant.read_objects(bucket),
                *(grant.write_objects(bucket, f"*/{each}/") for each in _WRITTEN),
                # Of a file that breaks off, S3 would charge for what was uploaded.
                grant.allow(["s3:AbortMultipartUpload"], [f"{bucket}/*/exports/*"]),
                grant.list_bucket(bucket),
            ],
            timeout=_TIMEOUT,
            memory_mb=1769,
        )
        function = self.function.function.function_arn
        self.machine = state_machine(
            scope,
            "Bulk",
            platform=platform,
            workflow="bulk.asl.json",
            grants=[
                grant.allow(["lambda:InvokeFunction"], [function]),
                grant.read_objects(bucket),
                grant.use_key(platform.key.key_arn),
            ],
            substitutions={"VersionPartFunctionArn": function},
        )
        may_start_children(scope, "BulkChildren", self.machine)
