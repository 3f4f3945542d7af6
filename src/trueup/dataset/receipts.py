"""Receipts of deletions: what is signed, and whether a chain of them holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from trueup.errors import ManifestError
from trueup.model import Receipt, ReceiptEntry, Signature, SignedReceipt


def digest_of(receipt: Receipt) -> bytes:
    """The SHA-256 of its deterministic JSON: what is signed."""
    return hashlib.sha256(msgspec.json.encode(receipt, order="deterministic")).digest()


def encode_receipt(signed: SignedReceipt) -> bytes:
    """The bytes that are stored, whose SHA-256 the next receipt names."""
    return msgspec.json.encode(signed, order="deterministic")


def read_receipt(data: bytes) -> SignedReceipt:
    """Raises ManifestError for what is no receipt, or one whose bytes are not those that were stored."""
    try:
        signed = msgspec.json.decode(data, type=SignedReceipt)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ManifestError(f"this is no receipt of a deletion: {error}", field="receipt") from error
    if encode_receipt(signed) != data.rstrip(b"\n"):
        raise ManifestError("this receipt is not as it was stored: something was added or written anew")
    return signed


def subject_hash(salt: str, kind: str, names: Sequence[str]) -> str:
    """A subject or samples, told by nobody who does not know them: SHA-256 of the salt and the names in order."""
    return hashlib.sha256("\0".join([salt, kind, *sorted(names)]).encode()).hexdigest()


def is_about(receipt: Receipt, names: Sequence[str]) -> bool:
    """Whether a receipt is that of this subject, or of exactly these samples."""
    return receipt.subject_sha256 == subject_hash(receipt.salt, receipt.kind, names)


def receipt_problems(
    data: bytes, entry: ReceiptEntry, before: ReceiptEntry | None, holds: Callable[[bytes, Signature], bool]
) -> list[str]:
    """What is wrong with a stored receipt, as a link of the chain."""
    try:
        signed = read_receipt(data)
    except ManifestError as error:
        return [f"receipt {entry.number}: {error}"]
    receipt = signed.receipt
    previous = before.sha256 if before else ""
    checks = {
        "is not the one that the chain names": hashlib.sha256(data.rstrip(b"\n")).hexdigest() == entry.sha256,
        f"says that it is number {receipt.number}": receipt.number == entry.number,
        "does not name the receipt before it": receipt.previous == previous == entry.previous,
        "has a signature that does not hold": holds(digest_of(receipt), signed.signature),
    }
    return [f"receipt {entry.number} {what}" for what, holds_true in checks.items() if not holds_true]
