"""How the verbs speak: text for people or JSON on stdout. rich is imported only when something is painted."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_PIPED_WIDTH = 120


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")


def say_json(document: Any) -> None:
    """Plain JSON and nothing else on stdout; records and times as in the records' own JSON."""
    sys.stdout.write(f"{_json(document)}\n")


def say_json_as_it_comes(
    before: Mapping[str, Any], name: str, items: Iterable[Any], after: Callable[[], Mapping[str, Any]]
) -> None:
    """What `say_json` says of `before`, then `items` under this name, then `after`, which is asked when they have all
    gone by: none is kept, and each is said before the next one is taken."""
    head = _json(before).removesuffix("\n}")
    sys.stdout.write(f'{head},\n  "{name}": [')
    some = False
    for each in items:
        inner = f"\n{_json(each)}".replace("\n", "\n    ")
        sys.stdout.write(f",{inner}" if some else inner)
        some = True
    tail = _json(after()).removeprefix("{\n")
    sys.stdout.write(("\n  " if some else "") + f"],\n{tail}\n")


def _json(document: Any) -> str:
    import msgspec

    return json.dumps(msgspec.to_builtins(document), indent=2, ensure_ascii=False)


def paint(*things: RenderableType) -> None:
    """Print with rich: colours on a terminal (NO_COLOR is heeded), plain and wide text in a pipe. A sentence in a
    pipe is one line, so that grep finds it and what it names can be copied whole."""
    console = _console()
    for each in things:
        console.print(each, soft_wrap=isinstance(each, str) and not console.is_terminal)


def paint_table(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> None:
    """A quiet table: no lines but one under the head. `numbers` names the columns that stand right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", border_style="dim", show_edge=False)
    for name in columns:
        right = name in numbers
        table.add_column(name, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for row in rows:
        table.add_row(*row)
    paint(table)


def paint_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Names and values, one pair a line; values may carry rich markup."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(name, value)
    paint(grid)


@contextmanager
def busy(text: str) -> Iterator[None]:
    """A spinner on stderr while something takes its time; silent where nobody watches."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


def safe(text: object) -> str:
    """Text of foreign origin, so that brackets in it are not read as markup."""
    from rich.markup import escape

    return escape(str(text))


def count(number: int, noun: str, plural: str | None = None) -> str:
    """1 task, 1,204 tasks."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(number: int) -> str:
    """Bytes as people say them: 812 B, 1.2 kB, 34 MB."""
    if number < 1000:
        return f"{number} B"
    amounts = ((unit, number / each) for unit, each in (("kB", 1e3), ("MB", 1e6)))
    unit, amount = next((each for each in amounts if each[1] < 999.5), ("GB", number / 1e9))
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:,.0f} {unit}"


def stamp(time: datetime | None) -> str:
    """A time as an operator reads it, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if time else "-"


def age(seconds: float | None) -> str:
    """How long: 40 s, 12 min, 3 h, 2 d."""
    if seconds is None:
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _console() -> Console:
    from rich.console import Console

    own = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if own else _PIPED_WIDTH)
