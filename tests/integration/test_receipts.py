"""A receipt is checked by whoever has the public key, without trueup and without AWS."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from moto import mock_aws

from tests.contract.forgetting import CONFIG, forgets_on_aws
from tests.contract.implementations import clients_of_moto
from tests.worlds import NOW
from trueup.adapters.memory import FixedClock
from trueup.model import LabelledSample
from trueup.usecases.making_versions import MakeVersion, Proposal
from trueup.usecases.resolve_subject import Wish


def test_the_public_key_alone_tells_whether_a_receipt_is_as_it_was_signed() -> None:
    with mock_aws():
        forgets = forgets_on_aws()
        line = LabelledSample(
            sample_id="a" * 64, label="cat", split="test", group="anna", content_type="text/plain", payload_uri=""
        )
        make = MakeVersion(datasets=forgets.ports.datasets, clock=FixedClock(NOW))
        make(CONFIG, lambda _: Proposal(changes=[line]), "test")
        forgets.forget(Wish(project="pets", subject="anna"), by="operator:dpo")
        (entry,) = forgets.receipts.entries("pets")
        data = forgets.receipts.read(entry.uri)
        signature = json.loads(data)["signature"]
        public = clients_of_moto()["kms"].get_public_key(KeyId=signature["key"])["PublicKey"]
    key = load_der_public_key(public)
    assert isinstance(key, EllipticCurvePublicKey)
    receipt = data[len(b'{"receipt":') : data.index(b',"signature":')]
    assert json.loads(receipt)["samples"] == ["a" * 64]
    key.verify(base64.b64decode(signature["value"]), receipt, ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature["value"]), receipt.replace(b"dpo", b"eve"), ECDSA(SHA256()))
