"""Test sets that nobody trains on, and versions split anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import count, paint_table, safe, say, say_json, stamp
from trueup.cli.dataset.naming import Branch, Version, content_at
from trueup.cli.desk import confirm, desk_of, me, project_of, projects_of
from trueup.cli.options import AnyProject, DryRun, Json, OneProject, Yes

if TYPE_CHECKING:
    from trueup.model import SplitPolicy
    from trueup.usecases.split_dataset import Resplit


def freeze(
    context: typer.Context,
    version: Version = "head",
    name: Annotated[str, typer.Option("--as", help="Its name (default: frozen- and the month).")] = "",
    project: OneProject = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Freeze a version's test split: no later version of any branch trains on it. This cannot be undone."""
    look = desk_of(context).look()
    owner = project_of(look, project)
    held = content_at(look, owner, version)
    samples = count(held.split_counts.get("test", 0), "test sample")
    confirm(f"Freeze the {samples} of v{held.number} of {owner}? They stay a test for good.", yes)
    frozen = look.freeze_test(owner, held.version_id, name, me())
    if as_json:
        say_json(frozen)
        return
    say(
        f"{frozen.name}: {count(frozen.samples, 'sample')} in {count(frozen.groups, 'group')} of v{frozen.number} stay "
        f"in test from now on; to compare models on it, set gate.test to {frozen.name}"
    )


def list_frozen(context: typer.Context, project: AnyProject = "", as_json: Json = False) -> None:
    """The frozen test sets."""
    look = desk_of(context).look()
    found = [each for name in projects_of(look, project) for each in look.datasets.frozen(name)]
    if as_json:
        say_json(found)
        return
    if not found:
        say("nothing is frozen yet: trueup dataset freeze")
        return
    rows = [
        [
            each.project,
            each.name,
            f"v{each.number}",
            f"{each.samples:,}",
            f"{each.groups:,}",
            stamp(each.at),
            safe(each.by),
        ]
        for each in found
    ]
    paint_table(["project", "name", "version", "samples", "groups", "at", "by"], rows, ("version", "samples", "groups"))


def split(
    context: typer.Context,
    version: Version = "",
    method: Annotated[
        str, typer.Option(help="group, time or stratified (default: as configured in commit.splits).")
    ] = "",
    salt: Annotated[str, typer.Option(help="Makes another draw of group and stratified.")] = "",
    test_from: Annotated[str, typer.Option(help="Of time: the day on which the test begins.")] = "",
    validation_from: Annotated[str, typer.Option(help="Of time: the day on which validation begins.")] = "",
    test_days: Annotated[int, typer.Option(min=0, help="Of time: the newest so many days are the test.")] = 0,
    validation_days: Annotated[int, typer.Option(min=0, help="Of time: the days before are validation.")] = 0,
    branch: Branch = "main",
    keep: Annotated[str, typer.Option(metavar="VERSION", help="Its test split stays in test, or comes back.")] = "",
    project: OneProject = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Split a branch's newest version anew: a new version, in which frozen test sets are where they were. A branch that
    is not there yet begins at VERSION."""
    from trueup.model import SplitPolicy

    look = desk_of(context).look()
    name = project_of(look, project)
    said = {
        "salt": salt,
        "test_from": _day(test_from, "--test-from"),
        "validation_from": _day(validation_from, "--validation-from"),
        "test_days": test_days or None,
        "validation_days": validation_days or None,
    }
    policy: SplitPolicy | None = None
    if method or any(said.values()):
        configured = look.projects[name].commit.splits
        policy = SplitPolicy(
            method=method or configured.method,
            near_duplicates=configured.near_duplicates,
            **said,  # type: ignore[arg-type]
        )
    held = content_at(look, name, version) if version else None
    found = look.split_dataset(name, policy, version=held, branch=branch, keep=keep, by=me(), dry_run=dry_run)
    if as_json:
        say_json(found)
    else:
        _paint(found, dry_run)


def _day(text: str, option: str) -> str | None:
    from datetime import date

    from trueup.errors import InputError

    if not text:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise InputError(f"{option} is {text!r}: use a date, as in 2026-11-30", field=option) from error


def _paint(found: Resplit, dry_run: bool) -> None:
    rows = [
        [each, f"{found.before[each]:,}", f"{found.after[each]:,}", f"{found.after[each] / found.samples:.1%}"]
        for each in found.after
    ]
    paint_table(["split", "before", "after", "share"], rows, ("before", "after", "share"))
    moves = [
        [safe(label), f"{source} → {target}", f"{number:,}"]
        for label, sources in found.moves.items()
        for source, targets in sources.items()
        for target, number in targets.items()
    ]
    if moves:
        say()
        paint_table(["class", "moves", "samples"], moves, ("samples",))
    say()
    say(_outcome(found, dry_run))


def _outcome(found: Resplit, dry_run: bool) -> str:
    frozen = f"; {found.frozen:,} are frozen in test" if found.frozen else ""
    if found.version is not None:
        made = f"v{found.version.number} of {found.version.branch}"
        return f"{made}, split by {found.method}: {count(found.moved, 'sample')} moved{frozen}"
    if dry_run and found.moved:
        return f"{found.moved:,} of {count(found.samples, 'sample')} would move{frozen}; nothing was written"
    return f"all {count(found.samples, 'sample')} are where {found.method} puts them{frozen}: no new version"
