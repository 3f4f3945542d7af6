"""Versions come together, and what versions changed is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import count, paint, paint_table, safe, say, say_json
from trueup.cli.dataset.naming import Branch, Reason, version_at
from trueup.cli.desk import Deployed, desk_of, me, project_of
from trueup.cli.options import Json, OneProject
from trueup.errors import InputError, MergeConflictError
from trueup.labels.brief import brief

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trueup.dataset.three_way import MergeConflict, Strategy
    from trueup.model import DatasetVersion, LabelledSample
    from trueup.usecases.merge_versions import Merged
    from trueup.usecases.revert_versions import Reverted

_SHOWN = 40


def merge(
    context: typer.Context,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="What to bring in: a branch, or any version.")],
    branch: Annotated[str, typer.Option("--into", "-b", help="Into which branch.")] = "main",
    ours: Annotated[bool, typer.Option("--ours", help="Of samples that both changed, keep the branch's.")] = False,
    theirs: Annotated[bool, typer.Option("--theirs", help="… take VERSION's.")] = False,
    newest: Annotated[bool, typer.Option("--newest", help="… take the label given last.")] = False,
    forward: Annotated[bool, typer.Option("--ff/--no-ff", help="Move the branch's head where that is enough.")] = True,
    reason: Reason = "",
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """Do to a branch what was done to another since they parted. Code 5 when both changed a sample differently."""
    strategy = _strategy(ours=ours, theirs=theirs, newest=newest)
    look = desk_of(context).look()
    where = project_of(look, project)
    source = version_at(look, where, version)
    why = reason or f"merge of {version}"
    try:
        done = look.merge(where, source, branch, why, by=me(), strategy=strategy, fast_forward=forward)
    except MergeConflictError as error:
        _tell_conflicts(error, ("common", branch, version), as_json)
        raise
    if as_json:
        say_json(done)
    else:
        _say_merged(done, source)


def revert(
    context: typer.Context,
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="Whose changes to take back; v3..v7 are those after v3 up to v7.")
    ],
    branch: Branch = "main",
    keep_newer: Annotated[bool, typer.Option("--keep-newer", help="Leave samples that changed since.")] = False,
    reason: Reason = "",
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """Take back what a version changed, by a new version. Code 5 when samples changed since."""
    look = desk_of(context).look()
    where = project_of(look, project)
    after, last = _range(look, where, version)
    why = f"revert of {_called(after, last, version)}" + (f": {reason}" if reason else "")
    try:
        done = look.revert(where, after, last, why, by=me(), branch=branch, keep_newer=keep_newer)
    except MergeConflictError as error:
        _tell_conflicts(error, (f"in v{last.number}", "now", "before"), as_json)
        raise
    if as_json:
        say_json(done)
    else:
        _say_reverted(done)


def _strategy(*, ours: bool, theirs: bool, newest: bool) -> Strategy | None:
    wanted: dict[Strategy, bool] = {"ours": ours, "theirs": theirs, "newest": newest}
    chosen = [name for name, is_wanted in wanted.items() if is_wanted]
    if len(chosen) > 1:
        raise InputError(f"--{chosen[0]} and --{chosen[1]} contradict each other", field=f"--{chosen[1]}")
    return chosen[0] if chosen else None


def _range(look: Deployed, project: str, text: str) -> tuple[DatasetVersion | None, DatasetVersion]:
    first, dots, last = text.partition("..")
    if dots:
        return version_at(look, project, first), version_at(look, project, last or "head")
    found = version_at(look, project, text)
    return look.datasets.version(project, found.parent) if found.parent else None, found


def _called(after: DatasetVersion | None, last: DatasetVersion, text: str) -> str:
    return f"v{after.number}..v{last.number}" if after and ".." in text else f"v{last.number}"


def _say_merged(done: Merged, source: DatasetVersion) -> None:
    made = done.version
    if done.kind == "current":
        say(f"{done.branch} holds v{source.number} already, as of v{made.number}: nothing to merge")
    elif done.kind == "forwarded":
        say(f"the head of {done.branch} is v{made.number} now: nothing had been done there since")
    else:
        base = f"since v{done.base.number}" if done.base else "which have no version in common"
        say(f"v{made.number} of {done.branch} merges v{source.number}, {base}: {_figures(made)}")
        if done.conflicts:
            say(f"{count(len(done.conflicts), 'sample')} had been changed on both sides")


def _say_reverted(done: Reverted) -> None:
    if done.version is None:
        say("nothing is left of those changes: no new version")
    else:
        say(f"v{done.version.number} of {done.version.branch}: {_figures(done.version)}")
    if done.kept:
        say(f"{count(len(done.kept), 'sample')} changed since, and {'stays' if len(done.kept) == 1 else 'stay'}")


def _figures(version: DatasetVersion) -> str:
    told = ("added", "removed", "relabelled", "moved", "restated")
    parts = [f"{number:,} {name}" for name in told if (number := getattr(version, name))]
    return f"{', '.join(parts) or 'no change'}; {version.samples:,} in all"


def _tell_conflicts(error: MergeConflictError, sides: tuple[str, str, str], as_json: bool) -> None:
    """What is in conflict goes to stdout, the sentence about it to stderr."""
    conflicts: Sequence[MergeConflict] = error.conflicts  # type: ignore[assignment]
    if as_json:
        say_json({"conflicts": conflicts})
        return
    rows = [
        [each.sample_id[:16], _said(each.base), _said(each.ours), _said(each.theirs)] for each in conflicts[:_SHOWN]
    ]
    paint_table(["sample", *map(safe, sides)], rows)
    if len(conflicts) > _SHOWN:
        paint(f"[dim]… and {len(conflicts) - _SHOWN:,} more; --json shows all[/]")


def _said(line: LabelledSample | None) -> str:
    return f"{safe(brief(line.label))} [dim]{line.split}, v{line.since}[/]" if line else "[dim]not there[/]"
