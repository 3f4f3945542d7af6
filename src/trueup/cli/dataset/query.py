"""Ask what versions hold: by a condition, or in SQL."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trueup.cli.console import count, paint, paint_table, safe, say, say_json
from trueup.cli.dataset.naming import version_at, view_at
from trueup.cli.desk import Deployed, desk_of, project_of
from trueup.cli.options import Json, OneProject
from trueup.errors import InputError
from trueup.labels.brief import brief

if TYPE_CHECKING:
    from trueup.ports import Answer, SampleSql

_SHOWN = {"sample_id": 16, "consensus_id": 12}
# What a table shows of samples: the rest is in --json.
_COLUMNS = ("sample_id", "label", "split", "agreement", "posterior", "selected_by", "labelled_at", "since")
_NUMBERS = ("agreement", "posterior", "since", "propensity", "weight")


def query(
    context: typer.Context,
    condition: Annotated[
        str, typer.Argument(metavar="CONDITION", help="""class = "9" and agreement < 0.8""", show_default=False)
    ] = "",
    version: Annotated[str, typer.Option(help="7, v7, an id or its beginning; head is the newest.")] = "head",
    sql: Annotated[str, typer.Option(help="SELECT … FROM samples, instead of a condition.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 100,
    athena: Annotated[bool, typer.Option("--athena", help="Let Athena answer, over every version.")] = False,
    columns: Annotated[bool, typer.Option("--columns", help="Only tell the columns.")] = False,
    project: OneProject = "",
    as_json: Json = False,
) -> None:
    """Which labelled samples a condition holds for, or what SQL answers.

    A condition compares columns: class = "9" and agreement < 0.8 and selected_by = "novelty". There are = != < <= > >=,
    like, in, between and is null; and, or, not, and brackets; text in quotes, times as 2026-11-01. --columns tells
    the columns.
    """
    if columns:
        _paint_columns(as_json)
        return
    look = desk_of(context).look()
    name = project_of(look, project)
    statement = _statement(condition, sql, look, name, version, athena)
    answer = _tables(look, name, version, athena).ask(statement, limit)
    if as_json:
        say_json([dict(zip(answer.columns, map(_plain, row), strict=True)) for row in answer.rows])
    elif not answer.rows:
        say("no sample: nothing in this version is so" if not sql else "no row")
    else:
        _paint(answer, limit, whole=bool(sql))


def _statement(condition: str, sql: str, look: Deployed, project: str, version: str, athena: bool) -> str:
    from trueup.dataset.querying.conditions import where
    from trueup.dataset.querying.statements import found_by

    if bool(condition) == bool(sql):
        raise InputError("say either a condition or --sql; --columns tells the columns", field="CONDITION")
    if sql:
        return sql
    wanted = where(condition)
    if not athena:
        return found_by(wanted)
    return found_by(f"project = '{project}' AND version = {version_at(look, project, version).number} AND {wanted}")


def _tables(look: Deployed, project: str, version: str, athena: bool) -> SampleSql:
    if athena:
        return look.athena
    found = version_at(look, project, version)
    return look.sql([(found, view_at(look, found))])


def _paint(answer: Answer, limit: int, *, whole: bool) -> None:
    names = answer.columns if whole else tuple(each for each in answer.columns if each in _COLUMNS)
    places = [answer.columns.index(each) for each in names]
    rows = [[_cell(answer.columns[place], row[place]) for place in places] for row in answer.rows]
    numbers = [each for each in names if each in _NUMBERS or _all_numbers(answer, each)]
    paint_table(list(names), rows, numbers)
    more = f"; there are more, --limit {limit} was reached" if answer.more else ""
    paint(f"[dim]{count(len(rows), 'row')}{more}[/]")


def _all_numbers(answer: Answer, column: str) -> bool:
    place = answer.columns.index(column)
    return all(isinstance(row[place], int | float) and not isinstance(row[place], bool) for row in answer.rows)


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list | tuple):
        return safe(", ".join(map(str, value)))
    return safe(brief(str(value)))[: _SHOWN.get(column)]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _paint_columns(as_json: bool) -> None:
    from trueup.dataset.querying.columns import SAMPLES

    if as_json:
        say_json(SAMPLES)
        return
    rows = [[", ".join(each.words), each.name, each.sql, each.about] for each in SAMPLES]
    paint_table(["in a condition", "in SQL", "type", "what"], rows)
