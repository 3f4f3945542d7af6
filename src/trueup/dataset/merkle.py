"""The Merkle tree hash of RFC 9162 (section 2.1.1), over names of segments."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def merkle_root(names: Sequence[str]) -> str:
    """The root (64 hex digits) over SHA-256 names, in their order; that of nothing is the hash of nothing."""
    return _root([hashlib.sha256(b"\0" + bytes.fromhex(each)).digest() for each in names]).hex()


def _root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + _root(leaves[:half]) + _root(leaves[half:])).digest()
