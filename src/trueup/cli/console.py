"""How the verbs speak: human text or JSON on stdout, one sentence of trouble on stderr, documented exit codes."""

from __future__ import annotations

import enum
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from trueup.errors import (
    ConflictError,
    InputError,
    NotFoundError,
    PermissionDeniedError,
    RetryableError,
    ServiceError,
    TrueupError,
)

if TYPE_CHECKING:
    from trueup.wiring.operator import Operator


class Exit(enum.IntEnum):
    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    PROBLEMS = 3
    NOT_FOUND = 4
    CONFLICT = 5
    AWS = 6


_CODES: tuple[tuple[type[TrueupError], Exit], ...] = (
    (InputError, Exit.USAGE),
    (NotFoundError, Exit.NOT_FOUND),
    (ConflictError, Exit.CONFLICT),
    (PermissionDeniedError, Exit.AWS),
    (RetryableError, Exit.AWS),
    (ServiceError, Exit.AWS),
)


@contextmanager
def told() -> Iterator[None]:
    """Turn our errors into a sentence and an exit code; anything else is a defect and shows its traceback."""
    try:
        yield
    except TrueupError as error:
        sys.stderr.write(f"trueup: {error}\n")
        code = next((code for kind, code in _CODES if isinstance(error, kind)), Exit.UNEXPECTED)
        raise typer.Exit(code) from error


def deployment(context: typer.Context) -> Operator:
    """The deployment of --stage; a test puts its own into the context. Raises NotFoundError, ServiceError."""
    found: Operator | None = context.obj.get("operator")
    if found is not None:
        return found
    from trueup.wiring.operator import operator

    return operator(context.obj["stage"])


def say_json(document: Any) -> None:
    """Plain JSON and nothing else on stdout."""
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")


def show_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title or None, box=None, padding=(0, 2), title_justify="left", header_style="bold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "120"))).print(table)
