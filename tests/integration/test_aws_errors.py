"""Errors of AWS and of the network become ours, with the operation and AWS's own words in them."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from tests.integration.stand_ins import refusal
from trueup.adapters.aws.errors import translated
from trueup.errors import ConflictError, NotFoundError, PermissionDeniedError, RetryableError, ServiceError


def told(error: Exception) -> Exception:
    """What comes out when `error` goes in."""
    with pytest.raises(Exception) as caught, translated("doing it"):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ThrottlingException", 400, RetryableError),
        ("ProvisionedThroughputExceededException", 400, RetryableError),
        ("SlowDown", 503, RetryableError),
        ("RequestThrottled", 403, RetryableError),
        ("TransactionInProgressException", 400, RetryableError),
        ("AnythingElse", 500, RetryableError),
        ("AnythingElse", 429, RetryableError),
        ("ConditionalCheckFailedException", 400, ConflictError),
        ("TransactionCanceledException", 400, ConflictError),
        ("PreconditionFailed", 412, ConflictError),
        ("ResourceInUse", 400, ConflictError),
        ("NoSuchKey", 404, NotFoundError),
        ("ResourceNotFoundException", 400, NotFoundError),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, NotFoundError),
        ("AccessDenied", 403, PermissionDeniedError),
        ("AccessDeniedException", 400, PermissionDeniedError),
        ("ExpiredTokenException", 400, PermissionDeniedError),
        ("ValidationException", 400, ServiceError),
        ("ResourceLimitExceeded", 400, ServiceError),
    ],
)
def test_an_answer_of_aws_becomes_ours(code: str, status: int, kind: type[Exception]) -> None:
    error = told(refusal(code, "the reason", status, "PutItem"))
    assert type(error) is kind
    assert str(error) == f"doing it: PutItem: {code}: the reason"


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://sqs"),
        ConnectTimeoutError(endpoint_url="https://sqs"),
        ReadTimeoutError(endpoint_url="https://sqs"),
        ResponseStreamingError(error="reset"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ],
)
def test_trouble_on_the_way_passes(error: Exception) -> None:
    assert type(told(error)) is RetryableError


def test_missing_credentials_and_wrong_requests_do_not_pass() -> None:
    assert type(told(NoCredentialsError())) is PermissionDeniedError
    assert type(told(ParamValidationError(report="no"))) is ServiceError


def test_what_is_not_of_aws_goes_through() -> None:
    error = KeyError("ours")
    with pytest.raises(KeyError) as caught, translated("doing it"):
        raise error
    assert caught.value is error


def test_an_error_without_a_code_is_still_told() -> None:
    assert type(told(ClientError({}, "PutItem"))) is ServiceError
