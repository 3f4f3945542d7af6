"""What other variants of an endpoint said of the same requests: in production, or in shadow.

SageMaker captures each variant into files of its own, under the same inference id where the caller gave one
(docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests.html). Nobody reads two files at once: whichever is ingested
last finds the other's in the same hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.capture.seeking import Sought, seek
from trueup.errors import CaptureError, NotFoundError
from trueup.model import Capture, CaptureFile, Project
from trueup.ports import CaptureArchive, CaptureListing
from trueup.selection.strategies.disagreement import divergence
from trueup.usecases.read_captures import Instance, instances_of

# An hour of a busy endpoint has many files, and each is scanned for each file of the other variant.
MOST_FILES = 30
_Key = tuple[str, int]


class CompareVariants(msgspec.Struct, frozen=True):
    listing: CaptureListing
    archive: CaptureArchive

    def __call__(self, project: Project, file: CaptureFile, instances: Sequence[Instance]) -> NDArray[np.float64]:
        """How much the most different of the other variants disagrees with each, in [0, 1]; 0 where none was asked,
        or has been captured yet."""
        found = np.zeros(len(instances))
        places = _places(instances)
        captures = [each.capture for each in instances]
        sought = Sought(
            event_ids={each.event_id for each in captures},
            inference_ids={each.inference_id for each in captures if each.inference_id},
        )
        for other in self._others(file):
            for capture in self._captures(other, sought):
                for theirs in _read(project, capture):
                    index = _place(places, theirs)
                    if index is not None:
                        found[index] = max(found[index], divergence(instances[index].prediction, theirs.prediction))
        return found

    def _others(self, file: CaptureFile) -> list[CaptureFile]:
        """The latest files of other variants in the same hour; a file whose key tells no time has none beside it."""
        hour = _hour(file)
        if hour is None:
            return []
        beside = self.listing.files(file.project, hour, hour)
        others = [each for each in beside if each.endpoint == file.endpoint and each.variant != file.variant]
        return sorted(others, key=lambda each: each.key)[-MOST_FILES:]

    def _captures(self, file: CaptureFile, sought: Sought) -> list[Capture]:
        """None of a file that is gone or broken: of that its own ingest tells."""
        try:
            return list(seek(lambda: self.archive.blocks(file), sought))
        except (CaptureError, NotFoundError):
            return []


def _hour(file: CaptureFile) -> datetime | None:
    try:
        return datetime.strptime(file.hour, "%Y/%m/%d/%H").replace(tzinfo=UTC)
    except ValueError:
        return None


def _read(project: Project, capture: Capture) -> list[Instance]:
    try:
        return instances_of(capture, project.said_classes, project.selection.reader)[0]
    except CaptureError:
        return []


def _places(instances: Sequence[Instance]) -> Mapping[_Key, int]:
    """Where each is, by both of its ids."""
    found: dict[_Key, int] = {}
    for place, each in enumerate(instances):
        found[each.capture.event_id, each.index] = place
        if each.capture.inference_id:
            found[each.capture.inference_id, each.index] = place
    return found


def _place(places: Mapping[_Key, int], instance: Instance) -> int | None:
    names = (instance.capture.inference_id or "", instance.capture.event_id)
    return next((places[each, instance.index] for each in names if (each, instance.index) in places), None)
