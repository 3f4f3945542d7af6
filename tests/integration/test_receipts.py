"""A receipt is checked by whoever has the public key, without trueup and without AWS."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from tests.integration.stand_ins import refusal
from tests.unit.usecases.test_forget_samples import ANNA, brings
from tests.worlds import Loop
from trueup.adapters.aws.signing import KmsReceiptSigner
from trueup.dataset.receipts import receipt_problems
from trueup.errors import PermissionDeniedError
from trueup.usecases.resolve_subject import Wish

ARN = "arn:aws:kms:us-east-1:111122223333:key/receipts"


class Kms:
    """Signs as KMS documents it. moto takes a digest for a message and hashes it once more."""

    def __init__(self) -> None:
        self.key = generate_private_key(SECP256R1())

    def sign(self, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> dict[str, Any]:  # noqa: N803
        assert (KeyId, MessageType, SigningAlgorithm) == (ARN, "DIGEST", "ECDSA_SHA_256")
        return {"Signature": self.key.sign(Message, ECDSA(Prehashed(SHA256())))}

    def verify(self, Signature: bytes, **request: Any) -> dict[str, Any]:  # noqa: N803
        try:
            self.key.public_key().verify(Signature, request["Message"], ECDSA(Prehashed(SHA256())))
        except InvalidSignature as error:
            raise refusal("KMSInvalidSignatureException", operation="Verify") from error
        return {"SignatureValid": True}


class Locked(Kms):
    def verify(self, Signature: bytes, **request: Any) -> dict[str, Any]:  # noqa: N803
        raise refusal("AccessDeniedException", operation="Verify")


def test_the_public_key_alone_tells_whether_a_receipt_is_as_it_was_signed() -> None:
    kms, loop = Kms(), Loop()
    signer = KmsReceiptSigner(kms, ARN)
    brings(loop, (ANNA, "her cat", "cat"))
    dataclasses.replace(loop.forget, signer=signer)(Wish(project="pets", subject=ANNA), by="operator:dpo")
    (entry,) = loop.receipts.entries("pets")
    data = loop.receipts.read(entry.uri)
    assert receipt_problems(data, entry, None, signer.holds) == []
    value = base64.b64decode(json.loads(data)["signature"]["value"])
    receipt = data[len(b'{"receipt":') : data.index(b',"signature":')]
    assert json.loads(receipt)["by"] == "operator:dpo"
    kms.key.public_key().verify(value, receipt, ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        kms.key.public_key().verify(value, receipt.replace(b"dpo", b"eve"), ECDSA(SHA256()))


def test_who_may_not_check_is_told_so_and_not_that_it_is_wrong() -> None:
    signer = KmsReceiptSigner(Locked(), ARN)
    with pytest.raises(PermissionDeniedError):
        signer.holds(bytes(32), signer.sign(bytes(32)))
