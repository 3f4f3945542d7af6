"""Labels of another tool are looked at, and become a version when all of them can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from mimetypes import guess_type

from msgspec.structs import replace

from trueup.annotation.imported import imported_annotator
from trueup.capture.samples import sample_id
from trueup.dataset.importing import IMPORTS
from trueup.dataset.importing.files import whole
from trueup.dataset.naming import MAIN
from trueup.dataset.pictures import picture_type
from trueup.dataset.sources import Answer, Item, Labelled, LeftOut, Problem, Reading, Source
from trueup.dataset.view import View
from trueup.errors import InputError, LabelError, NotFoundError
from trueup.labels.naming import is_none, names_in, relations_in, value_of, with_names
from trueup.labels.reading import checked, written
from trueup.model import DatasetVersion, LabelSchema, Payload, Project, Record, Split
from trueup.ports import LabelPlace
from trueup.quality.merging import likeness
from trueup.usecases.ahead import ahead
from trueup.usecases.find_project import project_named
from trueup.usecases.import_labels import ImportedLabel, ImportLabels

# Problems that are kept to be shown; all are counted, and told as they come.
SHOWN = 20
_UNNAMED = "application/octet-stream"


@dataclass(frozen=True)
class Request:
    """What to read, and how. `names` leads from the source's names of classes to those of the label schema. Splits that
    the source states are kept only with `keep_splits`, since else they follow from the group. With `skip_bad` the rest
    is imported of what holds problems. `branch` is where it comes to. With `keep_answers` single people's answers are
    kept beside the labels that stand on them. `by` is who brings them."""

    project: str
    form: str
    place: LabelPlace
    files: Source | None = None
    attribute: str | None = None
    group: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = None
    keep_splits: bool = False
    skip_bad: bool = False
    branch: str = MAIN
    keep_answers: bool = True
    by: str = "trueup"

    @property
    def source(self) -> str:
        """What answers came from."""
        return f"{self.form} {self.place.name}"


@dataclass
class Tally:
    """What was found. `unknown` counts labels by a name that the label schema does not know (`misnamed` in all),
    `mapped` those with a name of before, `classes` those that can be used by class, `left_out` by reason; `splits` are
    those that the source states; `by_model` counts labels that no person gave. `new`, `known`, `relabelled` and
    `repeated` (the same input and label twice) are counted where inputs were read."""

    labels: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    mapped: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    problems: int = 0
    misnamed: int = 0
    first: list[Problem] = field(default_factory=list)
    by_model: int = 0
    answers: int = 0
    new: int = 0
    known: int = 0
    relabelled: int = 0
    repeated: int = 0


class Brought(Record, frozen=True, kw_only=True):
    """`version` is None where nothing was new, or problems forbade it: then the tally has them."""

    tally: Tally
    version: DatasetVersion | None = None


class GivenAnswer(Record, frozen=True, kw_only=True):
    """A single person's answer to a sample, by a pseudonym that is theirs within the project."""

    sample: str
    annotator: str
    label: str


@dataclass(frozen=True)
class Listeners:
    """Who is told of each problem and each single answer, as they come."""

    problem: Callable[[Problem], None] = lambda _: None
    answer: Callable[[GivenAnswer], None] = lambda _: None


@dataclass(frozen=True)
class BringLabels:
    """Two passes: labels are looked at, and only then are inputs read and stored. All raise InputError and
    NotFoundError for a source that is not of the format, ManifestError for one that breaks off."""

    projects: Mapping[str, Project]
    make: ImportLabels

    def look(self, request: Request) -> Tally:
        """What labels there are and what is wrong with them; no input is read, nothing is written."""
        look = LabelPass(request, self.project_of(request))
        for _ in look.labels(answers=False):
            pass
        return look.tally

    def compare(self, request: Request) -> Tally:
        """The same with inputs: what of it is new, known, or has another label by now. Nothing is written."""
        project = self.project_of(request)
        look = LabelPass(request, project, self.make.head(project.name, request.branch))
        for _ in look.inputs():
            pass
        return look.tally

    def __call__(self, request: Request, reason: str, listeners: Listeners | None = None) -> Brought:
        """Raises what MakeVersion does. Inputs are stored until the first problem is met, under the
        hash of their content: where no version comes of it, the next import finds them there."""
        project = self.project_of(request)
        going = LabelPass(request, project, listeners=listeners or Listeners())
        lines = self.make.stage(project.name, going.inputs())
        if going.forbidden:
            return Brought(tally=going.tally)
        version = self.make.commit(project.name, lines, reason, request.branch, request.source, by=request.by)
        return Brought(version=version, tally=going.tally)

    def project_of(self, request: Request) -> Project:
        """Raises InputError where --map leads to what the label schema does not know, NotFoundError."""
        project = project_named(self.projects, request.project)
        schema = project.label_schema
        strange = sorted(set(request.names.values()) - {*schema.names, *schema.relation_names})
        if strange:
            raise InputError(
                f"--map leads to {', '.join(map(repr, strange))}, which the label schema does not know; it knows: "
                f"{', '.join(schema.names)}",
                field="--map",
            )
        return project


