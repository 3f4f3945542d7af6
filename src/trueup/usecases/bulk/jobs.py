"""What a bulk job is asked, and what its parts answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, TypeVar

import msgspec

from trueup.dataset.parts import Part
from trueup.errors import InputError
from trueup.model import Record, Segment
from trueup.ports import DatasetStore
from trueup.usecases.export_version import Export

Verb = Literal["verify", "commit", "export"]
F = TypeVar("F", bound=Record)


class Bulk(Record, frozen=True, kw_only=True):
    """A job. `run` names it, `attempt` counts its plans. Of a verify or an export `version` is which.

    Of a commit it is the head that the plan found, `number` the one that the version gets, `epoch` that of what was
    forgotten by then, `frozen` how many frozen test sets there were, and `staged` the segments that hold what is to
    change. With `placing` the project's way of splitting says where new lines go; of `imported` lines those count whose
    label the head does not hold, and what it holds stays where it is; `brought` names what single people's answers to
    them lead to. One that lost its head is planned anew, and one
    whose groups came apart, by the report `rulings`.

    An export writes `split` (of all, None) in the format `form` to the URI `to`, where with `replace` something may be
    already."""

    verb: Verb
    project: str
    run: str = ""
    version: str = ""
    number: int = 0
    at: datetime | None = None
    epoch: int | None = None
    frozen: int | None = None
    branch: str = "main"
    reason: str = ""
    by: str = "trueup"
    staged: tuple[Segment, ...] = ()
    placing: bool = False
    imported: bool = False
    brought: str = ""
    rulings: str = ""
    form: str = ""
    split: str | None = None
    to: str = ""
    replace: bool = False
    parts: int = 0
    attempt: int = 0

    def place(self, name: str) -> str:
        """What a report of this attempt is called."""
        return f"bulk/{self.run}/{self.attempt}/{name}"


class Concluded(Record, frozen=True, kw_only=True):
    """How a job ended: `problems` of a verify, the `version` that a commit made, the report of an `export`."""

    verb: Verb
    parts: int
    problems: tuple[str, ...] = ()
    version: str = ""
    number: int = 0
    samples: int = 0
    export: Export | None = None


def read_job(document: object) -> Bulk:
    """Raises InputError naming the field."""
    try:
        job = msgspec.convert(document, Bulk)
    except msgspec.ValidationError as error:
        raise InputError(f"the bulk job cannot be read: {error}", field="job") from error
    if not job.run:
        raise InputError("the bulk job has no name: answers of two would lie in one place", field="job.run")
    return job


def keep(datasets: DatasetStore, bulk: Bulk, part: Part, found: Record) -> None:
    """Lay an answer down where `kept` finds it; a repeat takes its place."""
    datasets.put_report(bulk.project, bulk.place(f"{part.number:06d}.json"), msgspec.json.encode(found))


def kept(datasets: DatasetStore, bulk: Bulk, kind: type[F]) -> Iterator[F]:
    """The answers of all parts, in their order. Raises NotFoundError."""
    for number in range(bulk.parts):
        yield msgspec.json.decode(datasets.report(bulk.project, bulk.place(f"{number:06d}.json")), type=kind)
