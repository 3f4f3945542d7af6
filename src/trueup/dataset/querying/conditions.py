"""Conditions over samples, as people write them: `class = "9" and agreement < 0.8 and selected_by = "novelty"`.

    condition  = all ("or" all)*
    all        = one ("and" one)*
    one        = "not" one | "(" condition ")" | comparison
    comparison = column ("=" | "!=" | "<" | "<=" | ">" | ">=" | "like") value
               | column ["not"] "in" "(" value ("," value)* ")"
               | column "between" value "and" value
               | column "is" ["not"] "null"
    value      = text in single or double quotes | number | 2026-11-01 | 2026-11-01T12:00:00

Words are the same in capitals. Text is quoted by doubling its quote, as in SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from difflib import get_close_matches

from trueup.dataset.querying.columns import BY_WORD, Column
from trueup.errors import InputError
from trueup.model import Record

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"]|"")*"|'(?:[^']|'')*')
  | (?P<time>\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?)
  | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign><=|>=|!=|<>|==|=|<|>|\(|\)|,)
  )""",
    re.VERBOSE,
)
_COMPARISONS = {"=": "=", "==": "=", "!=": "<>", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_ORDERED = frozenset({"<", "<=", ">", ">="})
_KEYWORDS = frozenset({"and", "or", "not", "in", "is", "null", "like", "between"})


class _Token(Record, frozen=True, kw_only=True):
    kind: str
    text: str
    at: int


def where(condition: str) -> str:
    """The condition as SQL that DuckDB and Athena both take, with every value as a literal of its column's type.

    Raises InputError that shows where it cannot be read, and what may stand there.
    """
    return _Parser(condition).whole()


class _Parser:
    def __init__(self, condition: str) -> None:
        self._condition = condition
        self._tokens = list(self._cut())
        self._place = 0

    def whole(self) -> str:
        found = self._condition_()
        if self._peek().kind != "end":
            raise self._error("expected and, or, or the end")
        return found

    def _cut(self) -> Iterator[_Token]:
        place = 0
        text = self._condition.rstrip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None or found.lastgroup is None:
                raise self._error("cannot be read", place + len(text[place:]) - len(text[place:].lstrip()))
            yield _Token(kind=found.lastgroup, text=found[found.lastgroup], at=found.start(found.lastgroup))
            place = found.end()
        yield _Token(kind="end", text="", at=len(text))

    def _condition_(self) -> str:
        return self._joined("or", self._all)

    def _all(self) -> str:
        return self._joined("and", self._one)

    def _joined(self, word: str, part: Callable[[], str]) -> str:
        parts = [part()]
        while self._took(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else "(" + f" {word.upper()} ".join(parts) + ")"

    def _one(self) -> str:
        if self._took("not"):
            return f"NOT ({self._one()})"
        if self._took("("):
            inner = self._condition_()
            self._must(")")
            return f"({inner})"
        return self._comparison()

    def _comparison(self) -> str:
        column = self._column()
        if self._took("is"):
            negated = self._took("not")
            self._must("null")
            return f"{column.name} IS {'NOT ' if negated else ''}NULL"
        if self._took("not"):
            self._must("in")
            return f"NOT ({self._in(column)})"
        if self._took("in"):
            return self._in(column)
        if self._took("between"):
            return self._between(column)
        return self._compared(column)

    def _compared(self, column: Column) -> str:
        token = self._next()
        sign = "LIKE" if token.text.lower() == "like" else _COMPARISONS.get(token.text)
        if sign is None:
            raise self._error("expected a comparison: = != < <= > >= like in between is", token.at)
        if column.kind == "names":
            return self._compared_names(column, sign, token)
        if sign == "LIKE" and column.kind != "text":
            raise self._error(f"{column.name} is no text: like cannot compare it", token.at)
        return f"{column.name} {sign} {self._value(column)}"

    def _compared_names(self, column: Column, sign: str, token: _Token) -> str:
        """A label may name several classes: equal means that it names this one."""
        if sign == "LIKE" or sign in _ORDERED:
            raise self._error("classes have no order: compare them by =, != or in", token.at)
        found = f"contains({column.name}, {self._value(column)})"
        return found if sign == "=" else f"NOT {found}"

    def _in(self, column: Column) -> str:
        self._must("(")
        values = [self._value(column)]
        while self._took(","):
            values.append(self._value(column))
        self._must(")")
        if column.kind == "names":
            return "(" + " OR ".join(f"contains({column.name}, {each})" for each in values) + ")"
        return f"{column.name} IN ({', '.join(values)})"

    def _between(self, column: Column) -> str:
        if column.kind == "names":
            raise self._error("classes have no order: compare them by =, != or in")
        low = self._value(column)
        self._must("and")
        return f"{column.name} BETWEEN {low} AND {self._value(column)}"

    def _column(self) -> Column:
        token = self._next()
        known = ", ".join(sorted({each.words[0] for each in BY_WORD.values()}))
        if token.kind != "word" or token.text.lower() in _KEYWORDS:
            raise self._error(f"expected a column: {known}", token.at)
        column = BY_WORD.get(token.text.lower())
        if column is None:
            near = get_close_matches(token.text.lower(), BY_WORD, 1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise self._error(f"there is no column {token.text}: {meant}there are {known}", token.at)
        return column

    def _value(self, column: Column) -> str:
        token = self._next()
        if token.kind not in ("text", "number", "time"):
            raise self._error(f"expected a value for {column.name}, text in quotes", token.at)
        text = _unquoted(token)
        if column.kind in ("text", "names"):
            return _text(text)
        if column.kind == "time":
            return self._time(text, token)
        return self._number(text, token, column)

    def _number(self, text: str, token: _Token, column: Column) -> str:
        try:
            return repr(int(text) if column.kind == "whole" else float(text))
        except ValueError:
            raise self._error(f"{column.name} is a number, not {text!r}", token.at) from None

    def _time(self, text: str, token: _Token) -> str:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise self._error(f"{text!r} is no time: write 2026-11-01 or 2026-11-01T12:00", token.at) from None
        utc = found.astimezone(UTC) if found.tzinfo else found
        return f"TIMESTAMP '{utc:%Y-%m-%d %H:%M:%S.%f}'"

    def _peek(self) -> _Token:
        return self._tokens[self._place]

    def _next(self) -> _Token:
        token = self._peek()
        self._place = min(self._place + 1, len(self._tokens) - 1)
        return token

    def _took(self, word: str) -> bool:
        token = self._peek()
        there = token.kind in ("word", "sign") and token.text.lower() == word
        if there:
            self._place += 1
        return there

    def _must(self, word: str) -> None:
        if not self._took(word):
            raise self._error(f"expected {word}")

    def _error(self, says: str, at: int | None = None) -> InputError:
        at = self._peek().at if at is None else at
        return InputError(f"{says}\n  {self._condition}\n  {' ' * at}^", field="CONDITION")


def _unquoted(token: _Token) -> str:
    if token.kind != "text":
        return token.text
    quote = token.text[0]
    return token.text[1:-1].replace(quote * 2, quote)


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
