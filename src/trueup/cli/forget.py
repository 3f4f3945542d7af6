"""Verbs that take a person's data away, and show and check the receipts of that."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import busy, count, paint, paint_facts, paint_table, safe, say, say_json, stamp
from trueup.cli.desk import confirm, desk_of, me, project_of, projects_of
from trueup.cli.exits import Exit
from trueup.cli.options import AnyProject, DryRun, Json, OneProject, Yes
from trueup.errors import ConflictError, InputError

if TYPE_CHECKING:
    from trueup.cli.desk import Deployed
    from trueup.model import Consequence, Forgetting, Receipt
    from trueup.usecases.resolve_subject import Found, Wish

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
_LISTED = 20


@app.callback()
def forget(
    context: typer.Context,
    subject: Annotated[
        str, typer.Option(help="A group; with --since also an inference id, or the value of a custom attribute.")
    ] = "",
    sample: Annotated[list[str] | None, typer.Option(help="Id of one sample; may be given several times.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Also look through all capture files from this day on (UTC).")
    ] = None,
    captures: Annotated[bool, typer.Option("--captures", help="Take the captures out of their files, too.")] = False,
    retrain: Annotated[bool, typer.Option("--retrain", help="Then start a retraining without it.")] = False,
    reason: Annotated[str, typer.Option(help="Why, as the receipt says it: without the subject's name.")] = "",
    project: OneProject = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Forget a subject, or single samples, for good: payloads, answers, labels, exports; tombstones keep it out, every
    branch gets a version without it, and a signed receipt lists the versions, models and endpoints that held it."""
    if context.invoked_subcommand is not None:
        return
    wish = _wish(context, subject, sample or [], since, project)
    look = desk_of(context).look()
    begun = look.forget.begun(wish)
    if begun is None or dry_run:
        _ask(look, wish, begun, dry_run=dry_run, yes=yes, as_json=as_json, captures=captures)
    if dry_run:
        return
    with busy("forgetting"):
        signed = look.forget(wish, by=me(), reason=reason, rewrite=captures)
    if as_json:
        say_json(signed)
    else:
        _paint_receipt(signed.receipt)
    if retrain:
        _retrain(look, signed.receipt, quiet=as_json)


@app.command("list")
def list_receipts(context: typer.Context, project: AnyProject = "", as_json: Json = False) -> None:
    """Receipts, newest first, and deletions that were cut short."""
    look = desk_of(context).look()
    names = projects_of(look, project)
    receipts = [each.receipt for name in names for each in look.check_receipts.all(name)]
    jobs = [each for name in names for each in look.forget.receipts.jobs(name)]
    if as_json:
        say_json({"receipts": receipts, "begun": [each.draft for each in jobs]})
        return
    if not receipts and not jobs:
        say("nothing was forgotten yet")
        return
    _paint_begun(jobs)
    rows = [
        [
            each.project,
            str(each.number),
            stamp(each.at),
            each.by,
            str(len(each.samples)),
            str(len(each.versions)),
            str(len(each.consequences)),
            safe(each.reason),
        ]
        for each in receipts
    ]
    columns = ["project", "receipt", "at", "by", "samples", "versions", "made of it", "reason"]
    paint_table(columns, rows, ("receipt", "samples", "versions", "made of it"))


@app.command("show")
def show_receipt(
    context: typer.Context,
    number: Annotated[int, typer.Argument(min=1, metavar="NUMBER", help="Number of the receipt.")],
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """One receipt. --json is the file as it was signed, to hand on."""
    look = desk_of(context).look()
    data = look.check_receipts.stored(project_of(look, project), number)
    if as_json:
        say(data.decode())
        return
    from trueup.dataset.receipts import read_receipt

    _paint_receipt(read_receipt(data).receipt)


@app.command("verify")
def verify_receipts(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[RECEIPT]", exists=True, dir_okay=False, help="File of one receipt (default: all)."),
    ] = None,
    subject: Annotated[str, typer.Option(help="Also say whether the receipt is this subject's.")] = "",
    project: AnyProject = "",
    as_json: Json = False,
) -> None:
    """Check signatures, the chain, and that nothing was redacted without a receipt. Exit code 3 when something does not
    hold."""
    look = desk_of(context).look()
    problems = _checked_file(look, file, subject, project) if file else _checked_all(look, project, quiet=as_json)
    if as_json:
        say_json({"problems": problems})
    for each in [] if as_json else problems:
        paint(f"[red]✗[/] {safe(each)}")
    if problems:
        raise typer.Exit(Exit.PROBLEMS)
    if not as_json:
        paint("[green]✓[/] every signature and link holds")


def _wish(context: typer.Context, subject: str, samples: list[str], since: datetime | None, project: str) -> Wish:
    from trueup.usecases.resolve_subject import Wish

    if bool(subject) == bool(samples):
        raise InputError("say --subject or --sample, and not both", field="--subject")
    look = desk_of(context).look()
    return Wish(
        project=project_of(look, project),
        subject=subject,
        sample_ids=tuple(samples),
        since=since.replace(tzinfo=since.tzinfo or UTC) if since else None,
    )


