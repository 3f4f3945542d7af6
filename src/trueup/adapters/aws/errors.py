"""AWS errors become ours, once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from trueup.errors import ConflictError, NotFoundError, PermissionDeniedError, RetryableError, ServiceError

_PASSING = frozenset(
    {
        "BandwidthLimitExceeded",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "KMS.ThrottlingException",
        "KMSThrottlingException",
        "KmsThrottled",
        "LimitExceededException",
        "ModelTimeoutException",
        "OperationAborted",
        "OverLimit",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_MISSING = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "ExecutionDoesNotExist",
        "NoSuchBucket",
        "NoSuchKey",
        "NotFound",
        "ParameterNotFound",
        "QueueDoesNotExist",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)
_DENIED = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "KMS.AccessDeniedException",
        "KmsAccessDenied",
        "NotAuthorized",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
_CONFLICTS = frozenset(
    {
        "409",
        "412",
        "ConditionalCheckFailedException",
        "ConditionalRequestConflict",
        "ConflictException",
        "ExecutionAlreadyExists",
        "PreconditionFailed",
        "ResourceInUse",
        "ResourceInUseException",
        "TransactionCanceledException",
        "TransactionConflictException",
    }
)
_TOO_MANY = 429
_SERVERS_FAULT = 500


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def message_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", error))


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn botocore's errors into RetryableError (throttling, 5xx, time-outs), ConflictError (a condition did not
    hold), NotFoundError, PermissionDeniedError or ServiceError (everything else).

    `what` says what was being done, in words for an operator; the service's code and message follow it.
    """
    try:
        yield
    except ClientError as error:
        raise _ours(error, what) from error
    except (BotoConnectionError, HTTPClientError, IncompleteReadError) as error:
        raise RetryableError(f"{what}: {error}") from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
        raise PermissionDeniedError(f"{what}: {error}") from error
    except BotoCoreError as error:
        raise ServiceError(f"{what}: {error}") from error


def _ours(error: ClientError, what: str) -> Exception:
    code = code_of(error)
    message = f"{what}: {error.operation_name}: {code}: {message_of(error)}"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _PASSING or status >= _SERVERS_FAULT or status == _TOO_MANY:
        return RetryableError(message)
    for codes, kind in ((_MISSING, NotFoundError), (_DENIED, PermissionDeniedError), (_CONFLICTS, ConflictError)):
        if code in codes:
            return kind(message)
    return ServiceError(message)
