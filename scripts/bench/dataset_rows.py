"""The dataset that scripts.bench.dataset measures on: a million lines, and what becomes of them.

Ids are as good as hashes; ten classes, posteriors of the kind that people's answers give, answers within a month. Lines
are sorted by id. Peers get nothing that follows from the id (groups, URIs of payloads), and no column that is constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

SAMPLES = 1_000_000
ADDED, REMOVED, RELABELLED = 3_000, 2_000, 5_000
_CLASSES = tuple(f"class-{number}" for number in range(10))
_SPLITS = ("train", "validation", "test")
_STRATEGIES = ("margin", "audit", "import")
_START = 1_767_225_600_000_000
_MONTH = 30 * 86_400 * 1_000_000

Columns = dict[str, list[Any]]


def rows(number: int, seed: int, since: int) -> Columns:
    chance = np.random.default_rng(seed)
    strategies = chance.choice(len(_STRATEGIES), number, p=[0.6, 0.1, 0.3])
    asked = chance.choice([None, 0.04, 1.0], number)
    return {
        "sample_id": sorted(_hexes(chance, number, 32)),
        "label": _some(_CLASSES, chance.integers(0, 10, number)),
        "split": _some(_SPLITS, chance.choice(3, number, p=[0.7, 0.1, 0.2])),
        "posterior": (1 - chance.beta(1, 30, number)).tolist(),
        "agreement": chance.choice([1.0, 2 / 3, 0.75, 0.5], number, p=[0.8, 0.1, 0.05, 0.05]).tolist(),
        "consensus_id": _hexes(chance, number, 16),
        "selected_by": _some(_STRATEGIES, strategies),
        "propensity": asked.tolist(),
        "labelled_at": (_START + chance.integers(0, _MONTH, number)).tolist(),
        "since": [since] * number,
    }


def changed(before: Columns) -> tuple[Columns, Columns]:
    """All lines after the change, and the change alone: lines with `op`, which is `put` or `remove`."""
    chance = np.random.default_rng(7)
    number = len(before["sample_id"])
    touched = np.sort(chance.choice(number, RELABELLED + REMOVED, replace=False))
    removed = set(chance.choice(touched, REMOVED, replace=False).tolist())
    relabelled = [each for each in touched.tolist() if each not in removed]
    again = rows(RELABELLED, 8, 2)
    again["sample_id"] = [before["sample_id"][each] for each in relabelled]
    again["split"] = [before["split"][each] for each in relabelled]
    again["label"] = [_CLASSES[_CLASSES.index(before["label"][each]) - 1] for each in relabelled]
    put = _joined(again, rows(ADDED, 9, 2))
    gone = {name: [values[each] for each in sorted(removed)] for name, values in before.items()}
    left = np.ones(number, np.bool_)
    left[touched] = False
    kept = {name: [values[each] for each in np.flatnonzero(left).tolist()] for name, values in before.items()}
    after = _sorted(_joined(kept, put))
    operations = ["put"] * len(put["sample_id"]) + ["remove"] * len(gone["sample_id"])
    return after, {**_joined(put, gone), "op": operations}


def documents(columns: Columns) -> Iterator[dict[str, Any]]:
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _joined(one: Columns, other: Columns) -> Columns:
    return {name: [*one[name], *other[name]] for name in one}


def _sorted(columns: Columns) -> Columns:
    order = sorted(range(len(columns["sample_id"])), key=columns["sample_id"].__getitem__)
    return {name: [values[each] for each in order] for name, values in columns.items()}


def _some(names: tuple[str, ...], codes: Any) -> list[str]:
    return [names[each] for each in codes.tolist()]


def _hexes(chance: np.random.Generator, number: int, width: int) -> list[str]:
    digits = chance.bytes(number * width).hex()
    return [digits[start : start + 2 * width] for start in range(0, len(digits), 2 * width)]
