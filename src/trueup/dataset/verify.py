"""Recompute every hash and count of a version."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from trueup.dataset.merkle import merkle_root
from trueup.dataset.segments import decode
from trueup.dataset.versions import counts_in, counts_of
from trueup.errors import IntegrityError, ManifestError, NotFoundError
from trueup.model import DatasetVersion, LabelledSample, Removal, Segment


def verify(
    version: DatasetVersion,
    read_segment: Callable[[str], bytes],
    read_document: Callable[[str], bytes],
    payload_name: Callable[[LabelledSample], str] | None = None,
) -> list[str]:
    """Sentences about what is wrong; an empty list means that everything holds.

    `payload_name` recomputes a sample's id from its stored payload; without it payloads are not read.
    """
    problems = _document_problems(version, read_document)
    content: dict[str, LabelledSample] = {}
    for segment in version.segments:
        problems += _read(segment, read_segment, content)
    if not problems:
        problems += _count_problems(version, content)
    if payload_name is not None:
        problems += [problem for each in content.values() for problem in _payload_problems(each, payload_name)]
    return [f"version {version.number}: {each}" for each in problems]


def _document_problems(version: DatasetVersion, read: Callable[[str], bytes]) -> list[str]:
    try:
        data = read(version.version_id)
    except NotFoundError:
        return [f"the document {version.version_id[:12]} is missing"]
    if hashlib.sha256(data).hexdigest() != version.version_id:
        return [f"the document {version.version_id[:12]} does not hash to its name"]
    return []


def _read(segment: Segment, read: Callable[[str], bytes], content: dict[str, LabelledSample]) -> list[str]:
    name = segment.sha256[:12]
    try:
        data = read(segment.sha256)
        if hashlib.sha256(data).hexdigest() != segment.sha256:
            return [f"segment {name} does not hash to its name"]
        lines = decode(data)
    except NotFoundError:
        return [f"segment {name} is missing"]
    except (IntegrityError, ManifestError) as error:
        return [f"segment {name}: {error}"]
    for each in lines:
        if isinstance(each, Removal):
            content.pop(each.sample_id, None)
        else:
            content[each.sample_id] = each
    if len(lines) != segment.samples or len(data) != segment.bytes:
        return [
            f"segment {name} holds {len(lines)} samples in {len(data)} bytes, not {segment.samples} in {segment.bytes}"
        ]
    return []


def _count_problems(version: DatasetVersion, content: dict[str, LabelledSample]) -> list[str]:
    said, real = counts_in(version), counts_of(content.values())
    found = [(name, getattr(said, name), getattr(real, name)) for name in said.__struct_fields__]
    found.append(("root", version.root, merkle_root([each.sha256 for each in version.segments])))
    return [f"{name} says {one}, but the segments hold {other}" for name, one, other in found if one != other]


def _payload_problems(sample: LabelledSample, payload_name: Callable[[LabelledSample], str]) -> list[str]:
    try:
        name = payload_name(sample)
    except NotFoundError:
        return [f"the payload of sample {sample.sample_id[:12]} is missing"]
    return [] if name == sample.sample_id else [f"the payload of sample {sample.sample_id[:12]} hashes to {name[:12]}"]
