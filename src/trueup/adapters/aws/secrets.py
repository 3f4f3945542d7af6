"""Secrets of AWS Secrets Manager that the deploying team keeps there."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from trueup.adapters.aws.errors import translated
from trueup.errors import ConfigurationError
from trueup.ports import HintToken


class Secret:
    """The token in a secret: its text, or the `token` of a JSON object. Read when it is first wanted."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._value = ""
        self.name = name

    def value(self, *, fresh: bool = False) -> str:
        """`fresh` reads it again, as after a rotation. Raises NotFoundError, PermissionDeniedError, and
        ConfigurationError for a secret without a token."""
        if fresh or not self._value:
            self._value = self._read()
        return self._value

    def _read(self) -> str:
        with translated(f"reading the secret {self.name}"):
            text = str(self._client.get_secret_value(SecretId=self.name).get("SecretString", "")).strip()
        if text.startswith("{"):
            text = _token_in(text)
        if not text:
            raise ConfigurationError(f'the secret {self.name} holds no token: store the token, or {{"token": "…"}}')
        return text


class DerivedToken(HintToken):
    """What a webhook of one place (stage/project) says: who knows it cannot tell the secret that it is made of."""

    def __init__(self, secret: Secret, place: str) -> None:
        self._secret = secret
        self._place = place

    def value(self) -> str:
        key = self._secret.value().encode()
        return hmac.new(key, f"trueup webhook {self._place}".encode(), hashlib.sha256).hexdigest()


def _token_in(text: str) -> str:
    try:
        found = json.loads(text).get("token")
    except json.JSONDecodeError:
        return ""
    return found.strip() if isinstance(found, str) else ""
