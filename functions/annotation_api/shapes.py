"""What a route is given and answers, and whom it turns away."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

import msgspec

from trueup.errors import InputError, PermissionDeniedError
from trueup.model import Record

Body = TypeVar("Body")
_MAY_ANNOTATE = frozenset({"annotators", "reviewers", "leads", "admins"})
_FIELD = re.compile(r"`\$\.(\w+)|field `(\w+)`")
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
# In characters; trueup.labels.reading counts its bytes.
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100_000)]
COMMENT_LIMIT = 1000
Remarks = Annotated[str, msgspec.Meta(max_length=COMMENT_LIMIT)]


class CallerDeniedError(PermissionDeniedError):
    """The caller's groups do not allow it; what a use case is denied, the function's own role is."""

    @property
    def code(self) -> str:
        return "PermissionDenied"


class Request(Record, frozen=True, kw_only=True):
    """What a route needs of an API Gateway event (payload format 2.0) behind a JWT authorizer."""

    path: dict[str, str]
    query: Mapping[str, str] = {}
    body: bytes
    annotator: str
    groups: frozenset[str] = frozenset()

    @classmethod
    def of(cls, event: dict[str, Any]) -> Self:
        """Raises InputError (a body that is no base64), CallerDeniedError (in none of the working groups; the pool
        allows no self sign-up)."""
        claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
        groups = _groups(claims.get("cognito:groups", ""))
        if not groups & _MAY_ANNOTATE:
            raise CallerDeniedError("your account is in none of the groups annotators, reviewers, leads, admins")
        return cls(
            path=event.get("pathParameters") or {},
            query=event.get("queryStringParameters") or {},
            body=_body(event),
            annotator=claims["sub"],
            groups=groups,
        )

    def parse(self, kind: type[Body]) -> Body:
        """The body as `kind`. Raises InputError that names the field."""
        try:
            return msgspec.json.decode(self.body or b"{}", type=kind)
        except (ValueError, RecursionError) as error:
            named = _FIELD.search(str(error))
            field = (named[1] or named[2]) if named else "body"
            raise InputError(f"the request body is wrong: {error}", field=field) from error


class Response(Record, frozen=True, kw_only=True):
    body: Any
    status: int = 200
    metric: str = ""


def _groups(claim: str | list[str]) -> frozenset[str]:
    """The JWT authorizer hands a list claim over as "[a b]"."""
    names = claim if isinstance(claim, list) else claim.strip("[]").replace(",", " ").split()
    return frozenset(names)


def _body(event: dict[str, Any]) -> bytes:
    raw = event.get("body") or ""
    try:
        return base64.b64decode(raw, validate=True) if event.get("isBase64Encoded") else raw.encode()
    except ValueError as error:
        raise InputError(f"the request body cannot be read: {error}", field="body") from error
