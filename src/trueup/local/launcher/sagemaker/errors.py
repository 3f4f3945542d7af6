"""Errors as SageMaker words them."""

from __future__ import annotations


class AwsError(Exception):
    """An error answer of the API: `code` is AWS's, `status` the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def not_found(kind: str, arn: str) -> AwsError:
    return AwsError("ValidationException", f'Could not find {kind} "{arn}".')


def quota_exceeded(instance: str, quota: int, used: int, asked: int) -> AwsError:
    return AwsError(
        "ResourceLimitExceeded",
        f"The account-level service limit '{instance} for training job usage' is {quota} Instances, with current "
        f"utilization of {used} Instances and a request delta of {asked} Instances. Please use AWS Service Quotas to "
        "request an increase for this quota.",
    )


def in_use(kind: str, arn: str) -> AwsError:
    return AwsError(
        "ResourceInUse", f"{kind} names must be unique within an AWS account and region: {arn} exists already"
    )
