"""Boxes and spans: which of several people's shapes mean the same thing, what it is, and where.

Shapes of different annotators are matched by how far they overlap (intersection over union), nearest first and at most
one of each annotator, as detections are matched with truth in the PASCAL VOC challenge (Everingham et al., IJCV 88,
2010). What enough people drew is there; its label and its edges follow from theirs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trueup.quality.answers import Floats
from trueup.quality.skills import PRIOR_SKILL
from trueup.quality.ties import winner

_MATCHED = 0.5
# Of things that are there an annotator draws so many; of the things drawn by somebody so many others draw falsely.
_DRAWN, _FALSELY = 0.85, 0.15
_TAILS = (0.05, 0.95)


@dataclass(frozen=True)
class Shape:
    """A box (left, top, right, bottom) or a span (start, end; the end is the first place after it), and its label."""

    label: str
    edges: tuple[float, ...]


@dataclass(frozen=True)
class SharedShape:
    """What several people mean. `existence` is how likely it is there at all, `posterior` how likely it has the label
    if it is; `edges` with their standard `errors` (NaN where one person drew it); `annotators` drew it."""

    label: str
    posterior: float
    existence: float
    edges: tuple[float, ...]
    errors: tuple[float, ...]
    annotators: tuple[str, ...]


@dataclass(frozen=True)
class ShapeAgreement:
    """`overlap`: how far two annotators' shapes of one sample overlap, 0 to 1, in the mean, with a 90 % bootstrap
    interval over samples; `alpha`: the same beyond what shapes of different samples do (Krippendorff's form)."""

    overlap: float
    low: float
    high: float
    alpha: float
    samples: int


def overlaps(one: Sequence[Shape], other: Sequence[Shape]) -> Floats:
    """Intersection over union of each pair, float64[one, other]; shapes without extent overlap nothing."""
    first, second = _edges(one), _edges(other)
    axes = first.shape[1] // 2
    low = np.maximum(first[:, None, :axes], second[None, :, :axes])
    high = np.minimum(first[:, None, axes:], second[None, :, axes:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    sizes = [np.clip(each[:, axes:] - each[:, :axes], 0, None).prod(axis=1) for each in (first, second)]
    union = sizes[0][:, None] + sizes[1][None, :] - common
    return np.where(union > 0, common / np.where(union > 0, union, 1.0), 0.0)


def shared_shapes(
    drawn: Mapping[str, Sequence[Shape]], least: float = _MATCHED, skills: Mapping[str, float] | None = None
) -> list[SharedShape]:
    """What is in one sample, from what each annotator who looked at it drew (perhaps nothing), surest first. `least`
    is the overlap that makes two shapes one; `skills` are probabilities of the right label."""
    people = sorted(drawn)
    shapes = [
        (person, each) for person in people for each in sorted(drawn[person], key=lambda each: (each.edges, each.label))
    ]
    if not shapes:
        return []
    found = [each for _, each in shapes]
    groups = grouped([person for person, _ in shapes], overlaps(found, found), least)
    shared = [_shared([shapes[place] for place in group], people, skills or {}) for group in groups]
    return sorted(shared, key=lambda each: (-each.existence, each.edges, each.label))


def similarity(one: Sequence[Shape], other: Sequence[Shape]) -> float:
    """How far two annotators mean the same, 0 to 1: the overlap of matched shapes, summed, over the number of different
    shapes that they drew together. 1 where neither drew any. Labels must be the same to match."""
    if not one and not other:
        return 1.0
    if not one or not other:
        return 0.0
    near = overlaps(one, other)
    near[np.array([[a.label != b.label for b in other] for a in one])] = 0.0
    return likeness_of(near)


def shape_agreement(
    samples: Sequence[Sequence[Sequence[Shape]]], resamples: int = 1000, seed: int = 0
) -> ShapeAgreement:
    """From each sample's annotators' shapes; samples that one annotator saw say nothing. Chance is measured on random
    pairs of different samples, as many as there are pairs within them. NaN where there is no pair."""
    told = [each for each in samples if len(each) > 1]
    rng = np.random.default_rng(seed)
    within = np.array([_mean_similarity(each) for each in told])
    if not len(within):
        return ShapeAgreement(math.nan, math.nan, math.nan, math.nan, 0)
    drawn = within[rng.integers(0, len(within), (resamples, len(within)))].mean(axis=1)
    low, high = np.quantile(drawn, _TAILS)
    chance = _chance(told, rng)
    overlap = float(within.mean())
    alpha = 1 - (1 - overlap) / (1 - chance) if chance < 1 else 1.0
    return ShapeAgreement(overlap, float(low), float(high), alpha, len(told))


def existence(drew: int, people: int) -> float:
    """How likely a thing is there that so many of those who looked drew."""
    odds = drew * math.log(_DRAWN / _FALSELY) + (people - drew) * math.log((1 - _DRAWN) / (1 - _FALSELY))
    return 1 / (1 + math.exp(-odds))


def grouped(owners: Sequence[str], near: Floats, least: float = _MATCHED) -> list[list[int]]:
    """Places of the things that mean the same, from how far each pair overlaps, float64[n, n]: joined nearest first,
    never two of one annotator."""
    group_of = list(range(len(owners)))
    members = {place: [place] for place in group_of}
    for one, other in _nearest_first(np.triu(near, 1), least):
        a, b = group_of[one], group_of[other]
        if a == b or {owners[each] for each in members[a]} & {owners[each] for each in members[b]}:
            continue
        for each in members[b]:
            group_of[each] = a
        members[a] += members.pop(b)
    return list(members.values())


def shared_label(votes: Sequence[tuple[str, str]], skills: Mapping[str, float], tie: object) -> tuple[str, float]:
    """The label that (annotator, label) pairs make likeliest, and how likely it is; among equals, one drawn by
    `tie`. Against any one other label where everybody says the same."""
    labels = sorted({label for _, label in votes})
    weights = np.zeros(len(labels))
    for person, label in votes:
        skill = min(max(skills.get(person, PRIOR_SKILL), 0.01), 0.99)
        weights[labels.index(label)] += math.log(skill / (1 - skill))
    if len(labels) == 1:
        return labels[0], 1 / (1 + math.exp(-float(weights[0])))
    chances = np.exp(weights - np.logaddexp.reduce(weights))
    best = winner(chances, labels, tie)
    return labels[best], float(chances[best])


def likeness_of(near: Floats) -> float:
    """The overlap of matched things, summed, over the number of different things that two annotators drew together,
    from how far each of one's overlaps each of the other's."""
    pairs = _matched(near)
    return sum(float(near[pair]) for pair in pairs) / (sum(near.shape) - len(pairs))


def _matched(near: Floats) -> list[tuple[int, int]]:
    """Pairs (row, column), nearest first, each row and column once."""
    pairs: list[tuple[int, int]] = []
    for row, column in _nearest_first(near, 0.0):
        if all(row != one and column != other for one, other in pairs):
            pairs.append((row, column))
    return pairs


def _nearest_first(near: Floats, least: float) -> list[tuple[int, int]]:
    rows, columns = np.nonzero((near >= least) & (near > 0))
    order = np.lexsort((columns, rows, -near[rows, columns]))
    return list(zip(rows[order].tolist(), columns[order].tolist(), strict=True))


def _shared(group: Sequence[tuple[str, Shape]], people: Sequence[str], skills: Mapping[str, float]) -> SharedShape:
    edges = _edges([each for _, each in group])
    middle = np.median(edges, axis=0)
    label, posterior = shared_label([(person, each.label) for person, each in group], skills, middle.tolist())
    spread = edges.std(axis=0, ddof=1) / math.sqrt(len(group)) if len(group) > 1 else np.full(len(middle), math.nan)
    return SharedShape(
        label=label,
        posterior=posterior,
        existence=existence(len(group), len(people)),
        edges=tuple(middle.tolist()),
        errors=tuple(spread.tolist()),
        annotators=tuple(sorted(person for person, _ in group)),
    )


def _mean_similarity(people: Sequence[Sequence[Shape]]) -> float:
    pairs = [similarity(one, other) for place, one in enumerate(people) for other in people[place + 1 :]]
    return sum(pairs) / len(pairs)


def _chance(told: Sequence[Sequence[Sequence[Shape]]], rng: np.random.Generator) -> float:
    if len(told) < 2:
        return 0.0
    pairs = sum(len(each) * (len(each) - 1) // 2 for each in told)
    found = []
    for _ in range(pairs):
        one, other = (told[each] for each in rng.choice(len(told), 2, replace=False).tolist())
        found.append(similarity(one[int(rng.integers(len(one)))], other[int(rng.integers(len(other)))]))
    return float(np.mean(found))


def _edges(shapes: Sequence[Shape]) -> Floats:
    return np.array([each.edges for each in shapes], dtype=np.float64)
