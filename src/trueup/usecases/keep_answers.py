"""What single people answered elsewhere is kept beside the labels that stand on it: who, when, from which source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from trueup.annotation.answers import live
from trueup.annotation.imported import IMPORT, answers_id_of
from trueup.dataset.sources import Answer
from trueup.lineage.edges import brought, given, import_node
from trueup.model import Annotation, Consensus, LabelledSample, Node, Project, Record, content_id
from trueup.ports import Clock, Given, TaskStore
from trueup.usecases.ahead import ahead

# What it costs to keep as many answers, three to a sample, by the prices of us-east-1.
DOLLARS_PER_MILLION = 8
# A source's name is part of keys, which end at 1024 bytes.
_MOST_SOURCE = 900


class Answered(Record, frozen=True, kw_only=True):
    """A line of the dataset, whose time is known, with what people answered, who go by pseudonyms here."""

    line: LabelledSample
    answers: tuple[Answer, ...]

    @property
    def at(self) -> datetime:
        """When it was labelled."""
        assert self.line.labelled_at is not None  # noqa: S101
        return self.line.labelled_at


@dataclass(frozen=True)
class KeepAnswers:
    """Ids follow from what was said, by whom and when, so that the same again adds nothing. What somebody said of a
    sample in an earlier import, and says otherwise now, is superseded. Each sample costs a read, and an item for each
    answer, for the label, and for each arrow."""

    tasks: TaskStore
    clock: Clock

    def __call__(self, project: Project, answered: Iterable[Answered], source: str, into: Node | None = None) -> None:
        """`into` is the import that brings the labels into a version. Raises what the store does."""
        self.tasks.bring(self._given(project, answered, _short(source), into))

    def _given(self, project: Project, answered: Iterable[Answered], source: str, into: Node | None) -> Iterator[Given]:
        now = self.clock.now()
        for each, there in ahead(answered, lambda one: self._there(project, one.line)):
            said = annotations_of(project, each, source)
            consensus = consensus_of(project, each, said)
            kept = tuple(_superseding(one, there, said) for one in said)
            arrows = given(kept, consensus, now)
            way = (brought(consensus, into, source, now),) if into else ()
            yield Given(annotations=kept, consensus=consensus, edges=(*arrows, *way))

    def _there(self, project: Project, line: LabelledSample) -> list[Annotation]:
        return live(self.tasks.annotations(project.name, answers_id_of(project.name, line.sample_id)))


def import_of(project: Project, answered: Sequence[Answered]) -> Node | None:
    """What brings these labels into a version; None without any."""
    labels = (consensus_of(project, each, annotations_of(project, each)) for each in answered)
    return import_node(each.consensus_id for each in labels) if answered else None


def annotations_of(project: Project, answered: Answered, source: str = "") -> tuple[Annotation, ...]:
    """An answer without a time has the label's."""
    line, place = answered.line, answers_id_of(project.name, answered.line.sample_id)
    return tuple(
        Annotation(
            project=project.name,
            annotation_id=content_id(place, each.annotator, each.label, _stamp(each.submitted_at))[:32],
            task_id=place,
            sample_id=line.sample_id,
            annotator=each.annotator,
            label=each.label,
            submitted_at=each.submitted_at or answered.at,
            seconds_spent=each.seconds_spent,
            backend=IMPORT,
            slice=line.slice,
            schema_version=project.label_schema.version,
            source=source,
        )
        for each in answered.answers
    )


def consensus_of(project: Project, answered: Answered, said: Sequence[Annotation]) -> Consensus:
    """The line's label, as standing on the newest answer of each."""
    line, counted = answered.line, live(said)
    ids = tuple(sorted(each.annotation_id for each in counted))
    place = answers_id_of(project.name, line.sample_id)
    return Consensus(
        project=project.name,
        consensus_id=content_id(place, IMPORT, line.label, _stamp(answered.at), *ids)[:32],
        task_id=place,
        sample_id=line.sample_id,
        label=line.label,
        posterior=line.posterior,
        agreement=line.agreement,
        method=IMPORT,
        annotation_ids=ids,
        reached_at=answered.at,
        annotators=tuple(sorted({each.annotator for each in counted})),
    )


def _superseding(answer: Annotation, there: Sequence[Annotation], said: Sequence[Annotation]) -> Annotation:
    """Where somebody said something else before; not where they did so within this import."""
    mine = {each.annotation_id for each in said}
    before = next((each for each in there if each.annotator == answer.annotator), None)
    if before is None or before.annotation_id in mine or before.label == answer.label:
        return answer
    return replace(answer, supersedes=before.annotation_id) if before.submitted_at <= answer.submitted_at else answer


def _stamp(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat() if at else ""


def _short(source: str) -> str:
    data = source.encode()
    return source if len(data) <= _MOST_SOURCE else f"{data[:_MOST_SOURCE].decode(errors='ignore')}…"
