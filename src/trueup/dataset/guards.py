"""What no version may do, asked of every commit once its lines are placed: one function each, one line in the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from trueup.dataset.groups import Keys, key_of, print_of
from trueup.dataset.placing import Ground, Lines, Standing
from trueup.dataset.splitting.units import SPLITS
from trueup.errors import LeakError
from trueup.model import Change, LabelledSample, Removal
from trueup.similarity.near_duplicates import NEAR, Neighbours

# Raises LeakError.
Guard = Callable[[Sequence[Change], Lines, Ground], object]
FORGOTTEN = "forgotten"
ASKED_AGAIN = "asked again"
_NAMED = 3


def frozen_stays(changes: Sequence[Change], before: Lines, ground: Ground) -> None:
    """Nothing of a frozen test set, of its groups, or like it comes into another split, and it leaves only where it is
    forgotten, or asked about again since its class is no more: then it comes back into test."""
    if not ground.frozen:
        return
    outside = [each for each in _arriving(changes, before) if each.split != "test"]
    found = ground.frozen_by(outside)
    frozen = next((each for each in found if each is not None), None)
    if frozen is not None:
        leaking = [line for line, by in zip(outside, found, strict=True) if by is frozen]
        raise LeakError(
            f"{_samples(each.sample_id for each in leaking)} ({_groups(leaking)}) would go into {leaking[0].split}, "
            f"but belong to the frozen test set {frozen.record.name} (of v{frozen.record.number}): its samples, their "
            "groups and what hardly differs from them stay in test; leave them there, or leave them out",
            field=leaking[0].sample_id,
        )
    _nothing_leaves(changes, ground)


def groups_stay_whole(changes: Sequence[Change], before: Lines, ground: Ground) -> None:
    """A group that stood in one split does not stand in two, and what hardly differs does not come apart."""
    arriving = _arriving(changes, before)
    if not arriving:
        return
    steps: Counter[tuple[int, str]] = Counter()
    for each in changes:
        old = before.get(each.sample_id)
        if old is not None:
            steps[key_of(old.group), old.split] -= 1
        if isinstance(each, LabelledSample):
            steps[key_of(each.group), each.split] += 1
    standing = ground.standing(arriving, before)
    torn = _torn({key_of(each.group) for each in arriving}, steps, standing)
    cut = [each for each in arriving if key_of(each.group) in torn]
    if cut:
        raise LeakError(
            f"{_groups(cut)} would lie in several splits ({_samples(each.sample_id for each in cut)} in "
            f"{cut[0].split}): move whole groups, as trueup dataset split does",
            field=cut[0].group,
        )
    if ground.near:
        _nothing_alike_apart(arriving, steps, standing)


GUARDS: tuple[Guard, ...] = (frozen_stays, groups_stay_whole)


def torn(groups: Sequence[str]) -> LeakError:
    """What many say of groups that a commit would leave in several splits."""
    told = _some("group", groups) if groups else "some groups"
    return LeakError(
        f"{told} would lie in several splits, or apart from what hardly differs: move whole groups, "
        "as trueup dataset split does",
        field=groups[0] if groups else None,
    )


def _arriving(changes: Sequence[Change], before: Lines) -> list[LabelledSample]:
    """Lines that are new, or come into another split or group."""
    lines = [each for each in changes if isinstance(each, LabelledSample)]
    return [each for each in lines if place_of(each) != place_of(before.get(each.sample_id))]


def place_of(line: LabelledSample | None) -> tuple[str, str, str | None] | None:
    """What keeps a line where it is, as long as it stays the same."""
    return (line.split, line.group, line.fingerprint) if line else None


def _nothing_leaves(changes: Sequence[Change], ground: Ground) -> None:
    gone = [each for each in changes if isinstance(each, Removal) and each.why not in (FORGOTTEN, ASKED_AGAIN)]
    keys = np.array([key_of(each.sample_id) for each in gone], dtype=np.uint64)
    for frozen in ground.frozen:
        names = [gone[place].sample_id for place in np.flatnonzero(frozen.holds(keys))]
        if names:
            raise LeakError(
                f"{_samples(names)} of the frozen test set {frozen.record.name} would be taken out of the dataset: "
                "only what is forgotten leaves a frozen test set",
                field=names[0],
            )


def _torn(groups: set[int], steps: Counter[tuple[int, str]], standing: Standing) -> set[int]:
    """Those of the groups that stood in one split at most, and would stand in several."""
    keys = np.array(sorted(groups), dtype=np.uint64)
    stood = standing.tallies(keys)
    stands = stood + np.array([[steps[int(key), each] for each in SPLITS] for key in keys]).reshape(-1, len(SPLITS))
    torn = ((stands > 0).sum(axis=1) > 1) & ((stood > 0).sum(axis=1) <= 1)
    return set(keys[torn].tolist())


def _nothing_alike_apart(
    arriving: Sequence[LabelledSample], steps: Counter[tuple[int, str]], standing: Standing
) -> None:
    printed = {(print_of(each), each.split): each for each in arriving if each.fingerprint is not None}
    lines = list(printed.values())
    prints, places = np.unique(np.array([each for each, _ in printed], dtype=np.uint64), return_inverse=True)
    kinds = np.array([SPLITS.index(each.split) for each in lines], dtype=np.int64)
    if len(prints) < len(lines):
        twice = next(place for place, number in enumerate(np.bincount(places)) if number > 1)
        one, other = (lines[each] for each in np.flatnonzero(places == twice)[:2])
        raise _apart(one, other.split)
    # Each fingerprint stands in one split now, so that lines and fingerprints correspond.
    order = np.argsort(places)
    lines, kinds = [lines[each] for each in order], kinds[order]
    for ones, others in Neighbours(prints).pairs(prints):
        torn = np.flatnonzero(kinds[ones] != kinds[others])
        if len(torn):
            raise _apart(lines[ones[torn[0]]], SPLITS[kinds[others[torn[0]]]])
    _nothing_like_the_version_apart(lines, prints, kinds, steps, standing)


def _nothing_like_the_version_apart(
    lines: Sequence[LabelledSample],
    prints: Keys,
    kinds: NDArray[np.int64],
    steps: Counter[tuple[int, str]],
    standing: Standing,
) -> None:
    known = standing.index.known
    if not len(prints) or not len(known.prints):
        return
    which, near = known.near(prints, kinds)
    rows, owners = known.owners(near)
    stood = standing.tallies(owners).tolist()
    for row, kind, owner, numbers in zip(rows.tolist(), which[rows].tolist(), owners.tolist(), stood, strict=True):
        for place, split in enumerate(SPLITS):
            if place != kind and numbers[place] + steps[owner, split] > 0:
                like = int(known.prints[near[row]])
                mine = (each for each in lines if each.split == SPLITS[kind])
                raise _apart(next(each for each in mine if _alike(print_of(each), like)), split)


def _alike(one: int | None, other: int) -> bool:
    return one is not None and (one ^ other).bit_count() <= NEAR


def _apart(line: LabelledSample, other: str) -> LeakError:
    return LeakError(
        f"sample {line.sample_id[:12]} (group {line.group[:64]}) would go into {line.split}, but hardly differs from "
        f"what is in {other}: move both, as trueup dataset split does",
        field=line.sample_id,
    )


def _samples(names: Iterable[str]) -> str:
    return _some("sample", [each[:12] for each in names])


def _groups(lines: Iterable[LabelledSample]) -> str:
    return _some("group", list(dict.fromkeys(each.group[:64] for each in lines)))


def _some(what: str, names: Sequence[str]) -> str:
    told = ", ".join(names[:_NAMED])
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{what} {told}" if len(names) == 1 else f"{what}s {told}{more}"
