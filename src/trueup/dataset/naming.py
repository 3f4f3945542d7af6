"""What versions are called: by number, id, branch, tag or time, and by how far they lie behind one of these.

`v7`, `7`, `3f9a1c…`, `head`, `main`, `champion`, `main@2026-11-01`, `2026-11-01T12:00`, `champion~2`, `v12^`, `v12^2`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from trueup.errors import InputError
from trueup.model import Record

MAIN = "main"
HEAD = "head"
# Moves by itself when a model is promoted: the version that it was trained on.
CHAMPION = "champion"
_TAKEN = frozenset({HEAD, "all"})
_REF = re.compile(r"[A-Za-z][A-Za-z0-9]*([._/-][A-Za-z0-9]+)*")
_LONGEST = 63
_NUMBER_OR_ID = re.compile(r"v?[0-9]+|[0-9a-f]{6,}")
_NAME = re.compile(r"(?P<base>[^@~^]*)(?:@(?P<at>[^~^]+))?(?P<steps>(?:~[0-9]*|\^[12]?)*)")
_STEP = re.compile(r"~(?P<back>[0-9]*)|\^(?P<parent>[12]?)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOST_STEPS = 1_000_000
_DAY = timedelta(days=1)


class Step(Record, frozen=True, kw_only=True):
    """`back` times to the parent, or once to what a merge brought in."""

    back: int = 1
    merged: bool = False


class VersionName(Record, frozen=True, kw_only=True):
    """The version that `base` was `at` a time (now, where there is none), and then back by `steps`."""

    base: str
    at: datetime | None = None
    steps: tuple[Step, ...] = ()


def read_name(text: str) -> VersionName:
    """Raises InputError that says what a name may be."""
    found = _NAME.fullmatch(text)
    if found is None or not text:
        says = "use a number, an id, a branch, a tag, main@2026-11-01, or v7~2"
        raise InputError(f"{text!r} names no version: {says}", field="VERSION")
    base, at = found["base"], found["at"]
    if at is None and _DATE.match(base):
        base, at = MAIN, base
    steps = tuple(_step(each) for each in _STEP.finditer(found["steps"]))
    return VersionName(base=base or MAIN, at=read_time(at, "VERSION") if at else None, steps=steps)


def read_time(text: str, field: str) -> datetime:
    """ISO 8601, in UTC unless it says otherwise; a date alone means the end of that day. Raises InputError."""
    moment = read_day(text, field)
    return moment + _DAY - timedelta(microseconds=1) if _DATE.fullmatch(text) else moment


def read_day(text: str, field: str) -> datetime:
    """The same, but a date alone means when that day begins."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no time: use 2026-11-01 or 2026-11-01T12:00", field=field) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def check_ref(name: str, kind: str) -> None:
    """Whether a tag or a branch may be called so. Raises InputError."""
    if name in _TAKEN or _NUMBER_OR_ID.fullmatch(name):
        raise InputError(f"a {kind} cannot be called {name!r}, which names a version in another way", field="NAME")
    if not _REF.fullmatch(name) or len(name) > _LONGEST:
        raise InputError(
            f"a {kind} cannot be called {name!r}: use up to {_LONGEST} letters and digits, a letter first, "
            "with single . _ / - between them",
            field="NAME",
        )


def _step(found: re.Match[str]) -> Step:
    if found["back"] is not None:
        return Step(back=min(int(found["back"] or 1), _MOST_STEPS))
    return Step(merged=found["parent"] == "2")
