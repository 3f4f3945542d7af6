"""Exit codes, and how trouble is told: one sentence on stderr, and what to do."""

from __future__ import annotations

import enum
import os
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from trueup.errors import (
    ConfigurationError,
    ConflictError,
    HeadMovedError,
    InputError,
    IntegrityError,
    NotFoundError,
    PermissionDeniedError,
    RetryableError,
    RunActiveError,
    ServiceError,
    TrueupError,
)


class Exit(enum.IntEnum):
    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    PROBLEMS = 3
    NOT_FOUND = 4
    CONFLICT = 5
    AWS = 6


MEANINGS = {
    Exit.OK: "ok",
    Exit.UNEXPECTED: "unexpected: a defect of trueup",
    Exit.USAGE: "wrong usage or bad input",
    Exit.PROBLEMS: "problems found (capture decode and score, policy simulate, dataset verify and check, forget "
    "verify, import, schema migrate, doctor)",
    Exit.NOT_FOUND: "not found",
    Exit.CONFLICT: "conflict or refused",
    Exit.AWS: "AWS unreachable or not permitted",
}
# The first kind that fits tells the code and what to do.
_TOLD: tuple[tuple[type[TrueupError], Exit, str], ...] = (
    (
        ConfigurationError,
        Exit.USAGE,
        'trueup doctor shows what is missing; eval "$(trueup local env)" leads to the embedded AWS',
    ),
    (InputError, Exit.USAGE, "trueup COMMAND --help shows what is expected"),
    (NotFoundError, Exit.NOT_FOUND, "trueup status shows what there is"),
    (RunActiveError, Exit.CONFLICT, "trueup retrain list shows the run; wait for its end"),
    (HeadMovedError, Exit.CONFLICT, "somebody committed meanwhile: run the same command again"),
    (ConflictError, Exit.CONFLICT, "nothing was changed; trueup status shows how things stand"),
    (IntegrityError, Exit.PROBLEMS, "trueup dataset verify shows the extent"),
    (PermissionDeniedError, Exit.AWS, "let your role do it; trueup doctor shows which credentials are used"),
    (RetryableError, Exit.AWS, "try again; trueup doctor shows whether AWS answers"),
    (ServiceError, Exit.AWS, "trueup doctor shows what is wrong"),
)


# What was not found, as the sentence calls it, and the command that lists all of its kind.
_LISTS = (
    (" quarantine ", "trueup capture quarantine"),
    (" task ", "trueup task list"),
    (" run ", "trueup retrain list"),
    (" version ", "trueup dataset list"),
    (" branch ", "trueup dataset branch"),
    (" tag ", "trueup dataset tag"),
    ("s3://", "aws s3 ls"),
)


def table_of_codes() -> str:
    """For `trueup --help`. The first character keeps the lines from being wrapped."""
    return "\b\nExit codes:\n" + "\n".join(f"  {code.value}  {text}" for code, text in MEANINGS.items())


def tell(error: TrueupError) -> Exit:
    """Say an error of ours on stderr; answers the exit code. A sentence that names an option or a command says
    itself what to do."""
    sys.stderr.write(f"trueup: {error}\n")
    for kind, code, what_to_do in _TOLD:
        if isinstance(error, kind):
            if " --" not in str(error) and "trueup " not in str(error):
                sys.stderr.write(f"  → {_listed_by(error) or what_to_do}\n")
            return code
    return Exit.UNEXPECTED


def _listed_by(error: TrueupError) -> str | None:
    """The verb that lists what was not found."""
    if not isinstance(error, NotFoundError):
        return None
    return next((f"{verb} shows what there is" for word, verb in _LISTS if word in f"{error} "), None)


def tell_unexpected(error: Exception) -> Exit:
    """A defect: its name, and how to see the rest."""
    sys.stderr.write(f"trueup: unexpected {type(error).__name__}: {error}\n")
    if os.environ.get("TRUEUP_DEBUG"):
        traceback.print_exception(error)
    else:
        sys.stderr.write("  → please report it with the traceback that TRUEUP_DEBUG=1 prints\n")
    return Exit.UNEXPECTED


class VerbGroup(TyperGroup):
    """The one place where our errors become exit codes."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TrueupError as error:
            raise typer.Exit(tell(error)) from error
