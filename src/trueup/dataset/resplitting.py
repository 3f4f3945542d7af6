"""A version split anew: what is frozen stays, all else goes where a way of splitting puts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from trueup.dataset.frozen import Frozen
from trueup.dataset.groups import GroupIndex
from trueup.dataset.placing import Ground, linked, unit_of
from trueup.dataset.splitting import SPLITTERS
from trueup.dataset.splitting.units import Setting
from trueup.labels.naming import names_in
from trueup.model import LabelledSample

# Samples by class, split before and split after.
Moves = Mapping[str, Mapping[str, Mapping[str, int]]]


def resplit(lines: Sequence[LabelledSample], frozen: Sequence[Frozen], setting: Setting) -> list[LabelledSample]:
    """The lines that move. What is linked stays together; with a frozen test set, in test."""
    ground = Ground(index=GroupIndex(), frozen=frozen, setting=setting)
    pinned = {line.sample_id for line, by in zip(lines, ground.frozen_by(lines), strict=True) if by is not None}
    stay: list[list[LabelledSample]] = []
    free: list[list[LabelledSample]] = []
    for cluster in linked(lines, near=ground.near):
        (stay if any(each.sample_id in pinned for each in cluster) else free).append(cluster)
    fixed = [replace(each, split="test") for cluster in stay for each in cluster]
    units = sorted((unit_of(cluster) for cluster in free), key=lambda each: each.key)
    around = _with_held(setting, fixed)
    splits = SPLITTERS[setting.policy.splits.method](units, around)
    moved = [replace(each, split=split) for unit, split in zip(units, splits, strict=True) for each in unit.lines]
    before = {each.sample_id: each.split for each in lines}
    return [each for each in (*fixed, *moved) if each.split != before[each.sample_id]]


def _with_held(setting: Setting, fixed: Sequence[LabelledSample]) -> Setting:
    """The setting in which only some lines have a split."""
    return Setting(project=setting.project, policy=setting.policy, at=setting.at, held=GroupIndex.of(fixed).counts)


def moves_between(before: Mapping[str, LabelledSample], after: Sequence[LabelledSample]) -> Moves:
    """How many samples move, by class, from where and to where."""
    found: Counter[tuple[str, str, str]] = Counter()
    for each in after:
        for name in names_in(each.label):
            found[name, before[each.sample_id].split, each.split] += 1
    moves: dict[str, dict[str, dict[str, int]]] = {}
    for (name, source, target), number in sorted(found.items()):
        moves.setdefault(name, {}).setdefault(source, {})[target] = number
    return moves
