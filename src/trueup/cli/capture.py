"""Capture files on the desk: what a decoder reads in them, and how unsure the model was. Local files need no AWS."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, cast

import typer

from trueup.cli.console import paint_table, say
from trueup.cli.desk import desk_of, project_of
from trueup.cli.exits import Exit
from trueup.cli.options import Json
from trueup.errors import CaptureError, DecodeError, InputError
from trueup.model import Capture, Prediction, Quarantined, Record

if TYPE_CHECKING:
    from trueup.ports import ObjectReader

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Files = Annotated[list[str], typer.Argument(metavar="FILE…", help="Capture files: paths or s3:// URIs, gzip too.")]
Classes = Annotated[str, typer.Option(help="Names for answers that name no class, in order: a,b,c (default: 0, 1, …).")]
DecoderName = Annotated[str, typer.Option("--decoder", help="Which decoder reads (default: the first that can).")]
OfProject = Annotated[str, typer.Option("--project", "-p", help="Take classes and decoder of this project.")]
_GZIP = b"\x1f\x8b"
_INDICES = tuple(str(number) for number in range(1000))


class Reading(Record, frozen=True, kw_only=True):
    """One prediction of a capture file. `record` counts the instances of one event from 0; the three scores are
    those that selection ranks by (docs/concepts.md), null where the model gave no probability."""

    event_id: str
    record: int
    kind: str
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    label: str
    least_confidence: float | None
    margin: float | None
    entropy: float | None
    decoder: str


class Lens(Record, frozen=True, kw_only=True):
    """How captures are read: `classes` name bare probabilities, `decoder` None takes the first that can."""

    classes: tuple[str, ...]
    decoder: str | None


@app.command()
def decode(
    context: typer.Context,
    files: Files,
    classes: Classes = "",
    decoder: DecoderName = "",
    project: OfProject = "",
    as_json: Json = False,
) -> None:
    """What the model said in each capture. Code 3 when a line cannot be read; stderr says which and why."""
    readings, bad = _read(context, files, _lens(context, classes, decoder, project))
    if as_json:
        _say_lines(readings)
    else:
        rows = [[each.event_id, str(each.record), each.label, _chances(each), each.decoder] for each in readings]
        paint_table(["event", "record", "label", "probabilities", "decoder"], rows, ("record",))
    _end(bad)


@app.command()
def score(
    context: typer.Context,
    files: Files,
    classes: Classes = "",
    decoder: DecoderName = "",
    project: OfProject = "",
    as_json: Json = False,
) -> None:
    """How unsure the model was of each prediction, most unsure by margin first."""
    readings, bad = _read(context, files, _lens(context, classes, decoder, project))
    if as_json:
        _say_lines(readings)
    else:
        ranked = sorted(readings, key=lambda each: -(each.margin if each.margin is not None else -1.0))
        rows = [[each.event_id, str(each.record), each.label, *_figures(each)] for each in ranked]
        names = ("least confidence", "margin", "entropy")
        paint_table(["event", "record", "label", *names], rows, ("record", *names))
    _end(bad)


def _lens(context: typer.Context, classes: str, decoder: str, project: str) -> Lens:
    named = tuple(each.strip() for each in classes.split(",") if each.strip())
    if not project:
        return Lens(classes=named or _INDICES, decoder=decoder or None)
    look = desk_of(context).look()
    config = look.projects[project_of(look, project)]
    return Lens(classes=named or config.label_schema.names, decoder=decoder or config.selection.decoder)


def _read(context: typer.Context, files: list[str], lens: Lens) -> tuple[list[Reading], int]:
    """All predictions, and how many lines could not be read; those are told on stderr as they come."""
    from trueup.capture.records import read_captures

    readings: list[Reading] = []
    bad = 0
    for file in files:
        with closing(_open(context, file)) as source:
            for item in read_captures(_lines(file, source)):
                found = _readings(item, lens) if isinstance(item, Capture) else item
                if isinstance(found, Quarantined):
                    bad += 1
                    sys.stderr.write(f"{file}:{found.line}: {found.reason}\n")
                elif isinstance(found, list):
                    readings += found
    return readings, bad


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

    scores = uncertainties(prediction) if prediction.probabilities else {}
    return Reading(
        event_id=capture.event_id,
        record=number,
        kind=_kind(prediction, decoder),
        classes=prediction.classes,
        probabilities=prediction.probabilities,
        label=prediction.label,
        least_confidence=scores.get("least_confidence"),
        margin=scores.get("margin"),
        entropy=scores.get("entropy"),
        decoder=decoder,
    )


def _kind(prediction: Prediction, decoder: str) -> str:
    if not prediction.probabilities:
        return "labels"
    if prediction.partial and len(prediction.classes) == 1:
        return "winner"
    return "logits" if decoder == "json_logits" else "probabilities"


def _open(context: typer.Context, file: str) -> IO[bytes]:
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


def _lines(file: str, source: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    offset = 0
    try:
        for raw in source:
            yield offset, raw.removesuffix(b"\n").removesuffix(b"\r")
            offset += len(raw)
    except (OSError, EOFError) as error:
        raise CaptureError(f"{file} is cut off or damaged after {offset} bytes: {error}", field=file) from error


def _say_lines(readings: list[Reading]) -> None:
    import msgspec

    for each in readings:
        say(msgspec.json.encode(each).decode())


def _chances(reading: Reading) -> str:
    named = zip(reading.classes, reading.probabilities, strict=bool(reading.probabilities))
    return "  ".join(f"{name} {chance:.3f}" for name, chance in named) or "none given"


def _figures(reading: Reading) -> list[str]:
    scores = (reading.least_confidence, reading.margin, reading.entropy)
    return ["-" if each is None else f"{each:.3f}" for each in scores]


def _end(bad: int) -> None:
    if bad:
        raise typer.Exit(Exit.PROBLEMS)
