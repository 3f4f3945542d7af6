"""Tokens in Secrets Manager, and what is derived of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from tests.contract.implementations import clients_of_moto
from tests.integration.stand_ins import Scripted, refusal
from trueup.adapters.aws.secrets import DerivedToken, Secret
from trueup.errors import ConfigurationError, NotFoundError, PermissionDeniedError

NAME = "trueup/label-studio"
TOKEN = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield clients_of_moto()["secretsmanager"]


@pytest.mark.parametrize(
    "text", [TOKEN, f"{TOKEN}\n", f'{{"token": "{TOKEN}"}}', f' {{"url": "https://ls", "token": " {TOKEN} "}}']
)
def test_a_token_is_the_text_or_a_part_of_it(client: Any, text: str) -> None:
    client.create_secret(Name=NAME, SecretString=text)
    assert Secret(client, NAME).value() == TOKEN


@pytest.mark.parametrize(
    "text", [" ", "{}", "{", '{"token": ""}', '{"token": null}', '{"token": 7}', '{"token": {}}', '{"key": "value"}']
)
def test_a_secret_without_a_token_is_told(client: Any, text: str) -> None:
    client.create_secret(Name=NAME, SecretString=text)
    with pytest.raises(ConfigurationError, match=f"the secret {NAME} holds no token: store the token"):
        Secret(client, NAME).value()


def test_a_secret_of_bytes_is_told(client: Any) -> None:
    client.create_secret(Name=NAME, SecretBinary=b"token")
    with pytest.raises(ConfigurationError, match="holds no token"):
        Secret(client, NAME).value()


def test_a_secret_that_is_missing_is_not_found(client: Any) -> None:
    with pytest.raises(NotFoundError, match=f"reading the secret {NAME}: .*find the specified secret"):
        Secret(client, NAME).value()


def test_a_secret_that_we_may_not_read_is_told() -> None:
    denied = refusal("AccessDeniedException", "not authorized to perform: secretsmanager:GetSecretValue")
    with pytest.raises(PermissionDeniedError, match=f"reading the secret {NAME}: .*not authorized"):
        Secret(Scripted(denied), NAME).value()


def test_a_secret_is_read_once_until_it_is_asked_for_afresh(client: Any) -> None:
    client.create_secret(Name=NAME, SecretString="old")
    secret = Secret(client, NAME)
    assert secret.value() == "old"
    client.put_secret_value(SecretId=NAME, SecretString="new")
    assert (secret.value(), secret.value(fresh=True), secret.value()) == ("old", "new", "new")


def test_a_derived_token_is_of_its_place_and_does_not_tell_the_secret(client: Any) -> None:
    client.create_secret(Name=NAME, SecretString=TOKEN)
    places = ("prod/pets", "prod/birds", "test/pets")
    found = [DerivedToken(Secret(client, NAME), each).value() for each in places]
    assert found == [DerivedToken(Secret(client, NAME), each).value() for each in places]
    assert len(set(found)) == 3
    # A header that Label Studio takes; HMAC-SHA256 of the secret in hexadecimal digits.
    assert all(len(each) == 64 and set(each) <= set("0123456789abcdef") for each in found)
    assert all(TOKEN not in each for each in found)
    client.put_secret_value(SecretId=NAME, SecretString="rotated")
    assert DerivedToken(Secret(client, NAME), places[0]).value() != found[0]
