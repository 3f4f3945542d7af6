"""Verify a version by many: each hashes some of the segments, and counts the samples of its part."""

from __future__ import annotations

from trueup.dataset.parts import Part
from trueup.dataset.segments.cache import SegmentCache
from trueup.dataset.verify import count_problems, document_problems, segment_problems
from trueup.dataset.versions import COUNTED, Counts, counts_of, counts_of_frames, sum_of
from trueup.errors import IntegrityError, ManifestError, NotFoundError
from trueup.model import DatasetVersion, Record
from trueup.ports import DatasetStore
from trueup.usecases.bulk.jobs import Bulk, Concluded, kept
from trueup.usecases.making_versions import view_of


class Verified(Record, frozen=True, kw_only=True):
    """What a part found."""

    problems: tuple[str, ...]
    counts: Counts


def verify_part(datasets: DatasetStore, bulk: Bulk, part: Part) -> Verified:
    """Hash every segment whose turn it is, and count the part's samples."""
    version = datasets.version(bulk.project, bulk.version)
    problems = [
        problem
        for place, each in enumerate(version.segments)
        if place % bulk.parts == part.number
        for problem in segment_problems(each, lambda name: datasets.segment(bulk.project, name), SegmentCache())
    ]
    try:
        counts = _counts(datasets, version, part)
    except (IntegrityError, ManifestError, NotFoundError) as error:
        return Verified(problems=(*problems, f"part {part.number} cannot be read: {error}"), counts=counts_of(()))
    return Verified(problems=tuple(problems), counts=counts)


def conclude_verify(datasets: DatasetStore, bulk: Bulk) -> Concluded:
    """What the parts found, and whether their counts are those that the version tells."""
    version = datasets.version(bulk.project, bulk.version)
    found = list(kept(datasets, bulk, Verified))
    problems = document_problems(version, lambda name: datasets.document(bulk.project, name))
    problems += [problem for each in found for problem in each.problems]
    counts = sum_of(each.counts for each in found)
    if not problems:
        problems = count_problems(version, counts)
    return Concluded(
        verb=bulk.verb,
        parts=bulk.parts,
        problems=tuple(f"version {version.number}: {each}" for each in dict.fromkeys(problems)),
        version=version.version_id,
        number=version.number,
        samples=counts.samples,
    )


def _counts(datasets: DatasetStore, version: DatasetVersion, part: Part) -> Counts:
    return counts_of_frames([view_of(datasets, version.project, version).stack.lines(part.span, COUNTED)])
