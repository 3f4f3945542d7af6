"""The loop in OpenLineage's words, for a catalog that was not there when it happened."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trueup.cli.console import busy, count, paint, safe, say_json
from trueup.cli.desk import desk_of, projects_of
from trueup.cli.options import AnyProject
from trueup.errors import InputError, RetryableError

if TYPE_CHECKING:
    from trueup.lineage.openlineage.events import RunEvent
    from trueup.ports import LineageEvents

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_STDOUT = "-"
_AT_ONCE = 50


@app.command("export")
def export(
    context: typer.Context,
    to: Annotated[
        str,
        typer.Option(
            metavar="FILE|URL", envvar="OPENLINEAGE_URL", help="A file of JSON Lines, a server, or - for stdout."
        ),
    ] = _STDOUT,
    endpoint: Annotated[
        str, typer.Option(metavar="PATH", envvar="OPENLINEAGE_ENDPOINT", help="Where a server takes events.")
    ] = "api/v1/lineage",
    namespace: Annotated[
        str,
        typer.Option(
            metavar="NAME", envvar="OPENLINEAGE_NAMESPACE", help="Of the jobs (default: as the project is configured)."
        ),
    ] = "",
    project: AnyProject = "",
) -> None:
    """Tell a catalog all that happened so far.

    Versions, retrainings and promotions, in their order. Run ids follow from content: what a server was told already,
    it is told again as the same. A server's key is taken from OPENLINEAGE_API_KEY. With OPENLINEAGE_DISABLED=true
    nobody is told.
    """
    look = desk_of(context).look()
    names = projects_of(look, project)
    if os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        paint("[dim]·[/] OPENLINEAGE_DISABLED is true: nobody was told")
        return
    describe = look.describe_lineage(namespace)
    with _sink(to, endpoint) as sink:
        told = {each: _tell(sink, describe.history(each)) for each in names}
    if to != _STDOUT:
        for name, events in told.items():
            paint(f"[green]✓[/] {count(events, 'event')} of {name}: {safe(to)}")


@app.command("schema")
def schema() -> None:
    """The JSON Schema of trueup's own facet.

    That is trueup_annotation, which tells how a version's labels came about.
    """
    from trueup.lineage.openlineage.facets import annotation_schema

    say_json(annotation_schema())


def _tell(sink: LineageEvents, events: Iterator[RunEvent]) -> int:
    """A history may be long: as many are in memory as are told at once."""
    told = 0
    with busy("telling"):
        while some := list(islice(events, _AT_ONCE)):
            sink.emit(some)
            told += len(some)
    return told


@contextmanager
def _sink(to: str, endpoint: str) -> Iterator[LineageEvents]:
    from trueup.adapters.integrations.openlineage import FileLineage, GivenKey, HttpLineage

    if to.startswith(("http://", "https://")):
        key = os.environ.get("OPENLINEAGE_API_KEY")
        try:
            yield HttpLineage(to, GivenKey(key) if key else None, endpoint)
        except RetryableError as error:
            raise RetryableError(f"{error}: once it answers, export --to it again, from the start") from error
    elif to == _STDOUT:
        yield FileLineage(sys.stdout.buffer)
    else:
        try:
            stream = Path(to).open("wb")  # noqa: SIM115 - closed below, and its failure told here
        except OSError as error:
            raise InputError(f"--to {to} cannot be written: {error.strerror}", field="--to") from error
        with stream:
            yield FileLineage(stream)
