"""Labels of several people on the desk: consensus, agreement and skill from a file of answers. No AWS is needed."""

from __future__ import annotations

import enum
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from trueup.cli.capture import open_capture
from trueup.cli.console import paint_table, safe, say, say_json
from trueup.cli.options import Json
from trueup.errors import InputError
from trueup.model import Record

if TYPE_CHECKING:
    from trueup.quality.agreement import Agreement, Level
    from trueup.quality.answers import Answers, Fit

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

AnswersFile = Annotated[
    str, typer.Argument(metavar="ANSWERS", help="JSON Lines of sample, annotator and label; - reads stdin.")
]
MethodName = Annotated[str, typer.Option("--method", help="How answers become a label (docs/extending.md).")]
Classes = Annotated[
    str, typer.Option(metavar="A,B,C", help="All labels that could be given (default: those that were given).")
]
Predictions = Annotated[
    str,
    typer.Option(
        metavar="FILE", help="What a model said: JSON Lines of sample and probabilities by label (for crowdlab)."
    ),
]
MetricName = Annotated[str, typer.Option("--metric", help="percent, cohen, fleiss, krippendorff or gwet.")]
LevelName = Annotated[
    str, typer.Option("--level", help="How far labels are apart: nominal, ordinal (by rank) or interval (by value).")
]
Order = Annotated[
    str, typer.Option(metavar="A,B,C", help="Ordinal labels from lowest to highest (default: numbers as they are).")
]
ByClass = Annotated[bool, typer.Option("--by-class", help="Each label against all the others, too.")]
_STDIN = "-"
_Choice = TypeVar("_Choice", bound=enum.StrEnum)


class ConsensusLine(Record, frozen=True, kw_only=True):
    """A sample's label, how likely it is by its answers, and how many they are."""

    sample: str
    label: str
    posterior: float
    answers: int


class ClassLine(Record, frozen=True, kw_only=True):
    label: str
    value: float
    low: float
    high: float


