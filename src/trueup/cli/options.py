"""Options and arguments that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Plain JSON on stdout.")]
OneProject = Annotated[
    str, typer.Option("--project", "-p", envvar="TRUEUP_PROJECT", help="Which project (default: the only one).")
]
AnyProject = Annotated[str, typer.Option("--project", "-p", help="Only this project (default: all).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
