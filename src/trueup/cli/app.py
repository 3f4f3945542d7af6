"""`trueup`: the command line.

Exit codes: 0 ok, 1 unexpected, 2 wrong usage or input, 3 problems found (verify, doctor), 4 not found,
5 conflict or refused, 6 AWS unreachable or not permitted.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Annotated

import typer

from trueup.cli import dataset, endpoint, look, machine, retrain
from trueup.cli.console import say

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, rich_markup_mode=None)
app.add_typer(machine.app, name="local", help="The embedded AWS on this machine.")
app.add_typer(endpoint.app, name="endpoint", help="Switch data capture on for an endpoint that exists.")
app.add_typer(look.tasks, name="task", help="Tasks and their answers.")
app.add_typer(dataset.app, name="dataset", help="Dataset versions.")
app.add_typer(retrain.app, name="retrain", help="Retraining runs.")
app.command("status")(look.status)
app.command("queue")(look.queue)
app.command("lineage")(look.lineage)
app.command("redrive")(look.redrive)
app.command("doctor")(machine.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"trueup {version('trueup')}")
        raise typer.Exit


@app.callback()
def main_options(
    context: typer.Context,
    stage: Annotated[str, typer.Option(help="Which deployment (TRUEUP_STAGE).")] = "",
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Read what every verb needs."""
    context.obj = {**(context.obj or {}), "stage": stage or os.environ.get("TRUEUP_STAGE", "dev")}


def main() -> None:
    app()


if __name__ == "__main__":
    main()
