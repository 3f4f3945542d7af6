"""Labels that exist already, sorted on a disk and staged as segments: what a commit by many begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import msgspec

from trueup.dataset.segments import segments_of
from trueup.dataset.segments.keys import head_of
from trueup.dataset.sources import Answer
from trueup.lineage.edges import import_node
from trueup.model import LabelledSample, Node, Project, Record, Segment
from trueup.ports import Spill
from trueup.usecases.bring_labels import BringLabels, LabelPass, Listeners, Request, Tally
from trueup.usecases.import_labels import Staged
from trueup.usecases.keep_answers import KeepAnswers

# Lines that are sorted together: some 150 MB, and three times as much where three people's answers come with each.
PLACE_ROWS = 100_000
# Room for lines in so many places.
OpenSpill = Callable[[int], AbstractContextManager[Spill]]


class StagedLabels(Record, frozen=True, kw_only=True):
    """Segments by sample id, without any where problems forbade them. Unless `placing`, lines say where they go.
    `brought` is what single people's answers lead to, of which something is new to the dataset."""

    tally: Tally
    segments: tuple[Segment, ...] = ()
    placing: bool = True
    brought: Node | None = None


class _Spilled(Record, frozen=True, kw_only=True):
    """`timed` where the source says when it was labelled."""

    line: LabelledSample
    where: str
    answers: tuple[Answer, ...] = ()
    timed: bool = False


@dataclass(frozen=True)
class StageLabels:
    """A portion of the lines is in memory at a time, whatever their number; who said what of an input that comes twice
    is told twice, and the first counts. Single people's answers are kept at the end, as ImportLabels does, once nothing
    forbids the import. Raises what BringLabels does."""

    bring: BringLabels
    spill: OpenSpill
    place_rows: int = PLACE_ROWS

    def __call__(self, request: Request, labels: int, listeners: Listeners | None = None) -> StagedLabels:
        """`labels` or so are to come."""
        project = self.bring.project_of(request)
        going = LabelPass(request, project, listeners=listeners or Listeners())
        places = -(-labels // self.place_rows) or 1
        with self.spill(places) as room:
            self._fill(project, going, room, places)
            segments = self._segments(project, going, room, places if not going.forbidden else 0)
            if going.forbidden:
                return StagedLabels(tally=going.tally)
            answered = request.keep_answers and going.tally.answers
            brought = self._keep(project, request, room, places, segments) if answered else None
        placing = not (request.keep_splits and going.tally.splits)
        return StagedLabels(tally=going.tally, segments=segments, placing=placing, brought=brought)

    def _fill(self, project: Project, going: LabelPass, room: Spill, places: int) -> None:
        for given, line in self.bring.make.lines(project.name, going.inputs(alone=False)):
            place = head_of(line.sample_id, text=False) * places >> 64
            spilled = _Spilled(line=line, where=given.where, answers=given.answers, timed=given.labelled_at is not None)
            room.put(place, msgspec.msgpack.encode(spilled))

    def _segments(self, project: Project, going: LabelPass, room: Spill, places: int) -> tuple[Segment, ...]:
        found: list[Segment] = []
        for place in range(places):
            for each in segments_of([one.line for one in _distinct(room.take(place), going)]):
                self.bring.make.datasets.put_segment(project.name, each.data)
                found.append(each.segment)
        return tuple(found)

    def _keep(
        self, project: Project, request: Request, room: Spill, places: int, segments: Sequence[Segment]
    ) -> Node | None:
        """What brings the labels in is named by the segments here, since it is not known which of them are new before
        all have gone by."""
        make, node, came = self.bring.make, import_node(each.sha256 for each in segments), False
        keep = KeepAnswers(make.tasks, make.clock)
        for place in range(places):
            others, fresh = make.answered(project, _staged(_distinct(room.take(place))), request.branch)
            keep(project, others, request.source)
            keep(project, fresh, request.source, node)
            came = came or bool(fresh)
        return node if came else None


def _distinct(spilled: Iterable[bytes], going: LabelPass | None = None) -> list[_Spilled]:
    """Of each sample the first. What comes again is told to `going`."""
    first: dict[str, _Spilled] = {}
    for data in spilled:
        one = msgspec.msgpack.decode(data, type=_Spilled)
        before = first.setdefault(one.line.sample_id, one)
        if before is not one and going is not None:
            going.again(one.where, before.where, same=before.line.label == one.line.label)
    return list(first.values())


def _staged(spilled: Sequence[_Spilled]) -> Staged:
    answered = [each for each in spilled if each.answers]
    return Staged(
        lines=tuple(each.line for each in answered),
        answers={each.line.sample_id: each.answers for each in answered},
        timed=frozenset(each.line.sample_id for each in answered if each.timed),
    )
