"""What an export format is asked for, and what it answers: files in turn, each in pieces.

Nothing here or in `formats/` holds all lines or all payloads: samples come as an iterator that may be asked for again,
payloads a few at a time, and a file's bytes leave as they are made. The same version makes the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol, TypeVar, get_args

from trueup.errors import InputError, LabelError
from trueup.labels.reading import checked, read
from trueup.model import DatasetVersion, Kind, LabelledSample, LabelSchema, Payload

# As large as training reads at once: a few hundred MB is what both WebDataset and the Hugging Face Hub advise.
SHARD_BYTES = 500_000_000
SPLITS = ("train", "validation", "test")
EVERY_KIND: tuple[Kind, ...] = get_args(Kind)
# Why a sample is not in an export.
NONE_FITS = "labels that say that no class fits"
# What of a sample is not there, in formats without any field of one's own.
GROUPS = "names of samples' groups"
V = TypeVar("V")
T = TypeVar("T")


@dataclass(frozen=True)
class Cut:
    """Whether many can write a version at once, each a part of its samples into files of its own: about `rows` samples
    each, or `why` not."""

    rows: int = 0
    why: str = ""


# Of a line each, which are made within seconds.
LINES = Cut(rows=250_000)
# With their inputs: so many of 3 MB are read and written in the 15 minutes that a function has, at 80 MB a second.
INPUTS = Cut(rows=10_000)


@dataclass(frozen=True)
class ExportedFile:
    """`path` is below the export's root, with slashes. The chunks are to be read before the next file is asked for."""

    path: str
    chunks: Iterator[bytes]


@dataclass(frozen=True)
class ExportRequest:
    """What to write. `schema` is the one that the version was made under. `samples` begins anew at each call, sorted by
    sample id, of `splits` alone. `loaded` brings each sample's payload along, in the samples' order, and reads no
    further ahead than a few. `root` is the URI that paths are relative to, ending in a slash; empty where they are
    files. `shard_bytes`: of inputs, in each of the files that hold many. A format counts what it cannot hold, by
    reason: samples in `left_out`, parts of labels in `lost`. `part` is the number of the part that the samples are,
    where many write a version.
    """

    project: str
    version: DatasetVersion
    schema: LabelSchema
    splits: tuple[str, ...]
    samples: Callable[[], Iterator[LabelledSample]]
    loaded: Callable[[Iterable[LabelledSample]], Iterator[tuple[LabelledSample, Payload]]]
    root: str = ""
    shard_bytes: int = SHARD_BYTES
    left_out: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    part: int | None = None

    def named(self, file: str) -> str:
        """A file's name: of a part, `samples.jsonl` is `samples-000003.jsonl`."""
        if self.part is None:
            return file
        stem, dot, suffix = file.partition(".")
        return f"{stem}-{self.part:06d}{dot}{suffix}"

    def of(self, split: str) -> Iterator[LabelledSample]:
        return (each for each in self.samples() if each.split == split)

    def payload(self, sample: LabelledSample) -> Payload:
        ((_, found),) = self.loaded([sample])
        return found

    @property
    def title(self) -> str:
        return f"{self.project} v{self.version.number}"


class Format(Protocol):
    """A module with these is a format. `FILE` is the name of its one file, or empty where it makes several; `READERS`
    says in a few words who reads it. Where not `HOLDS_NONE`, samples whose labels say that no class fits are left out
    before it sees them. What has a `CUT` with rows calls its files as `ExportRequest.named` does."""

    KINDS: tuple[Kind, ...]
    HOLDS_NONE: bool
    FILE: str
    READERS: str
    CUT: Cut

    def files(self, request: ExportRequest) -> Iterator[ExportedFile]:
        """Raises LabelError for a label that the schema does not know, InputError for a payload that is not what the
        format needs; both name the sample."""
        ...


class Peekable(Iterator[T]):
    """An iterator that says whether more is to come."""

    def __init__(self, things: Iterable[T]) -> None:
        self._things = iter(things)
        self._next: list[T] = []

    def __next__(self) -> T:
        return self._next.pop() if self._next else next(self._things)

    def __bool__(self) -> bool:
        if not self._next:
            self._next.extend(islice(self._things, 1))
        return bool(self._next)


def label_of(sample: LabelledSample, schema: LabelSchema) -> str:
    """The label's text under the schema's names. Raises LabelError naming the sample."""
    with naming(sample):
        return checked(sample.label, schema)


def lose_group(request: ExportRequest, sample: LabelledSample) -> None:
    """Count it, unless the sample stands alone: then it is its own group wherever it comes to."""
    request.lost[GROUPS] += sample.group != sample.sample_id


def fits_none(sample: LabelledSample) -> bool:
    """Whether its label says that no class fits."""
    return sample.label.startswith('{"none"')


def value_of(sample: LabelledSample, request: ExportRequest, kind: type[V]) -> V:
    """What the label says. Raises LabelError naming the sample."""
    with naming(sample):
        value = read(sample.label, request.schema)
        if not isinstance(value, kind):
            raise LabelError(f"the label is no {kind.__name__.lower()} label", field="label")
        return value


def text_of(sample: LabelledSample, payload: Payload) -> str:
    """Raises InputError naming the sample."""
    with naming(sample):
        try:
            return payload.data.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"({payload.content_type}) is not UTF-8: {error}", field="payload_uri") from error


@contextmanager
def naming(sample: LabelledSample) -> Iterator[None]:
    """What is wrong with a label or an input names the sample."""
    name = f"sample {sample.sample_id[:12]}"
    try:
        yield
    except LabelError as error:
        raise LabelError(f"{name}: {error}", field=error.field) from error
    except InputError as error:
        raise InputError(f"the input of {name} {error}", field=error.field) from error
