"""Bring what failed back to work, once its cause is mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from trueup.errors import NotFoundError
from trueup.model import Record
from trueup.ports import DeadLetter, DeadLetters, Replays


class Ward(Record, frozen=True, kw_only=True):
    """A dead-letter queue and the queue its messages belong to; `live` None means that they tell of failed calls of
    functions, which are made again."""

    dead: str
    live: str | None = None
    project: str | None = None


class WardReport(Record, frozen=True, kw_only=True):
    """What waits, and what was done: `moved` is None when nothing was attempted; `kept` are the messages that could
    not be brought back, each with why."""

    queue: str
    waiting: int
    letters: tuple[DeadLetter, ...] = ()
    moved: int | None = None
    how: Literal["", "task", "copy", "call"] = ""
    kept: tuple[DeadLetter, ...] = ()


@dataclass(frozen=True)
class RedriveMessages:
    """`wards` are by name. Raises NotFoundError for a name that is none of them.

    Consumers are idempotent, so a message that is delivered once more than needed changes nothing.
    """

    letters: DeadLetters
    replays: Replays
    wards: Mapping[str, Ward]
    shown: int = 10

    def look(self, name: str | None = None) -> list[WardReport]:
        """What waits in each queue, with the first messages and their reasons; nothing is touched."""
        return [self._report(each) for each in self._chosen(name)]

    def __call__(self, name: str | None = None) -> list[WardReport]:
        """Bring the messages of one queue, or of all, back to where they belong."""
        return [self._moved(each) for each in self._chosen(name)]

    def counts(self) -> dict[str, int]:
        """How many messages wait, by queue."""
        return {name: self.letters.count(ward.dead) for name, ward in self.wards.items()}

    def _chosen(self, name: str | None) -> list[str]:
        if name is None:
            return sorted(self.wards)
        if name not in self.wards:
            raise NotFoundError(f"there is no dead-letter queue {name!r}; there are: {', '.join(sorted(self.wards))}")
        return [name]

    def _report(self, name: str) -> WardReport:
        ward = self.wards[name]
        waiting = self.letters.count(ward.dead)
        letters = tuple(self.letters.peek(ward.dead, self.shown)) if waiting else ()
        return WardReport(queue=name, waiting=max(waiting, len(letters)), letters=letters)

    def _moved(self, name: str) -> WardReport:
        report, ward = self._report(name), self.wards[name]
        if not report.waiting:
            return report
        if ward.live is None:
            drained = self.letters.drain(ward.dead, self.replays.replay)
            return msgspec.structs.replace(report, moved=drained.done, how="call", kept=drained.kept)
        move = self.letters.move(ward.dead, ward.live)
        return msgspec.structs.replace(report, moved=move.messages, how=move.how)