class AgreementLine(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A measure with its 90 % interval, over the samples with at least two answers; `classes` with --by-class."""

    metric: str
    level: str
    value: float
    low: float
    high: float
    samples: int
    annotators: int
    classes: list[ClassLine] | None = None


class AnnotatorLine(Record, frozen=True, kw_only=True):
    """An annotator's probability of a right answer, with its 90 % interval."""

    annotator: str
    skill: float
    low: float
    high: float
    answers: int


@app.command()
def consensus(
    context: typer.Context,
    answers: AnswersFile,
    method: MethodName = "dawid-skene",
    classes: Classes = "",
    predictions: Predictions = "",
    as_json: Json = False,
) -> None:
    """One label for each sample, and how likely it is."""
    from trueup.quality.ties import winners

    found, fit = _fitted(context, answers, method, classes, predictions)
    best = winners(fit.posterior, found.classes, found.samples)
    lines = [
        ConsensusLine(
            sample=sample,
            label=found.classes[winner],
            posterior=round(float(chances[winner]), 6),
            answers=int(count),
        )
        for sample, winner, chances, count in zip(found.samples, best, fit.posterior, found.counts, strict=True)
    ]
    if as_json:
        _say_lines(lines)
        return
    rows = [[safe(each.sample), safe(each.label), f"{each.posterior:.3f}", f"{each.answers:,}"] for each in lines]
    paint_table(["sample", "label", "posterior", "answers"], rows, ("posterior", "answers"))


@app.command()
def agreement(
    context: typer.Context,
    answers: AnswersFile,
    metric: MetricName = "krippendorff",
    level: LevelName = "nominal",
    order: Order = "",
    by_class: ByClass = False,
    as_json: Json = False,
) -> None:
    """How far annotators agree, with a 90 % bootstrap interval over the samples."""
    from trueup.quality import agreement as measures
    from trueup.quality.answers import Answers

    chosen, scale = _one_of(measures.Metric, metric, "--metric"), _one_of(measures.Level, level, "--level")
    triples = _triples(context, answers)
    found = Answers.of(triples, _ranked({label for *_, label in triples}, scale, order, answers))
    whole = measures.agreement(found, chosen, scale)
    if not whole.samples:
        raise InputError(f"{answers}: no sample has two answers, so there is nothing to agree on", field="sample")
    classes = [_class_line(name, each) for name, each in measures.by_class(found, chosen).items()] if by_class else None
    line = AgreementLine(
        metric=chosen.value,
        level=scale.value,
        value=round(whole.value, 12),
        low=round(whole.low, 6),
        high=round(whole.high, 6),
        samples=whole.samples,
        annotators=len(found.annotators),
        classes=classes,
    )
    if as_json:
        say_json(line)
        return
    rows = [["all", f"{line.value:.3f}", f"{line.low:.3f}", f"{line.high:.3f}"]]
    rows += [[safe(each.label), f"{each.value:.3f}", f"{each.low:.3f}", f"{each.high:.3f}"] for each in classes or ()]
    paint_table(["labels", f"{metric} ({level})", "low", "high"], rows, (f"{metric} ({level})", "low", "high"))
    say(f"{line.samples:,} samples with two answers or more, {line.annotators:,} annotators")


@app.command()
def annotators(
    context: typer.Context,
    answers: AnswersFile,
    method: MethodName = "dawid-skene",
    classes: Classes = "",
    predictions: Predictions = "",
    as_json: Json = False,
) -> None:
    """How often each annotator is right, with a 90 % interval; worst first."""
    from trueup.quality.skills import skills_of

    found, fit = _fitted(context, answers, method, classes, predictions)
    lines = [
        AnnotatorLine(
            annotator=each.annotator,
            skill=round(each.skill, 6),
            low=round(each.low, 6),
            high=round(each.high, 6),
            answers=each.answers,
        )
        for each in sorted(skills_of(found, fit), key=lambda each: (each.skill, each.annotator))
    ]
    if as_json:
        _say_lines(lines)
        return
    rows = [
        [safe(each.annotator), f"{each.skill:.3f}", f"{each.low:.3f}", f"{each.high:.3f}", f"{each.answers:,}"]
        for each in lines
    ]
    columns = ("skill", "low", "high", "answers")
    paint_table(["annotator", *columns], rows, columns)


def _fitted(context: typer.Context, file: str, method: str, classes: str, predictions: str) -> tuple[Answers, Fit]:
    import dataclasses

    from trueup.quality.answers import Answers
    from trueup.quality.lines import read_predictions
    from trueup.quality.methods import METHODS

    if method not in METHODS:
        raise InputError(f"there is no --method {method}; methods: {', '.join(METHODS)}", field="--method")
    named = [each.strip() for each in classes.split(",") if each.strip()]
    found = Answers.of(_triples(context, file), named or None)
    if predictions:
        said = read_predictions(_bytes(context, predictions), _name(predictions), found.samples, found.classes)
        found = dataclasses.replace(found, predictions=said)
    return found, METHODS[method].fit(found)


def _triples(context: typer.Context, file: str) -> list[tuple[str, str, str]]:
    from trueup.quality.lines import read_answers

    return read_answers(_bytes(context, file), _name(file))


def _bytes(context: typer.Context, file: str) -> bytes:
    if file == _STDIN:
        return sys.stdin.buffer.read()
    with closing(open_capture(context, file)) as source:
        try:
            return source.read()
        except (OSError, EOFError) as error:
            raise InputError(f"{file} is cut off or damaged: {error}", field=file) from error


def _name(file: str) -> str:
    return "stdin" if file == _STDIN else file


def _ranked(labels: set[str], level: Level, order: str, file: str) -> list[str]:
    """The labels from lowest to highest where that matters."""
    from trueup.quality.agreement import Level

    if order:
        named = [each.strip() for each in order.split(",")]
        missing = sorted(labels - set(named))
        if missing:
            raise InputError(f"--order does not name {', '.join(missing)}, which {file} holds", field="--order")
        return [each for each in named if each in labels]
    if level is Level.NOMINAL:
        return sorted(labels)
    wrong = sorted(each for each in labels if not _is_number(each))
    if wrong:
        what = "give --order LOWEST,…,HIGHEST" if level is Level.ORDINAL else "--level interval needs numbers"
        raise InputError(f"{file}: field `label` holds {wrong[0]!r}, which is no number; {what}", field="label")
    return sorted(labels, key=float)


def _is_number(text: str) -> bool:
    import math

    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _one_of(kind: type[_Choice], text: str, option: str) -> _Choice:
    try:
        return kind(text)
    except ValueError as error:
        raise InputError(f"there is no {option} {text}; there are {', '.join(kind)}", field=option) from error


def _class_line(name: str, found: Agreement) -> ClassLine:
    return ClassLine(label=name, value=round(found.value, 6), low=round(found.low, 6), high=round(found.high, 6))


def _say_lines(lines: Sequence[Record]) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.Encoder().encode_lines(lines).decode())
