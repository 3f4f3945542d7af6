"""Recompute every hash and count of a version."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from trueup.dataset.diff import changes_between
from trueup.dataset.merkle import merkle_root
from trueup.dataset.redaction import forgotten_lines, redaction_problem
from trueup.dataset.segments import Table
from trueup.dataset.segments.cache import SegmentCache
from trueup.dataset.segments.keys import Keys, find, is_hash
from trueup.dataset.versions import COUNTED, Counts, counts_in, counts_of_columns
from trueup.dataset.view import View
from trueup.errors import IntegrityError, ManifestError, NotFoundError
from trueup.model import DatasetVersion, LabelledSample, Redaction, Segment

Read = Callable[[str], bytes]
# What was forgotten, by segment.
Redactions = Callable[[str], Redaction | None]
# Figures in which every sample counts once; of classes it may count several times, of slices not at all.
_EACH_ONCE = frozenset({"splits", "strategies"})


def nothing_forgotten(_: str) -> Redaction | None:
    return None


def verify(
    version: DatasetVersion,
    read_segment: Read,
    read_document: Callable[[str], bytes],
    payload_name: Callable[[LabelledSample], str] | None = None,
    checkpoint: Sequence[Segment] | None = None,
    redaction: Redactions = nothing_forgotten,
) -> list[str]:
    """Sentences about what is wrong; an empty list means that everything holds.

    `payload_name` recomputes a sample's id from its stored payload; without it payloads are not read. `checkpoint` is
    to hold what the version holds. `redaction` is what is recorded of a segment of which samples were forgotten: then
    the file that stands for it must be the one that was recorded, and the version's figures may exceed what is there
    by as much as was forgotten, and no more. A few segments are in memory at a time.
    """
    problems = document_problems(version, read_document)
    once = SegmentCache()
    for segment in dict.fromkeys([*version.segments, *(checkpoint or ())]):
        problems += segment_problems(segment, read_segment, once, redaction)
    if not problems:
        view = View(version, read_segment, cache=once)
        problems += _content_problems(version, view, forgotten_of(version, read_segment, once, redaction))
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


def segment_problems(
    segment: Segment, read: Read, cache: SegmentCache, redaction: Redactions = nothing_forgotten
) -> list[str]:
    """What is wrong with a segment, or with what stands for it: its name, its size, its order, its ends."""
    recorded: Redaction | None = None

    def hashed(sha256: str) -> bytes:
        nonlocal recorded
        data = read(sha256)
        if hashlib.sha256(data).hexdigest() != sha256:
            recorded = redaction(sha256)
            problem = redaction_problem(recorded, data) if recorded else "does not hash to its name"
            if problem is not None:
                raise IntegrityError(problem)
        return data

    try:
        table = cache.open(segment.sha256, hashed)
        problems = _table_problems(segment, table, segment.bytes if recorded is None else recorded.bytes)
    except NotFoundError:
        problems = ["is missing"]
    except IntegrityError as error:
        problems = [str(error)]
    except ManifestError as error:
        problems = [f"cannot be read: {error}"]
    return [f"segment {segment.sha256[:12]} {each}" for each in problems]


def forgotten_of(
    version: DatasetVersion, read: Read, cache: SegmentCache, redaction: Redactions = nothing_forgotten
) -> int:
    """How many samples a version would hold besides, had they not been forgotten."""
    gone: set[str] = set()
    any_redacted = False
    for segment in version.segments:
        stands = redaction(segment.sha256) is not None
        any_redacted = any_redacted or stands
        if not any_redacted:
            continue
        table = cache.open(segment.sha256, read)
        gone -= _spoken_of(table, gone)
        gone |= set(forgotten_lines(table).ids()) if stands else set()
    return len(gone)


def _spoken_of(table: Table, sample_ids: Iterable[str]) -> set[str]:
    wanted = sorted(each for each in sample_ids if table.text or is_hash(each))
    keys = Keys.of(wanted, text=table.text)
    there = (find(table.keys, keys) >= 0) | (find(table.gone_keys, keys) >= 0)
    return {each for each, is_there in zip(wanted, there.tolist(), strict=True) if is_there}


def forgotten_in(versions: Iterable[DatasetVersion], redaction: Redactions) -> list[str]:
    """Sentences about what was forgotten of the versions' segments: why their figures exceed what they hold."""
    holders: dict[str, list[int]] = {}
    for version in versions:
        for segment in version.segments:
            holders.setdefault(segment.sha256, []).append(version.number)
    found = [(each, numbers) for name, numbers in holders.items() if (each := redaction(name)) is not None]
    return [
        f"of segment {each.segment[:12]}, which is in {_from_to(numbers)}, "
        f"{'1 line was' if each.lines == 1 else f'{each.lines:,} lines were'} forgotten, last on {each.at:%Y-%m-%d}"
        for each, numbers in found
    ]


def _from_to(numbers: list[int]) -> str:
    first, last = min(numbers), max(numbers)
    return f"version {first}" if first == last else f"{len(numbers)} versions from {first} to {last}"


def _table_problems(segment: Segment, table: Table, size: int) -> list[str]:
    held = table.rows + table.removed
    found = []
    if (held, table.size) != (segment.samples, size):
        found.append(f"holds {held} samples in {table.size} bytes, not {segment.samples} in {size}")
    if not (table.keys.ascend() and table.gone_keys.ascend()):
        found.append("is not in the order of its sample ids")
    elif (find(table.keys, table.gone_keys) >= 0).any():
        found.append("both holds and removes a sample")
    elif segment.first and table.ends() != (segment.first, segment.last):
        found.append(f"reaches from {' to '.join(table.ends())}, not from {segment.first} to {segment.last}")
    return found


def _content_problems(version: DatasetVersion, view: View, forgotten: int) -> list[str]:
    try:
        real = counts_of_columns(view.counted(COUNTED))
    except ManifestError as error:
        return [f"a segment cannot be read: {error}"]
    return count_problems(version, real, forgotten)


def count_problems(version: DatasetVersion, real: Counts, forgotten: int = 0) -> list[str]:
    """Where a version's figures are not those of its samples, of which so many were forgotten."""
    said = counts_in(version)
    names = said.__struct_fields__
    found = [(name, getattr(said, name), getattr(real, name)) for name in names if _off(name, said, real, forgotten)]
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
