"""Three versions become changes: what one side did since a common version, on top of what the other did.

A merge takes over what `theirs` did since `base`; a revert is the same with the version that is taken back as base, and
the one before it as theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal

from trueup.dataset.diff import Changed
from trueup.dataset.redaction import FORGOTTEN, REDACTED
from trueup.dataset.versions import same_but_for_its_time
from trueup.dataset.view import View
from trueup.model import Change, LabelledSample, Record, Removal

Strategy = Literal["ours", "theirs", "newest"]
# Why samples are not there, of those of which that is known.
Whys = Callable[[Iterable[str]], Mapping[str, str]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MergeConflict(Record, frozen=True, kw_only=True):
    """A sample that both sides changed since `base`, differently. None is one that a side does not hold; `why` says why
    theirs does not."""

    sample_id: str
    base: LabelledSample | None
    ours: LabelledSample | None
    theirs: LabelledSample | None
    why: str = ""


class Merging(Record, frozen=True, kw_only=True):
    """What has to change on our side, and what cannot be told without a choice."""

    changes: tuple[Change, ...]
    conflicts: tuple[MergeConflict, ...]


def three_way(base: View, ours: View, theirs: View, changed: Iterable[Changed], whys: Whys) -> Merging:
    """`changed` is what lies between base and theirs, in either direction: no other sample is read. `whys` tells why
    theirs does not hold some, which is said again where they are taken out of ours."""
    touched = [name for each in changed for name in each.keys.ids()]
    before, mine, other = base.lookup(touched), ours.lookup(touched), theirs.lookup(touched)
    told = whys(each for each in touched if each not in other)
    changes: list[Change] = []
    conflicts: list[MergeConflict] = []
    for each in touched:
        was, our, their = before.get(each), mine.get(each), other.get(each)
        if _same(our, their):
            continue
        if _same(our, was):
            changes.append(_taken(each, their, _said(told, each)))
        else:
            conflicts.append(MergeConflict(sample_id=each, base=was, ours=our, theirs=their, why=_said(told, each)))
    return Merging(changes=tuple(changes), conflicts=tuple(conflicts))


def resolved(conflicts: Iterable[MergeConflict], strategy: Strategy) -> list[Change]:
    """What has to change on our side when every conflict is decided alike."""
    return [_taken(each.sample_id, each.theirs, each.why) for each in conflicts if _theirs_wins(each, strategy)]


def _theirs_wins(conflict: MergeConflict, strategy: Strategy) -> bool:
    """Of two labels the one given last. What one side took out on purpose does not come back by itself."""
    if strategy != "newest":
        return strategy == "theirs"
    if conflict.ours is None or conflict.theirs is None:
        return conflict.theirs is None
    return _age(conflict.theirs) > _age(conflict.ours)


def _age(line: LabelledSample) -> tuple[datetime, int]:
    return line.labelled_at or _EPOCH, line.since


def _same(one: LabelledSample | None, other: LabelledSample | None) -> bool:
    if one is None or other is None:
        return one is other
    return same_but_for_its_time(one, other)


def _said(whys: Mapping[str, str], sample_id: str) -> str:
    """What was forgotten where it stood is said to be forgotten: a removal has no line that could be redacted."""
    why = whys.get(sample_id, "")
    return FORGOTTEN if why == REDACTED else why


def _taken(sample_id: str, line: LabelledSample | None, why: str) -> Change:
    return Removal(sample_id=sample_id, why=why) if line is None else line