class LabelPass:
    """One reading of a source, from its beginning to its end."""

    def __init__(
        self,
        request: Request,
        project: Project,
        held: View | None = None,
        listeners: Listeners | None = None,
    ) -> None:
        self._request = request
        self._project = project
        self._schema = project.label_schema
        self._held = held
        self._listeners = listeners or Listeners()
        self._files = request.files or request.place.source
        # Of each sample its label, as a hash, and where it stood first.
        self._seen: dict[str, tuple[int, str]] = {}
        self._splits: dict[str, Split] = {}
        self.tally = Tally()

    @property
    def forbidden(self) -> bool:
        return bool(self.tally.problems) and not self._request.skip_bad

    def labels(self, *, answers: bool) -> Iterator[Labelled]:
        """Those that can be used, as the label schema says them."""
        for item in self._items(answers=answers):
            if isinstance(item, LeftOut):
                self.tally.left_out[item.why] += 1
            elif isinstance(item, Problem):
                self._problem(item)
            else:
                usable = self._usable(item)
                if usable is not None:
                    yield usable

    def inputs(self, *, alone: bool = True) -> Iterator[ImportedLabel]:
        """With their inputs. After the first problem that forbids the import the rest is only looked at. Unless
        `alone`, whoever asks sees to what comes twice."""
        for label, payload in ahead(self.labels(answers=True), self._read):
            if isinstance(payload, Problem):
                self._problem(payload)
            elif (not alone or self._is_fresh(label, payload)) and not self.forbidden:
                yield self._imported(label, payload)

    def again(self, where: str, before: str, *, same: bool) -> None:
        """Count an input that came before, with the same label or another one."""
        if same:
            self.tally.repeated += 1
        else:
            self._problem(Problem(where=where, what=f"the same input has another label at {before}"))

    def _items(self, *, answers: bool) -> Iterator[Item]:
        place = self._request.place
        reading = Reading(
            source=place.source,
            schema=self._schema,
            files=self._files,
            file=place.file,
            attribute=self._request.attribute,
            group=self._request.group,
            answers=answers,
        )
        return IMPORTS[self._request.form](reading)

    def _problem(self, problem: Problem) -> None:
        self.tally.problems += 1
        if len(self.tally.first) < SHOWN:
            self.tally.first.append(problem)
        self._listeners.problem(problem)

    def _usable(self, item: Labelled) -> Labelled | None:
        text = _renamed(item.label, self._request.names, self.tally.mapped)
        strange = _strange(text, self._schema)
        if strange:
            self.tally.unknown.update(strange)
            self.tally.problems += 1
            self.tally.misnamed += 1
            told = ", ".join(map(repr, strange))
            self._listeners.problem(Problem(where=item.where, what=f"the label schema does not know {told}"))
            return None
        try:
            text = checked(text, self._schema)
            self._keep_split(item)
        except LabelError as error:
            self._problem(Problem(where=item.where, what=str(error), raw=text[:2000]))
            return None
        self.tally.labels += 1
        self.tally.by_model += item.by_model
        self.tally.classes.update(names_in(text))
        return replace(item, label=text)

    def _keep_split(self, item: Labelled) -> None:
        """Raises LabelError where a group would be torn apart."""
        if item.split is not None:
            self.tally.splits[item.split] += 1
        if not self._request.keep_splits or item.split is None or item.group is None:
            return
        there = self._splits.setdefault(item.group, item.split)
        if there != item.split:
            raise LabelError(
                f"the group {item.group!r} is in {there} and in {item.split}: one group belongs into one split, so do "
                "without --keep-splits or without --group"
            )

    def _read(self, label: Labelled) -> Payload | Problem:
        try:
            data = whole_input(self._files, label)
        except (InputError, NotFoundError) as error:
            return Problem(where=label.where, what=str(error))
        told = self._request.content_type or label.content_type or content_type_of(label.ref or "", data)
        return Payload(data=data, content_type=told)

    def _is_fresh(self, label: Labelled, payload: Payload) -> bool:
        """Whether the source says this for the first time. Counts what is known."""
        name, said = sample_id(payload), hash(label.label)
        mine = (said, label.where)
        before = self._seen.setdefault(name, mine)
        if before is mine:
            self._compare(name, label.label)
            return True
        self.again(label.where, before[1], same=before[0] == said)
        return False

    def _compare(self, name: str, label: str) -> None:
        there = self._held.lookup([name]).get(name) if self._held is not None else None
        if there is None:
            self.tally.new += 1
        elif there.label == label:
            self.tally.known += 1
        else:
            self.tally.relabelled += 1

    def _imported(self, label: Labelled, payload: Payload) -> ImportedLabel:
        said = tuple(self._answers(label.answers))
        for each in said:
            self._listeners.answer(GivenAnswer(sample=sample_id(payload), annotator=each.annotator, label=each.label))
        self.tally.answers += len(said)
        return ImportedLabel(
            payload=payload,
            label=label.label,
            group=label.group,
            split=label.split if self._request.keep_splits else None,
            posterior=1.0 if label.confidence is None else label.confidence,
            agreement=_agreement(label, [each.label for each in said], self._schema),
            labelled_at=label.labelled_at,
            answers=said if self._request.keep_answers else (),
            where=label.where,
        )

    def _answers(self, answers: Sequence[Answer]) -> Iterator[Answer]:
        """By pseudonym, those that say something which the label schema knows."""
        for each in answers:
            try:
                text = checked(_renamed(each.label, self._request.names, Counter()), self._schema)
            except LabelError:
                self.tally.left_out["a single answer that says nothing which the label schema knows"] += 1
                continue
            yield replace(each, annotator=imported_annotator(self._project.name, each.annotator), label=text)


