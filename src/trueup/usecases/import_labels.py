"""Labels that exist already become a version: the start of a project, or an old labeling job brought along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from trueup.capture.samples import group_in, media_type, sample_id
from trueup.dataset.naming import MAIN
from trueup.dataset.segments import labelled
from trueup.dataset.sources import Answer
from trueup.dataset.splitting.by_group import split_of
from trueup.dataset.versions import is_news
from trueup.dataset.view import View
from trueup.errors import LabelError
from trueup.labels.reading import checked
from trueup.lineage.edges import imported
from trueup.model import (
    Change,
    DatasetVersion,
    Edge,
    LabelledSample,
    Node,
    Payload,
    Project,
    Record,
    Split,
    pseudonym,
)
from trueup.ports import Clock, DatasetStore, PayloadStore, TaskStore
from trueup.similarity.near_duplicates import print_text
from trueup.usecases.ahead import ahead
from trueup.usecases.find_project import project_named
from trueup.usecases.keep_answers import Answered, KeepAnswers, import_of
from trueup.usecases.making_versions import MakeVersion, Proposal


class ImportedLabel(Record, frozen=True, kw_only=True):
    """One labelled input. `group` keeps related inputs in one split; None means the input stands alone. Without a
    `split` it follows from the group. `posterior` and `agreement` are 1 where the source does not say. `answers` are
    those of single people, by pseudonym. `where` it stood is told of what contradicts another."""

    payload: Payload
    label: str
    group: str | None = None
    split: Split | None = None
    posterior: float = 1.0
    agreement: float = 1.0
    labelled_at: datetime | None = None
    answers: tuple[Answer, ...] = ()
    where: str = ""


class Staged(Record, frozen=True, kw_only=True):
    """Lines whose inputs are stored. Of those in `stated` the source says which split they are in, and of those in
    `answers` who answered what, in `timed` also when they were labelled."""

    lines: tuple[LabelledSample, ...]
    stated: frozenset[str] = frozenset()
    answers: Mapping[str, tuple[Answer, ...]] = {}
    timed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ImportLabels:
    """Store the inputs and commit them as one version on top of head. Returns None when nothing was new.

    Inputs are stored as they come: of a stream a few are in memory at a time. Single people's answers are kept before
    the version is committed, so that what a crash leaves of them is completed by the same import again. Raises
    LabelError for a label that the schema does not know, and what MakeVersion does; what was stored until then is in
    no version.
    """

    projects: Mapping[str, Project]
    payloads: PayloadStore
    datasets: DatasetStore
    clock: Clock
    tasks: TaskStore

    def __call__(
        self, project_name: str, labels: Iterable[ImportedLabel], reason: str, branch: str = MAIN, source: str = ""
    ) -> DatasetVersion | None:
        return self.commit(project_name, self.stage(project_name, labels), reason, branch, source)

    def stage(self, project_name: str, labels: Iterable[ImportedLabel]) -> Staged:
        """Store the inputs, and make lines of a version of them."""
        lines, stated, timed = list[LabelledSample](), set[str](), set[str]()
        answers: dict[str, tuple[Answer, ...]] = {}
        for given, line in self.lines(project_name, labels):
            lines.append(line)
            answers.pop(line.sample_id, None)
            if given.answers:
                answers[line.sample_id] = given.answers
            if given.answers and given.labelled_at is not None:
                timed.add(line.sample_id)
            if given.split is not None:
                stated.add(line.sample_id)
        return Staged(lines=tuple(lines), stated=frozenset(stated), answers=answers, timed=frozenset(timed))

    def lines(
        self, project_name: str, labels: Iterable[ImportedLabel]
    ) -> Iterator[tuple[ImportedLabel, LabelledSample]]:
        """Each as a line of a version, whose input is stored by then."""
        project = project_named(self.projects, project_name)
        found = ahead(enumerate(labels, start=1), lambda each: self._line(project, *each))
        return ((given, line) for (_, given), line in found)

    def commit(
        self,
        project_name: str,
        staged: Staged,
        reason: str,
        branch: str = MAIN,
        source: str = "",
        *,
        by: str = "trueup",
    ) -> DatasetVersion | None:
        """The version of what was staged; of a sample given twice the last line counts. Where the source states
        splits, new lines are where it says, unless what they belong to is elsewhere. `source` says where answers came
        from."""
        project = project_named(self.projects, project_name)
        lines = {each.sample_id: each for each in staged.lines}

        ready = self._make_ready(project, staged, branch, source)

        def propose(view: View) -> Proposal:
            held = view.lookup(lines)
            news = [each for each in lines.values() if is_news(held.get(each.sample_id), each)]
            changes = [_where_it_is(held, each, staged) for each in news]
            wanted = {each.sample_id for each in changes} & staged.answers.keys()

            def arrive(version: DatasetVersion, came: Sequence[Change]) -> tuple[Edge, ...]:
                answered = _answered(staged, [each for each in labelled(came) if each.sample_id in wanted])
                return self._arrive(project, answered, source, version, ready)

            return Proposal(changes=changes, placing=not staged.stated, beforehand=arrive)

        return MakeVersion(datasets=self.datasets, clock=self.clock)(project, propose, reason, by=by, branch=branch)

    def _make_ready(self, project: Project, staged: Staged, branch: str, source: str) -> Node | None:
        """Keep answers, and return what will bring the labels in. All this before a head is asked for its place, since
        it may take longer than a head stays."""
        if not staged.answers:
            return None
        keep = KeepAnswers(self.tasks, self.clock)
        others, fresh = self.answered(project, staged, branch)
        keep(project, others, source)
        node = import_of(project, fresh)
        keep(project, fresh, source, node)
        return node

    def answered(
        self, project: Project, staged: Staged, branch: str = MAIN
    ) -> tuple[Sequence[Answered], Sequence[Answered]]:
        """The lines with answers that are to be kept: those that the branch's head holds by other people's answers, and
        those that it will take. What stands on the same answers has them; forgotten samples get none."""
        lines = {each.sample_id: each for each in staged.lines}
        gone = self.datasets.forgotten(project.name, staged.answers).sample_ids
        held = self.head(project.name, branch).lookup(staged.answers)
        told = [lines[each] for each in staged.answers if each not in gone]
        fresh = [each for each in told if is_news(held.get(each.sample_id), each)]
        new = {each.sample_id for each in fresh}
        others = [
            each for each in told if each.sample_id not in new and not _stands(held[each.sample_id], each, staged)
        ]
        return _answered(staged, others), _answered(staged, fresh)

    def _arrive(
        self, project: Project, answered: Sequence[Answered], source: str, version: DatasetVersion, ready: Node | None
    ) -> tuple[Edge, ...]:
        """The arrow to the version from what brings these labels: they are others than was made ready for where another
        commit came between."""
        node = import_of(project, answered)
        if node is None:
            return ()
        if node != ready:
            KeepAnswers(self.tasks, self.clock)(project, answered, source, node)
        return (imported(node, version),)

    def head(self, project_name: str, branch: str = MAIN) -> View:
        """What a branch of the project's dataset holds by now."""
        project = project_named(self.projects, project_name)
        return MakeVersion(datasets=self.datasets, clock=self.clock).view(project, branch)

    def _line(self, project: Project, number: int, label: ImportedLabel) -> LabelledSample:
        try:
            text = checked(label.label, project.label_schema)
        except LabelError as error:
            raise LabelError(f"label {number}: {error}", field=error.field) from error
        name = sample_id(label.payload)
        group = label.group or group_in(label.payload, project.selection.group_by) or name
        return LabelledSample(
            sample_id=name,
            label=text,
            split=label.split or split_of(group, project.commit, project.name),
            group=group,
            content_type=label.payload.content_type,
            payload_uri=self.payloads.put(project.name, name, label.payload),
            posterior=label.posterior,
            agreement=label.agreement,
            labelled_at=label.labelled_at or self.clock.now(),
            annotators=tuple(sorted({pseudonym(project.name, each.annotator) for each in label.answers})),
            fingerprint=print_text(label.payload.data, media_type(label.payload.content_type)),
        )


def _where_it_is(current: Mapping[str, LabelledSample], line: LabelledSample, staged: Staged) -> LabelledSample:
    there = current.get(line.sample_id)
    if there is None or line.sample_id in staged.stated:
        return line
    return replace(line, split=there.split, group=there.group)


def _stands(there: LabelledSample, line: LabelledSample, staged: Staged) -> bool:
    """Whether a line of the same label in the dataset came of the same answers."""
    same_time = line.sample_id not in staged.timed or there.labelled_at == line.labelled_at
    return same_time and there.consensus_id is None and there.annotators == line.annotators


def _answered(staged: Staged, lines: Iterable[LabelledSample]) -> list[Answered]:
    return [Answered(line=each, answers=staged.answers[each.sample_id]) for each in lines]
