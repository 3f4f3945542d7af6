"""Recompute every hash and count of a version."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from trueup.dataset.diff import changes_between
from trueup.dataset.merkle import merkle_root
from trueup.dataset.segments import Table
from trueup.dataset.segments.cache import SegmentCache
from trueup.dataset.segments.keys import find
from trueup.dataset.versions import COUNTED, Counts, counts_in, counts_of_frames
from trueup.dataset.view import View
from trueup.errors import IntegrityError, ManifestError, NotFoundError
from trueup.model import DatasetVersion, LabelledSample, Segment

Read = Callable[[str], bytes]


def verify(
    version: DatasetVersion,
    read_segment: Read,
    read_document: Callable[[str], bytes],
    payload_name: Callable[[LabelledSample], str] | None = None,
    checkpoint: Sequence[Segment] | None = None,
) -> list[str]:
    """Sentences about what is wrong; an empty list means that everything holds.

    `payload_name` recomputes a sample's id from its stored payload; without it payloads are not read. `checkpoint` is
    to hold what the version holds. A few segments are in memory at a time.
    """
    problems = document_problems(version, read_document)
    once = SegmentCache()
    for segment in dict.fromkeys([*version.segments, *(checkpoint or ())]):
        problems += segment_problems(segment, read_segment, once)
    if not problems:
        view = View(version, read_segment, cache=once)
        problems += _content_problems(version, view)
        problems += _payload_problems(view, payload_name) if payload_name else []
        problems += _checkpoint_problems(view, View(version, read_segment, checkpoint, once)) if checkpoint else []
    return [f"version {version.number}: {each}" for each in problems]


def document_problems(version: DatasetVersion, read: Callable[[str], bytes]) -> list[str]:
    """What is wrong with a version's document: its name, and the root that it tells of its segments."""
    try:
        data = read(version.version_id)
    except NotFoundError:
        return [f"the document {version.version_id[:12]} is missing"]
    if hashlib.sha256(data).hexdigest() != version.version_id:
        return [f"the document {version.version_id[:12]} does not hash to its name"]
    root = merkle_root([each.sha256 for each in version.segments])
    return [] if version.root == root else [f"root says {version.root}, but that of the segments is {root}"]


def segment_problems(segment: Segment, read: Read, cache: SegmentCache) -> list[str]:
    """What is wrong with a segment: its name, its size, its order, its ends."""
    name = segment.sha256[:12]

    def hashed(sha256: str) -> bytes:
        data = read(sha256)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise IntegrityError("does not hash to its name")
        return data

    try:
        table = cache.open(segment.sha256, hashed)
        problems = _table_problems(segment, table)
    except NotFoundError:
        problems = ["is missing"]
    except IntegrityError:
        problems = ["does not hash to its name"]
    except ManifestError as error:
        problems = [f"cannot be read: {error}"]
    return [f"segment {name} {each}" for each in problems]


def _table_problems(segment: Segment, table: Table) -> list[str]:
    held = table.rows + table.removed
    found = []
    if (held, table.size) != (segment.samples, segment.bytes):
        found.append(f"holds {held} samples in {table.size} bytes, not {segment.samples} in {segment.bytes}")
    if not (table.keys.ascend() and table.gone_keys.ascend()):
        found.append("is not in the order of its sample ids")
    elif (find(table.keys, table.gone_keys) >= 0).any():
        found.append("both holds and removes a sample")
    elif segment.first and table.ends() != (segment.first, segment.last):
        found.append(f"reaches from {' to '.join(table.ends())}, not from {segment.first} to {segment.last}")
    return found


def _content_problems(version: DatasetVersion, view: View) -> list[str]:
    try:
        real = counts_of_frames(view.frames(COUNTED))
    except ManifestError as error:
        return [f"a segment cannot be read: {error}"]
    return count_problems(version, real)


def count_problems(version: DatasetVersion, real: Counts) -> list[str]:
    """Where a version's figures are not those of its samples."""
    said = counts_in(version)
    found = [(name, getattr(said, name), getattr(real, name)) for name in said.__struct_fields__]
    return [f"{name} says {one}, but the segments hold {other}" for name, one, other in found if one != other]


def _checkpoint_problems(view: View, checkpoint: View) -> list[str]:
    """Lines are the same, those of versions that set them included."""
    differing = sum(len(each) for each in changes_between(view, checkpoint, exactly=True))
    return [f"its checkpoint says something else of {differing} samples"] if differing else []


def _payload_problems(view: View, payload_name: Callable[[LabelledSample], str]) -> list[str]:
    return [problem for each in view for problem in _of_payload(each, payload_name)]


def _of_payload(sample: LabelledSample, payload_name: Callable[[LabelledSample], str]) -> list[str]:
    try:
        name = payload_name(sample)
    except NotFoundError:
        return [f"the payload of sample {sample.sample_id[:12]} is missing"]
    return [] if name == sample.sample_id else [f"the payload of sample {sample.sample_id[:12]} hashes to {name[:12]}"]
