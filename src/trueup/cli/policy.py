"""Selection policies on the desk: what one would have asked about in captures of the past."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.cli.capture import open_capture
from trueup.cli.console import count, paint_table, safe, say, say_json
from trueup.cli.desk import desk_of, project_of
from trueup.cli.exits import Exit
from trueup.cli.options import Json
from trueup.errors import ConfigurationError, InputError
from trueup.model import LabelClass, LabelSchema, Project, SelectionPolicy

if TYPE_CHECKING:
    from trueup.wiring.simulation import Bought, Simulation

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Policies = Annotated[
    list[str],
    typer.Option(
        "--policy", metavar="FILE", help="A policy: JSON as under `selection` in cdk.json. Twice compares two."
    ),
]
Captures = Annotated[
    list[str],
    typer.Option(
        metavar="PATH", help="Capture files, folders of them, or s3:// URIs that they begin with; several times."
    ),
]
OfProject = Annotated[
    str, typer.Option("--project", "-p", help="Classes of this project, whose policy is compared with if one is given.")
]
Classes = Annotated[str, typer.Option(help="Names for answers that name no class, in order: a,b,c (default: 0, 1, …).")]
_CAPTURE_FILES = (".jsonl", ".jsonl.gz")
_PRESENT = "present policy"
_WIDTH = 40
_HOURLY_UP_TO = 48 * 3600
_PLAIN = LabelSchema(classes=tuple(LabelClass(name=str(each)) for each in range(1000)))


@app.command()
def simulate(
    context: typer.Context,
    captures: Captures,
    policy: Policies,
    project: OfProject = "",
    classes: Classes = "",
    as_json: Json = False,
) -> None:
    """How many labels a policy would have bought, which and when, beside another or the present one.

    Nothing is written. Each file counts as if it had come when its first record was made; the budget is whole at the
    beginning.
    """
    from trueup.wiring.simulation import dated, simulate

    if len(policy) > 2:
        raise InputError("give --policy once, or twice to compare two", field="--policy")
    config, present = _project(context, project, classes)
    named = [(Path(each).stem, read_policy(each)) for each in policy]
    if present is not None and len(named) == 1:
        named.append((_PRESENT, present))

    def opened(name: str) -> Any:
        return open_capture(context, name)

    files = dated(_files(context, captures), opened)
    found = [(name, simulate(config, each, files, opened)) for name, each in named]
    left_out = found[0][1].left_out
    for each in left_out:
        sys.stderr.write(f"{each}; it is left out\n")
    if as_json:
        say_json([{"name": name, "simulation": each} for name, each in found])
    else:
        _paint(found)
    if left_out:
        raise typer.Exit(Exit.PROBLEMS)


def _project(context: typer.Context, name: str, classes: str) -> tuple[Project, SelectionPolicy | None]:
    """The deployed project with its policy, or one of plain classes for files on the desk."""
    if name:
        look = desk_of(context).look()
        config = look.projects[project_of(look, name)]
        return config, config.selection
    named = [each.strip() for each in classes.split(",") if each.strip()]
    schema = LabelSchema(classes=tuple(LabelClass(name=each) for each in named)) if named else _PLAIN
    return Project(name="desk", endpoint_name="desk", label_schema=schema), None


def read_policy(file: str) -> SelectionPolicy:
    """Raises InputError that names the key, for all that a deployment would refuse."""
    from trueup.keys import refusals
    from trueup.policy_keys import POLICY_KEYS
    from trueup.settings import parse_record

    try:
        raw = json.loads(Path(file).read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{file} is no policy: {error}", field="--policy") from error
    try:
        policy = parse_record(raw, SelectionPolicy, "selection")
    except ConfigurationError as error:
        raise InputError(f"{file}: {error}; docs/configuration.md tells every key", field="--policy") from error
    for key, what in refusals(policy, POLICY_KEYS, "selection"):
        raise InputError(f"{file}: {key} {what}", field="--policy")
    return policy


def _files(context: typer.Context, captures: Sequence[str]) -> list[str]:
    """The files that the paths name. Raises InputError if they name none."""
    found: list[str] = []
    for each in captures:
        inside = _inside(context, each)
        if not inside:
            raise InputError(f"{each} holds no capture file (*.jsonl, *.jsonl.gz)", field="--captures")
        found += inside
    return list(dict.fromkeys(found))


def _inside(context: typer.Context, path: str) -> list[str]:
    if path.startswith("s3://"):
        return [each for each in desk_of(context).look().objects.under(path) if each.endswith(_CAPTURE_FILES)]
    if Path(path).is_dir():
        return sorted(str(each) for each in Path(path).rglob("*") if each.name.endswith(_CAPTURE_FILES))
    return [path]


def _paint(found: Sequence[tuple[str, Simulation]]) -> None:
    names = [safe(name) for name, _ in found]
    simulations = [each for _, each in found]
    first = simulations[0]
    say(
        f"{count(first.files, 'file')}, {count(first.captures, 'capture')}, {count(first.predictions, 'prediction')}; "
        f"{count(first.quarantined, 'line')} quarantined, {count(first.duplicates, 'duplicate')}\n"
    )
    paint_table(["", *names], _rows(simulations), names)
    _paint_times(names, [each.bought for each in simulations])


def _rows(simulations: Sequence[Simulation]) -> list[list[str]]:
    def row(name: str, figure: Callable[[Simulation], object]) -> list[str]:
        return [name, *[str(figure(each)) for each in simulations]]

    rows = [
        row("labels wanted", lambda each: f"{sum(each.wanted.values()):,}"),
        row("labels bought", lambda each: f"{len(each.bought):,}"),
        row("share of predictions", lambda each: f"{len(each.bought) / max(1, each.predictions):.2%}"),
    ]
    rows += _counted("by", simulations, lambda each: each.strategy)
    rows += _counted("predicted", simulations, lambda each: each.label)
    if len(simulations) == 2:
        ours, theirs = ({each.sample_id for each in one.bought} for one in simulations)
        rows.append(["bought by both", f"{len(ours & theirs):,}", ""])
    return rows


def _counted(word: str, simulations: Sequence[Simulation], key: Callable[[Bought], str]) -> list[list[str]]:
    counts = [Counter(key(each) for each in one.bought) for one in simulations]
    most = Counter[str]()
    for each in counts:
        most.update(each)
    return [[f"{word} {safe(name)}", *[f"{each[name]:,}" for each in counts]] for name, _ in most.most_common(12)]


def _paint_times(names: Sequence[str], bought: Sequence[Sequence[Bought]]) -> None:
    """When: a bar for each hour or day, one below the other for two policies."""
    times = [each.at for one in bought for each in one]
    if not times:
        return
    hourly = (max(times) - min(times)).total_seconds() <= _HOURLY_UP_TO
    counts = [Counter(_period(each.at, hourly) for each in one) for one in bought]
    highest = max(max(each.values(), default=0) for each in counts)
    rows = [
        [period if index == 0 else "", name, f"{each[period]:,}", "█" * round(_WIDTH * each[period] / highest)]
        for period in sorted({key for each in counts for key in each})
        for index, (name, each) in enumerate(zip(names, counts, strict=True))
    ]
    say()
    paint_table(["hour" if hourly else "day", "policy", "labels", ""], rows, ("labels",))


def _period(at: datetime, hourly: bool) -> str:
    return f"{at:%Y-%m-%d %H}:00" if hourly else f"{at:%Y-%m-%d}"