def whole_input(files: Source, label: Labelled) -> bytes:
    """Raises NotFoundError, InputError for an input that is empty."""
    data = label.data if label.data is not None else whole(files, label.ref or "")
    if not data:
        raise InputError("the input is empty")
    return data


def content_type_of(name: str, data: bytes) -> str:
    """By the name's ending, or else by the first bytes; text where it is UTF-8."""
    told = guess_type(name)[0] or picture_type(data)
    if told:
        return told
    try:
        data.decode()
    except UnicodeDecodeError:
        return _UNNAMED
    return "text/plain"


def _renamed(text: str, names: Mapping[str, str], mapped: Counter[str]) -> str:
    """Under the names that `names` leads to. Counts the labels that had an old one."""
    there = [each for each in (*names_in(text), *relations_in(text)) if each in names] if names else []
    mapped.update(there)
    if not there:
        return text
    value = value_of(text)
    return names[text] if value is None else written(with_names(value, names, names))


def _strange(text: str, schema: LabelSchema) -> list[str]:
    """Names that are not the schema's, of kinds that have classes."""
    if schema.kind in ("text", "rating", "preference") or is_none(text):
        return []
    if value_of(text) is None and schema.kind != "classification":
        return []
    classes = {*schema.names, *schema.renamed}
    relations = {*schema.relation_names, *schema.renamed}
    return [each for each in names_in(text) if each not in classes] + [
        each for each in relations_in(text) if each not in relations
    ]


def _agreement(label: Labelled, said: Sequence[str], schema: LabelSchema) -> float:
    """How far single answers mean the same as the label, on average; 1 where nobody's are told."""
    if label.agreement is not None:
        return label.agreement
    if not said:
        return 1.0
    return round(sum(likeness(each, label.label, schema) for each in said) / len(said), 6)
