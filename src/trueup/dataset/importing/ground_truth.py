"""A labeling job of SageMaker Ground Truth, as it lies in S3: its output manifest with each worker's answers.

Below `<S3OutputPath>/<job>/`: manifests/output/output.manifest, one line per object in the order of the job's input;
annotations/worker-response/iteration-<n>/<object>/<time>.json, of which each holds all answers to one object so far, or
one worker's; masks in annotations/consolidated-annotation/output/, which the manifest names by URI ("Output Data",
Amazon SageMaker Developer Guide).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trueup.dataset.importing.augmented_manifest import read_manifest
from trueup.dataset.importing.files import whole
from trueup.dataset.sources import Answer, Item, LeftOut, Reading
from trueup.errors import InputError, LabelError, NotFoundError
from trueup.labels.ground_truth_answers import Answer as WorkerAnswer
from trueup.labels.ground_truth_answers import label_of, response_of
from trueup.model import Kind

MANIFEST = "manifests/output/output.manifest"
_RESPONSES = "annotations/worker-response/"
_RESPONSE = re.compile(r"annotations/worker-response/iteration-\d+/(?P<object>\d+)/[^/]+\.json")


def home_of(place: str) -> str:
    """The job's own prefix, where its manifest was named."""
    return place.removesuffix(MANIFEST) if place.endswith(f"/{MANIFEST}") else place


def read(reading: Reading) -> Iterator[Item]:
    """Raises NotFoundError for a place without an output manifest."""
    if reading.file is not None:
        yield from read_manifest(reading, reading.file)
        return
    if next(iter(reading.source.names(MANIFEST)), None) is None:
        raise NotFoundError(
            f"{reading.source.place} holds no {MANIFEST}, which a job's own folder does. Jobs below it: "
            f"{', '.join(_jobs(reading)) or 'none'}"
        )
    answers = _Answers(reading) if reading.answers else None
    yield from read_manifest(reading, MANIFEST, answers.of if answers else None)
    if answers:
        yield from answers.unread


def _jobs(reading: Reading, most: int = 10) -> list[str]:
    """Names of jobs below a place that is above them."""
    found = [each.removesuffix(f"/{MANIFEST}") for each in reading.source.names() if each.endswith(f"/{MANIFEST}")]
    return found[:most] + (["…"] if len(found) > most else [])


class _Answers:
    """Workers' answers by object. Names of files are kept, not what is in them; what cannot be read is told at the
    end, and takes no label with it, since the label is the manifest's."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._names: dict[int, tuple[str, ...]] = {}
        self.unread: list[LeftOut] = []
        for name in reading.source.names(_RESPONSES):
            found = _RESPONSE.fullmatch(name)
            if found is not None:
                place = int(found["object"])
                self._names[place] = (*self._names.get(place, ()), name)

    def of(self, place: int) -> tuple[Answer, ...]:
        """Each worker's last one."""
        last: dict[str, Answer] = {}
        for name in self._names.get(place, ()):
            for each in self._read(name):
                last[each.annotator] = each
        return tuple(last.values())

    def _read(self, name: str) -> Iterator[Answer]:
        try:
            response = response_of(name, whole(self._reading.source, name))
        except (InputError, NotFoundError) as error:
            response = str(error)
        if isinstance(response, str):
            self.unread.append(LeftOut(where=name, why="a file of workers' answers that cannot be read"))
            return
        for each in sorted(response.answers, key=lambda answer: answer.submitted_at):
            answer = _answer(each, self._reading.schema.kind)
            if answer is None:
                self.unread.append(LeftOut(where=name, why="a worker's answer that says nothing of the label's kind"))
            else:
                yield answer


def _answer(answer: WorkerAnswer, kind: Kind) -> Answer | None:
    try:
        label = label_of(answer.answer_content, kind)
    except (LabelError, ValueError, OverflowError):
        return None
    if not label:
        return None
    return Answer(annotator=answer.worker, label=label, submitted_at=answer.submitted_at, seconds_spent=answer.seconds)
