"""Where labels come from, and what an importer makes of them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from trueup.errors import InputError
from trueup.model import LabelSchema, Record, Split


class Source(Protocol):
    """Files below a place, by their names relative to it, with / between folders."""

    @property
    def place(self) -> str:
        """As an operator names it."""
        ...

    def names(self, under: str = "") -> Iterator[str]:
        """Those that begin with `under`, in the order of their characters."""
        ...

    def open(self, name: str) -> BinaryIO:
        """A seekable stream of the file's bytes; memory stays flat. An s3:// URI leads to an object of
        wherever. Raises NotFoundError, InputError for a name that leads out of the place."""
        ...


class Answer(Record, frozen=True, kw_only=True):
    """What one person said of an input, where a source tells. `annotator` is the source's own name of them."""

    annotator: str
    label: str
    submitted_at: datetime | None = None
    seconds_spent: float = 0.0


class Labelled(Record, frozen=True, kw_only=True):
    """One labelled input. `where` is its place in the source: file and line, or what else leads there.

    `label` is a label's text, with the source's own names of classes. The input is `data` itself, or what Source.open
    answers to `ref`. `confidence` is how sure the source is of the label, `agreement` how far people agreed, 0 to 1;
    None where it does not say. `by_model`: no person gave it.
    """

    where: str
    label: str
    data: bytes | None = None
    ref: str | None = None
    content_type: str | None = None
    group: str | None = None
    split: Split | None = None
    confidence: float | None = None
    agreement: float | None = None
    labelled_at: datetime | None = None
    answers: tuple[Answer, ...] = ()
    by_model: bool = False


class Problem(Record, frozen=True, kw_only=True):
    """What cannot be read, and why. `raw` is what stands there, where that is short enough to keep."""

    where: str
    what: str
    raw: str = ""


class LeftOut(Record, frozen=True, kw_only=True):
    """What holds no label for a reason that is no fault of the source; reasons are counted."""

    where: str
    why: str


Item = Labelled | Problem | LeftOut


@dataclass(frozen=True)
class Reading:
    """What an importer is asked for: the labels of a file of the source, or of all of it where `file` is None.

    `attribute` names the attribute, column or file ending that holds the label, and `group` what holds the group, where
    the format leaves a choice. `files` is where inputs lie that the source names by relative names. Without `answers`
    single people's answers are not looked for.
    """

    source: Source
    schema: LabelSchema
    files: Source
    file: str | None = None
    attribute: str | None = None
    group: str | None = None
    answers: bool = True


def within(name: str) -> str:
    """The name as it is below a place. Raises InputError for one that leads out of it."""
    clean = posixpath.normpath(name.replace("\\", "/"))
    if clean.startswith(("/", "../")) or clean in ("..", ".") or "\0" in clean:
        raise InputError(f"{name} leads out of the place that is imported: add --files with where inputs lie")
    return clean
