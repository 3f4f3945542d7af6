"""Recompute every hash and count of a version."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from trueup.dataset.merkle import merkle_root
from trueup.dataset.redaction import is_redacted, redaction_problem
from trueup.dataset.segments import decode
from trueup.dataset.versions import Counts, counts_in, counts_of
from trueup.errors import IntegrityError, ManifestError, NotFoundError
from trueup.model import Change, DatasetVersion, LabelledSample, Redaction, Removal, Segment

# What was forgotten, by segment.
Redactions = Callable[[str], Redaction | None]
# Figures in which every sample counts once; of classes it may count several times, of slices not at all.
_EACH_ONCE = frozenset({"splits", "strategies"})


def verify(
    version: DatasetVersion,
    read_segment: Callable[[str], bytes],
    read_document: Callable[[str], bytes],
    payload_name: Callable[[LabelledSample], str] | None = None,
    redaction: Redactions = lambda _: None,
) -> list[str]:
    """Sentences about what is wrong; an empty list means that everything holds.

    `payload_name` recomputes a sample's id from its stored payload; without it payloads are not read. `redaction` is
    what is recorded of a segment of which samples were forgotten: then the file that stands for it must be the one that
    was recorded, and the version's figures may exceed what is there by as much as was forgotten, and no more.
    """
    problems = _document_problems(version, read_document)
    content: dict[str, Change] = {}
    for segment in version.segments:
        problems += _read(segment, read_segment, content, redaction)
    held = [each for each in content.values() if isinstance(each, LabelledSample)]
    if not problems:
        problems += _count_problems(version, held, sum(map(is_redacted, content.values())))
    if payload_name is not None:
        problems += [problem for each in held for problem in _payload_problems(each, payload_name)]
    return [f"version {version.number}: {each}" for each in problems]


def forgotten_in(versions: Iterable[DatasetVersion], redaction: Redactions) -> list[str]:
    """Sentences about what was forgotten of the versions' segments: why their figures exceed what they hold."""
    holders: dict[str, list[int]] = {}
    for version in versions:
        for segment in version.segments:
            holders.setdefault(segment.sha256, []).append(version.number)
    found = [(each, numbers) for name, numbers in holders.items() if (each := redaction(name)) is not None]
    return [
        f"of segment {each.segment[:12]}, which is in {_from_to(numbers)}, {each.lines} of the lines were forgotten, "
        f"last on {each.at:%Y-%m-%d}"
        for each, numbers in found
    ]


def _from_to(numbers: list[int]) -> str:
    first, last = min(numbers), max(numbers)
    return f"version {first}" if first == last else f"{len(numbers)} versions from {first} to {last}"


def _document_problems(version: DatasetVersion, read: Callable[[str], bytes]) -> list[str]:
    try:
        data = read(version.version_id)
    except NotFoundError:
        return [f"the document {version.version_id[:12]} is missing"]
    if hashlib.sha256(data).hexdigest() != version.version_id:
        return [f"the document {version.version_id[:12]} does not hash to its name"]
    return []


def _read(
    segment: Segment, read: Callable[[str], bytes], content: dict[str, Change], redaction: Redactions
) -> list[str]:
    name = segment.sha256[:12]
    try:
        data = read(segment.sha256)
        problem = _hash_problem(segment, data, redaction)
        if problem is not None:
            return [problem]
        lines = decode(data)
    except NotFoundError:
        return [f"segment {name} is missing"]
    except (IntegrityError, ManifestError) as error:
        return [f"segment {name}: {error}"]
    for each in lines:
        if isinstance(each, Removal) and not is_redacted(each):
            content.pop(each.sample_id, None)
        else:
            content[each.sample_id] = each
    size = segment.bytes if any(map(is_redacted, lines)) else len(data)
    if len(lines) != segment.samples or size != segment.bytes:
        return [
            f"segment {name} holds {len(lines)} samples in {len(data)} bytes, not {segment.samples} in {segment.bytes}"
        ]
    return []


def _hash_problem(segment: Segment, data: bytes, redaction: Redactions) -> str | None:
    found = hashlib.sha256(data).hexdigest()
    if found == segment.sha256:
        return None
    recorded = redaction(segment.sha256)
    if recorded is None:
        return f"segment {segment.sha256[:12]} does not hash to its name"
    return redaction_problem(recorded, found, len(data), decode(data))


def _count_problems(version: DatasetVersion, held: list[LabelledSample], forgotten: int) -> list[str]:
    said, real = counts_in(version), counts_of(held)
    names = said.__struct_fields__
    found = [(name, getattr(said, name), getattr(real, name)) for name in names if _off(name, said, real, forgotten)]
    root = merkle_root([each.sha256 for each in version.segments])
    if version.root != root:
        found.append(("root", version.root, root))
    besides = f", and {forgotten} were forgotten" if forgotten else ""
    return [f"{name} says {one}, but the segments hold {other}{besides}" for name, one, other in found]


def _off(name: str, said: Counts, real: Counts, forgotten: int) -> bool:
    """Whether a figure is none that the version can have had before so many of its samples were forgotten."""
    one, other = getattr(said, name), getattr(real, name)
    if not forgotten:
        return bool(one != other)
    if name == "samples":
        return bool(one - other != forgotten)
    if isinstance(one, int):
        return not 0 <= one - other <= forgotten * 1_000_000
    gone = [one.get(each, 0) - other.get(each, 0) for each in one.keys() | other.keys()]
    exact = name not in _EACH_ONCE or sum(gone) == forgotten
    return not (exact and all(0 <= each <= forgotten for each in gone))


def _payload_problems(sample: LabelledSample, payload_name: Callable[[LabelledSample], str]) -> list[str]:
    try:
        name = payload_name(sample)
    except NotFoundError:
        return [f"the payload of sample {sample.sample_id[:12]} is missing"]
    return [] if name == sample.sample_id else [f"the payload of sample {sample.sample_id[:12]} hashes to {name[:12]}"]
