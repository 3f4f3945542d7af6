"""Receipts are signed by an asymmetric key of KMS, which never leaves it."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from botocore.exceptions import ClientError

from trueup.adapters.aws.errors import code_of, translated
from trueup.model import Signature
from trueup.ports import ReceiptSigner

ALGORITHM = "ECDSA_SHA_256"
_INVALID = frozenset({"KMSInvalidSignatureException", "KMSInvalidSignature"})


class KmsReceiptSigner(ReceiptSigner):
    """`key_arn` is an ECC_NIST_P256 key for signing."""

    def __init__(self, client: Any, key_arn: str) -> None:
        self._client = client
        self._key_arn = key_arn

    def sign(self, digest: bytes) -> Signature:
        with translated(f"signing with {self._key_arn}"):
            answer = self._client.sign(
                KeyId=self._key_arn, Message=digest, MessageType="DIGEST", SigningAlgorithm=ALGORITHM
            )
        value = base64.b64encode(answer["Signature"]).decode()
        return Signature(key=self._key_arn, algorithm=ALGORITHM, value=value)

    def holds(self, digest: bytes, signature: Signature) -> bool:
        """One of another key is not ours, whoever signed it."""
        if signature.key != self._key_arn or signature.algorithm != ALGORITHM:
            return False
        try:
            value = base64.b64decode(signature.value, validate=True)
        except binascii.Error:
            return False
        return bool(value) and self._verified(digest, value)

    def _verified(self, digest: bytes, value: bytes) -> bool:
        with translated(f"checking a signature of {self._key_arn}"):
            try:
                answer = self._client.verify(
                    KeyId=self._key_arn,
                    Message=digest,
                    MessageType="DIGEST",
                    Signature=value,
                    SigningAlgorithm=ALGORITHM,
                )
            except ClientError as error:
                if code_of(error) in _INVALID:
                    return False
                raise
        return bool(answer["SignatureValid"])
