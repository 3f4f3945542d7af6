"""Capture files on the desk: what a decoder reads in them, and how unsure the model was. Local files need no AWS."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, cast

import typer
from msgspec import UNSET, UnsetType

from trueup.capture.lines import DAMAGE
from trueup.cli.console import paint_table, safe, say
from trueup.cli.desk import desk_of, project_of
from trueup.cli.exits import Exit
from trueup.cli.options import Json
from trueup.errors import DecodeError, InputError
from trueup.model import AnswerPath, Capture, Found, Prediction, Quarantined, Record

if TYPE_CHECKING:
    from trueup.ports import ObjectReader

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Files = Annotated[list[str], typer.Argument(metavar="FILE…", help="Capture files: paths or s3:// URIs, gzip too.")]
Classes = Annotated[str, typer.Option(help="Names for answers that name no class, in order: a,b,c (default: 0, 1, …).")]
DecoderName = Annotated[str, typer.Option("--decoder", help="Which decoder reads (default: the first that can).")]
ValuesPath = Annotated[
    str, typer.Option("--path", metavar="JMESPATH", help="Where the numbers lie in answers that no decoder knows.")
]
OfProject = Annotated[str, typer.Option("--project", "-p", help="Take classes and decoder of this project.")]
_GZIP = b"\x1f\x8b"


class AnyClass(tuple[str, ...]):
    """Where nobody names the classes: any label is one, and bare numbers are of 0, 1, …"""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)


_INDICES = AnyClass(str(number) for number in range(1000))


class Reading(Record, frozen=True, kw_only=True):
    """One prediction of a capture file. `record` counts the instances of one event from 0; the three scores are
    those that selection ranks by (docs/extending.md). What the model did not give is null; `value` and `interval` are
    there for a regression alone."""

    event_id: str
    record: int
    kind: str
    classes: tuple[str, ...] | None
    probabilities: tuple[float, ...] | None
    label: str | None
    least_confidence: float | None
    margin: float | None
    entropy: float | None
    decoder: str
    objects: tuple[Found, ...] | None
    value: float | UnsetType = UNSET
    interval: tuple[float, float] | UnsetType | None = UNSET


@dataclass
class Trouble:
    """Counts what cannot be read, and tells it on stderr as it comes."""

    lines: int = 0

    def tell(self, file: str, line: int, reason: str) -> None:
        self.lines += 1
        sys.stderr.write(f"{file}:{line}: {reason}\n")


class Lens(Record, frozen=True, kw_only=True):
    """How captures are read: `classes` name bare probabilities, `decoder` None takes the first that can."""

    classes: tuple[str, ...]
    decoder: str | AnswerPath | None


@app.command()
def decode(
    context: typer.Context,
    files: Files,
    classes: Classes = "",
    decoder: DecoderName = "",
    path: ValuesPath = "",
    project: OfProject = "",
    as_json: Json = False,
) -> None:
    """What the model said in each capture. Code 3 when a line cannot be read; stderr says which and why."""
    trouble = Trouble()
    readings = _read(context, files, _lens(context, classes, decoder, path, project), trouble)
    if as_json:
        _say_lines(readings)
    else:
        rows = [[*_place(each), each.kind, _label(each), _said(each), each.decoder] for each in readings]
        _paint(["event", "record", "kind", "label", "said", "decoder"], rows, ("record",))
    _end(trouble)


@app.command()
def score(
    context: typer.Context,
    files: Files,
    classes: Classes = "",
    decoder: DecoderName = "",
    path: ValuesPath = "",
    project: OfProject = "",
    as_json: Json = False,
) -> None:
    """How unsure the model was of each prediction, most unsure by margin first."""
    trouble = Trouble()
    readings = _read(context, files, _lens(context, classes, decoder, path, project), trouble)
    if as_json:
        _say_lines(readings)
    else:
        ranked = sorted(readings, key=lambda each: -(each.margin if each.margin is not None else -1.0))
        rows = [[*_place(each), _label(each), *_figures(each)] for each in ranked]
        names = ("least confidence", "margin", "entropy")
        _paint(["event", "record", "label", *names], rows, ("record", *names))
    _end(trouble)


def _lens(context: typer.Context, classes: str, decoder: str, path: str, project: str) -> Lens:
    from trueup.capture.decoders import DECODERS

    reader = _reader(decoder, path)
    if decoder and decoder not in DECODERS:
        raise InputError(f"there is no decoder {decoder!r}; decoders: {', '.join(DECODERS)}", field="--decoder")
    named = tuple(each.strip() for each in classes.split(",") if each.strip())
    if not project:
        return Lens(classes=named or _INDICES, decoder=reader)
    look = desk_of(context).look()
    config = look.projects[project_of(look, project)]
    return Lens(classes=named or config.said_classes, decoder=reader or config.selection.reader)


def _reader(decoder: str, path: str) -> str | AnswerPath | None:
    from trueup.capture.decoders.answer_path import sound

    if decoder and path:
        raise InputError("give --decoder or --path: answers are read in one way", field="--path")
    if path and not sound(path):
        raise InputError(f"{path!r} is no JMESPath expression (jmespath.org)", field="--path")
    return AnswerPath(values=path) if path else decoder or None


def _read(context: typer.Context, files: list[str], lens: Lens, trouble: Trouble) -> Iterator[Reading]:
    """All predictions as they come. A file that is damaged is read up to there."""
    for file in files:
        with closing(open_capture(context, file)) as source:
            yield from _read_file(file, source, lens, trouble)


def _read_file(file: str, source: IO[bytes], lens: Lens, trouble: Trouble) -> Iterator[Reading]:
    from trueup.capture.records import read_captures

    lines = Lines(file, source)
    for item in read_captures(lines):
        found = _readings(item, lens) if isinstance(item, Capture) else item
        if isinstance(found, Quarantined):
            trouble.tell(file, found.line, found.reason)
        elif isinstance(found, list):
            yield from found
    if lines.damage:
        trouble.tell(file, lines.number + 1, lines.damage)


def _readings(capture: Capture, lens: Lens) -> list[Reading] | Quarantined:
    from trueup.capture.decoders import decode as decode_payload

    if capture.output is None:
        return _unread(capture, "the record has no output")
    try:
        predictions, name = decode_payload(capture.output, lens.classes, lens.decoder)
    except DecodeError as error:
        return _unread(capture, str(error))
    return [_reading(capture, number, each, name) for number, each in enumerate(predictions)]


def _unread(capture: Capture, reason: str) -> Quarantined:
    return Quarantined(line=capture.line, offset=capture.offset, reason=reason, raw=capture.raw)


def _reading(capture: Capture, number: int, prediction: Prediction, decoder: str) -> Reading:
    from trueup.selection.choose import uncertainties

    scores = uncertainties(prediction)
    regression = prediction.kind == "regression"
    return Reading(
        event_id=capture.event_id,
        record=number,
        kind=prediction.kind,
        classes=prediction.classes or None,
        probabilities=prediction.probabilities or None,
        label=prediction.label if prediction.classes else None,
        least_confidence=scores.get("least_confidence"),
        margin=scores.get("margin"),
        entropy=scores.get("entropy"),
        decoder=decoder,
        objects=prediction.objects or None,
        value=prediction.value if regression and prediction.value is not None else UNSET,
        interval=prediction.interval if regression else UNSET,
    )


def open_capture(context: typer.Context, file: str) -> IO[bytes]:
    """The bytes of a file, unzipped where they are zipped. Raises InputError, NotFoundError."""
    if file.startswith("s3://"):
        objects: ObjectReader = desk_of(context).look().objects
        stream: IO[bytes] = io.BytesIO(objects.get(file).data)
    else:
        stream = _local(file)
    peek = stream.read(len(_GZIP))
    stream.seek(0)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=stream)) if peek == _GZIP else stream


def _local(file: str) -> IO[bytes]:
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", field="FILE") from error


@dataclass
class Lines:
    """The lines of a file with their byte offsets, up to its end or to where it is damaged."""

    file: str
    source: IO[bytes]
    number: int = 0
    damage: str = ""

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        offset = 0
        try:
            for raw in self.source:
                self.number += 1
                yield offset, raw.removesuffix(b"\n").removesuffix(b"\r")
                offset += len(raw)
        except DAMAGE as error:
            self.damage = f"the file is cut off or damaged after {offset:,} bytes: {error}"


def _say_lines(readings: Iterable[Reading]) -> None:
    import msgspec

    for each in readings:
        say(msgspec.json.encode(each).decode())


def _paint(columns: list[str], rows: list[list[str]], numbers: tuple[str, ...]) -> None:
    if rows:
        paint_table(columns, rows, numbers)
    else:
        say("no predictions")


def _place(reading: Reading) -> tuple[str, str]:
    return _printable(reading.event_id), str(reading.record)


def _label(reading: Reading) -> str:
    return "-" if reading.label is None else _printable(reading.label)


def _printable(text: str) -> str:
    """A model's words on a terminal: nothing that steers it."""
    return safe("".join(each if each.isprintable() else "·" for each in text))


def _said(reading: Reading) -> str:
    if reading.kind == "regression":
        return f"{reading.value:g}" + (" in {:g} to {:g}".format(*reading.interval) if reading.interval else "")
    if reading.objects:
        return "  ".join(f"{_printable(each.label)} {each.score:.3f}" for each in reading.objects)
    if reading.kind in ("entities", "detections"):
        return "nothing found"
    named = zip(reading.classes or (), reading.probabilities or (), strict=bool(reading.probabilities))
    return "  ".join(f"{_printable(name)} {chance:.3f}" for name, chance in named) or "no probability"


def _figures(reading: Reading) -> list[str]:
    scores = (reading.least_confidence, reading.margin, reading.entropy)
    return ["-" if each is None else f"{each:.3f}" for each in scores]


def _end(trouble: Trouble) -> None:
    if trouble.lines:
        raise typer.Exit(Exit.PROBLEMS)