def _ask(
    look: Deployed, wish: Wish, begun: Forgetting | None, *, dry_run: bool, yes: bool, as_json: bool, captures: bool
) -> None:
    """Show what there is, and go on when a person says so."""
    with busy("looking"):
        found = look.forget.found(wish)
    if as_json and dry_run:
        say_json(found)
    elif not as_json:
        _paint_found(found, captures)
        _paint_begun([begun] if begun else [])
    if not dry_run:
        confirm(f"Forget {count(len(found.samples), 'sample')} for good? Nothing brings them back.", yes)


def _paint_found(found: Found, captures: bool) -> None:
    paint_facts(
        [
            ("samples", str(len(found.samples))),
            ("held by", _versions([each.number for each in found.versions])),
            ("captures", f"{count(len(found.events), 'inference')} in {count(len(found.captures), 'file')}"),
        ]
    )
    _paint_list("made of it", [_consequence(each) for each in found.consequences])
    if found.captures and not captures:
        paint("the captures stay in their files: --captures takes them out, too")


def _paint_receipt(receipt: Receipt) -> None:
    paint(f"[green]✓[/] receipt [bold]{receipt.number}[/] of {safe(receipt.project)}, {stamp(receipt.at)}")
    paint_facts(
        [
            ("forgotten", count(len(receipt.samples), "sample")),
            ("with them", ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in receipt.counts.items())),
            ("by", safe(receipt.by)),
            ("reason", safe(receipt.reason or "-")),
            ("held by", _versions([each.number for each in receipt.versions])),
            ("segments", f"{len(receipt.segments)} redacted"),
            ("taken away", count(len(receipt.removed), "file")),
            ("captures", f"{len(receipt.captures_rewritten)} of {count(len(receipt.captures), 'file')} rewritten"),
            ("signed", "trueup forget verify checks it"),
        ]
    )
    _paint_list("made of it", [_consequence(each) for each in receipt.consequences])
    _paint_list("to do by hand", receipt.by_hand)


def _paint_list(title: str, lines: list[str] | tuple[str, ...]) -> None:
    if not lines:
        return
    paint(f"[bold]{title}[/]")
    for each in lines[:_LISTED]:
        paint(f"  {safe(each)}")
    if len(lines) > _LISTED:
        paint(f"  … {len(lines) - _LISTED} more: --json shows all")


def _paint_begun(jobs: list[Forgetting]) -> None:
    for each in jobs:
        draft = each.draft
        paint(
            f"[yellow]![/] {safe(draft.project)}: a deletion of {count(len(draft.samples), 'sample')} by "
            f"{safe(draft.by)}, {stamp(draft.began_at)}, was cut short: the same command again goes on"
        )


def _consequence(each: Consequence) -> str:
    serves = ", serving now" if each.serving else ""
    return f"{each.kind} {each.id} of {stamp(each.since)}{serves}"


def _versions(numbers: list[int]) -> str:
    """v3, v5-v9."""
    spans: list[list[int]] = []
    for each in sorted(numbers):
        if spans and each == spans[-1][-1] + 1:
            spans[-1].append(each)
        else:
            spans.append([each])
    return ", ".join(f"v{each[0]}" if len(each) == 1 else f"v{each[0]}-v{each[-1]}" for each in spans) or "no version"


def _retrain(look: Deployed, receipt: Receipt, *, quiet: bool) -> None:
    """A run that cannot start does not undo a deletion that is done."""
    try:
        run = look.decide.start_now(receipt.project, f"without what receipt {receipt.number} says was forgotten")
    except ConflictError as error:
        paint(f"[yellow]![/] no retraining was started: {safe(error)}")
        return
    if not quiet:
        paint(f"[green]✓[/] retraining [bold]{run.run_id}[/] started without it")


def _checked_file(look: Deployed, file: Path, subject: str, project: str) -> list[str]:
    from trueup.dataset.receipts import is_about, read_receipt
    from trueup.errors import ManifestError

    data = file.read_bytes().rstrip(b"\n")
    try:
        receipt = read_receipt(data).receipt
    except ManifestError as error:
        return [str(error)]
    problems = look.check_receipts.one(project_of(look, project or receipt.project), data)
    if subject and not is_about(receipt, (subject,)):
        problems.append(f"receipt {receipt.number} is not this subject's")
    return problems


def _checked_all(look: Deployed, project: str, *, quiet: bool) -> list[str]:
    problems: list[str] = []
    for name in projects_of(look, project):
        checked = look.check_receipts(name)
        problems += [f"{name}: {each}" for each in checked.problems]
        if not quiet:
            paint(f"{name}: {count(checked.receipts, 'receipt')}, {count(checked.segments, 'redacted segment')}")
    return problems
