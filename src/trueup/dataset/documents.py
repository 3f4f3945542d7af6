"""A version's document, and what a version is called by. Whoever only looks versions up needs nothing else."""

from __future__ import annotations

import hashlib
import re

import msgspec

from trueup.errors import IntegrityError
from trueup.model import DatasetVersion

# Digits of a version's id that an operator must give at least.
MIN_PREFIX = 6
_NUMBER = re.compile(r"v?([0-9]{1,9})")


def document(version: DatasetVersion) -> bytes:
    """The version's document: deterministic JSON without its own name, whose SHA-256 is that name."""
    return msgspec.json.encode(msgspec.structs.replace(version, version_id=""), order="deterministic")


def version_id_of(version: DatasetVersion) -> str:
    return hashlib.sha256(document(version)).hexdigest()


def read_document(data: bytes, version_id: str) -> DatasetVersion:
    """Raises IntegrityError when the bytes do not hash to `version_id`."""
    if hashlib.sha256(data).hexdigest() != version_id:
        raise IntegrityError(f"the document of version {version_id[:12]} does not hash to its name")
    return msgspec.structs.replace(msgspec.json.decode(data, type=DatasetVersion), version_id=version_id)


def version_number(text: str) -> int | None:
    """The number in "7" or "v7"; None when `text` is no version number."""
    found = _NUMBER.fullmatch(text)
    return int(found[1]) if found else None
