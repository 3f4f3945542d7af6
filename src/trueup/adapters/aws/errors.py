"""AWS errors become ours, once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from trueup.errors import NotFoundError, PermissionDeniedError, RetryableError, ServiceError

_PASSING = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "KMSThrottlingException",
        "LimitExceededException",
        "OperationAborted",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound", "ResourceNotFound", "ResourceNotFoundException"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn botocore's errors into RetryableError, NotFoundError, PermissionDeniedError or ServiceError.

    `what` says what was being done, in words for an operator. Conditional failures are the caller's to handle
    before they get here.
    """
    try:
        yield
    except ClientError as error:
        raise _ours(error, what) from error
    except (BotoConnectionError, HTTPClientError) as error:
        raise RetryableError(f"{what}: {error}") from error
    except BotoCoreError as error:
        raise ServiceError(f"{what}: {error}") from error


def _ours(error: ClientError, what: str) -> Exception:
    code = code_of(error)
    message = f"{what}: {code}: {error.response.get('Error', {}).get('Message', error)}"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _PASSING or status >= 500:
        return RetryableError(message)
    if code in _MISSING:
        return NotFoundError(message)
    return PermissionDeniedError(message) if code in _DENIED else ServiceError(message)
