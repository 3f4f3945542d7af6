"""Labels that exist already, in whatever tool they were given, become a version."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.cli.console import busy, count, paint_table, safe, say, say_json
from trueup.cli.dataset.naming import Branch
from trueup.cli.desk import Deployed, desk_of, me, project_of
from trueup.cli.exits import Exit
from trueup.cli.options import DryRun, Json, OneProject
from trueup.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from trueup.ports import LabelPlace
    from trueup.usecases.bring_labels import Brought, Listeners, Request, Tally

_GROUND_TRUTH = "ground-truth"
# What it costs to keep so many single answers is told.
_MANY_ANSWERS = 10_000
_FORMATS = (
    "augmented-manifest, coco, conll, csv, ground-truth, huggingface, jsonl, label-studio, parquet, preference-pairs, "
    "voc, webdataset or yolo."
)


def bring(
    context: typer.Context,
    form: Annotated[str, typer.Argument(metavar="FORMAT", help=f"What the labels are in: {_FORMATS}")],
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE",
            help="A file or a folder, of this machine or by its s3:// URI; with ground-truth a labeling job's prefix "
            "or name.",
        ),
    ],
    attribute: Annotated[
        str, typer.Option(help="Label attribute, column, control or file ending (default: found by itself).")
    ] = "",
    group: Annotated[str, typer.Option(help="What in a line or row names the group that stays in one split.")] = "",
    files: Annotated[str, typer.Option(help="Where inputs lie that are named (default: beside the labels).")] = "",
    names: Annotated[
        list[str] | None, typer.Option("--map", metavar="OLD=NEW", help="A class of the source under another name.")
    ] = None,
    content_type: Annotated[str, typer.Option(help="Content type of all inputs (default: by their names).")] = "",
    keep_splits: Annotated[
        bool, typer.Option("--keep-splits", help="Keep the source's splits (default: they follow from the group).")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Import the rest, and write what is skipped to --problems.")
    ] = False,
    problems: Annotated[Path, typer.Option(help="JSON Lines of what --skip-bad skipped.")] = Path(
        "import-problems.jsonl"
    ),
    answers: Annotated[
        Path | None, typer.Option(help="Write single people's answers there, for trueup quality.")
    ] = None,
    no_answers: Annotated[
        bool, typer.Option("--no-answers", help="Do not keep single people's answers beside the labels.")
    ] = False,
    branch: Branch = "main",
    in_cloud: Annotated[
        bool, typer.Option("--in-cloud", help="Let many functions make the version: for millions of labels.")
    ] = False,
    dry_run: DryRun = False,
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """Bring labels along that exist already: they become a version.

    All labels are looked at first. When one cannot be read, nothing is written, and the exit code is 3.
    """
    from trueup.usecases.bring_labels import Request

    _check(form)
    look = desk_of(context).look()
    name = project_of(look, project)
    found, attribute = _place(look, form, place, attribute)
    request = Request(
        project=name,
        form=form,
        place=found,
        files=look.sources.at(files).source if files else None,
        attribute=attribute or None,
        group=group or None,
        names=_map(names or []),
        content_type=content_type or None,
        keep_splits=keep_splits,
        skip_bad=skip_bad,
        branch=branch,
        keep_answers=not no_answers,
        by=me(),
    )
    with busy("looking at the labels"):
        tally = look.bring.compare(request) if dry_run else look.bring.look(request)
    if dry_run or (tally.problems and not skip_bad):
        _tell(tally, request, as_json=as_json, dry_run=dry_run)
        raise typer.Exit(Exit.PROBLEMS if tally.problems and not skip_bad else Exit.OK)
    if not tally.labels:
        raise InputError(f"{place} holds no label that can be used: {_why_none(tally)}")
    with busy("storing inputs and answers"), _listeners(problems if skip_bad else None, answers) as listeners:
        reason = f"import of {form} {place}"
        if in_cloud:
            brought = look.bring_by_many(request, tally.labels, reason, listeners)
        else:
            brought = look.bring(request, reason, listeners)
    if brought.tally.problems and not skip_bad:
        _tell(brought.tally, request, as_json=as_json)
        raise typer.Exit(Exit.PROBLEMS)
    if as_json:
        say_json({**_document(brought.tally), "version": brought.version})
        return
    _tell_brought(brought, request, problems)


def _tell_brought(brought: Brought, request: Request, problems: Path) -> None:
    _tell_notes(brought.tally, request)
    if brought.tally.problems:
        say(f"{count(brought.tally.problems, 'problem')} skipped: {problems} has each with its reason")
    version = brought.version
    if version is None:
        say(f"{count(brought.tally.labels, 'label')} read, all of them known: no new version")
    else:
        told = f"{version.added:,} added, {version.relabelled:,} relabelled, {version.samples:,} in all"
        say(f"v{version.number}: {told}")


def _check(form: str) -> None:
    from trueup.dataset.importing import IMPORTS

    if form not in IMPORTS:
        raise InputError(f"there is no format {form!r}: use one of {', '.join(IMPORTS)}", field="FORMAT")


def _place(look: Deployed, form: str, place: str, attribute: str) -> tuple[LabelPlace, str]:
    """Of Ground Truth, what is no place is the name of a job, which knows its attribute."""
    from trueup.dataset.importing.ground_truth import home_of

    if form != _GROUND_TRUTH:
        return look.sources.at(place), attribute
    try:
        return look.sources.at(home_of(place)), attribute
    except NotFoundError:
        if "/" in place:
            raise
    return _output_of(look, place, attribute)


def _output_of(look: Deployed, name: str, attribute: str) -> tuple[LabelPlace, str]:
    try:
        job = look.sources.job(name)
    except NotFoundError as error:
        told = f"aws sagemaker list-labeling-jobs --name-contains {name} shows jobs"
        raise NotFoundError(f"{name} is no file, no folder and no labeling job: {told}") from error
    try:
        return look.sources.at(job.place), attribute or job.attribute or ""
    except NotFoundError as error:
        raise NotFoundError(f"the labeling job {name} is {job.status} and has written nothing yet: {error}") from error


def _map(pairs: list[str]) -> dict[str, str]:
    made = {}
    for each in pairs:
        old, equals, new = each.partition("=")
        if not (old and equals and new):
            raise InputError(
                f"--map {each}: use OLD=NEW, a class of the source and one of the label schema", field="--map"
            )
        made[old] = new
    return made


@contextlib.contextmanager
def _listeners(problems: Path | None, answers: Path | None) -> Iterator[Listeners]:
    """Files that are written as things come, and only when one does."""
    from trueup.usecases.bring_labels import Listeners

    with contextlib.ExitStack() as stack:
        yield Listeners(problem=_lines(stack, problems, "--problems"), answer=_lines(stack, answers, "--answers"))


def _lines(stack: contextlib.ExitStack, path: Path | None, option: str) -> Any:
    import msgspec

    if path is None:
        return lambda _: None
    opened: list[Any] = []

    def write(record: object) -> None:
        try:
            if not opened:
                opened.append(stack.enter_context(path.open("wb")))
            opened[0].write(msgspec.json.encode(record) + b"\n")
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}", field=option) from error

    return write


def _tell(tally: Tally, request: Request, *, as_json: bool, dry_run: bool = False) -> None:
    if as_json:
        say_json({**_document(tally), "version": None})
        return
    if dry_run and tally.classes:
        rows = [(safe(name), f"{number:,}") for name, number in tally.classes.most_common()]
        paint_table(("class", "labels"), rows, ("labels",))
        say()
    if tally.first:
        paint_table(("where", "problem"), [(safe(each.where), safe(each.what)) for each in tally.first])
        say()
    _tell_notes(tally, request)
    if dry_run:
        say(
            f"{count(tally.labels, 'label')} can be used: {tally.new:,} new, {tally.known:,} known, "
            f"{tally.relabelled:,} relabelled, {tally.repeated:,} repeated"
        )
    if tally.problems:
        say(f"{_counted(tally)}. Nothing was written: mend {_them(tally)}, or add --skip-bad")


def _counted(tally: Tally) -> str:
    """Of what is wrong how much there is, how much of it is a name, and how much of the rest is shown."""
    told = count(tally.problems, "problem")
    if tally.misnamed:
        told += f", {tally.misnamed:,} of them with a name that the label schema does not know"
    if len(tally.first) < tally.problems - tally.misnamed:
        told += f"; the first {len(tally.first)} are shown"
    return told


def _them(tally: Tally) -> str:
    return "it" if tally.problems == 1 else "them"


def _tell_notes(tally: Tally, request: Request) -> None:
    if tally.unknown:
        told = ", ".join(f"{name} ({number:,})" for name, number in tally.unknown.most_common())
        say(f"the label schema does not know: {told}")
        say("  → --map OLD=NEW, or add them to label_schema.classes and deploy")
    for why, number in tally.left_out.most_common():
        say(f"{number:,} left out: {why}")
    if tally.by_model:
        say(f"{count(tally.by_model, 'label')} of a model, which no person gave (human-annotated: no)")
    never = sorted(set(request.names) - tally.mapped.keys())
    if never:
        say(f"no label has the name {', '.join(never)}, which --map names")
    if tally.splits and not request.keep_splits:
        told = ", ".join(f"{number:,} {name}" for name, number in tally.splits.most_common())
        say(f"the source's own splits ({told}) are not kept: splits follow from the group. --keep-splits keeps them")
    if tally.answers:
        say(f"{count(tally.answers, 'answer')} of single people: {_answers_told(tally.answers, request)}")


def _answers_told(answers: int, request: Request) -> str:
    from trueup.usecases.keep_answers import DOLLARS_PER_MILLION

    if not request.keep_answers:
        return "how far they agree with a label is kept beside it"
    told = "trueup dataset blame SAMPLE shows who gave a label"
    if answers < _MANY_ANSWERS:
        return told
    dollars = answers / 1e6 * DOLLARS_PER_MILLION
    return f"{told}. To keep them costs some ${dollars:,.2f} of DynamoDB; --no-answers leaves them out"


def _why_none(tally: Tally) -> str:
    told = [count(tally.problems, "problem")] if tally.problems else []
    told += [f"{number:,} left out: {why}" for why, number in tally.left_out.most_common(3)]
    return "; ".join(told) or "it is empty"


def _document(tally: Tally) -> dict[str, Any]:
    """The tally as it is, with plain counts."""
    found = {each.name: getattr(tally, each.name) for each in dataclasses.fields(tally)}
    plain = {name: dict(each) if isinstance(each, dict) else each for name, each in found.items()}
    first = plain.pop("first")
    return {**plain, "first_problems": first}
