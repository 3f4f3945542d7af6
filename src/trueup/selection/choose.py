"""The draw: which predictions of a window become tasks, under a budget, each with its propensity.

A window is one capture file of n predictions, which streams by once. The wanted number is n * rate, its fraction
settled by a seeded coin so that small files get their share on average; of these, `audit_share` are drawn uniformly
at random, each strategy in `shares` chooses its part, and `strategy` the rest. Then the budget cuts.

What a strategy chooses is not always its highest scores: of several times as many candidates a picker takes those that
teach different things. What strategies choose they choose without chance, so its propensity is 1. The a audits are
drawn from all the others: each of those has propensity a / (n - d), where d were chosen by strategies. That is a
stratified sample, from which anything about the window can be estimated without bias, whatever the strategies are
(Cochran, Sampling Techniques, 1977, chapter 5). Samples that were asked about before are passed over: they are in no
stratum.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from trueup.errors import ConfigurationError
from trueup.model import Knowledge, Prediction, SelectionPolicy
from trueup.selection.calibration import tempered
from trueup.selection.pickers import PICKERS, Picker
from trueup.selection.pool import Entry, Pool
from trueup.selection.scene import NOTHING, Scene, bare
from trueup.selection.second_look import Candidates, Lens
from trueup.selection.strategies import ALONE, AUDIT, SECOND_LOOKS, STRATEGIES, Strategy

# One file cannot buy more labels than this, so that what may be chosen fits in memory.
MOST_PER_FILE = 1000
_MOST_BYTES = 8_000_000
# What a picker looks at grows with the square of what is wanted: where much is, it looks at fewer for each.
_MOST_CANDIDATES = 1500
# What a second look compares candidates with.
_SAMPLE = 60
_APART = frozenset({"multilabel", "entities", "detections"})
T = TypeVar("T")


class Choice(msgspec.Struct, Generic[T], frozen=True):
    """A prediction that was chosen, the `position`-th of its window. `threshold` is the lowest score that its
    strategy chose in this window."""

    thing: T
    position: int
    strategy: str
    score: float
    threshold: float
    propensity: float
    reason: str


class Offer(msgspec.Struct, Generic[T], frozen=True):
    """What may still be chosen for a reason, best first: the budget and the past decide how many of them are. `reach`
    times as many as are wanted are looked at."""

    reason: str
    wanted: int
    entries: Sequence[Entry[T]]
    reach: float = 1.0


class Draw(msgspec.Struct, Generic[T], dict=True):
    """One window as it streams by. The same predictions in the same order, policy and seed give the same choices.

    Raises ConfigurationError for a strategy that does not exist.
    """

    policy: SelectionPolicy
    seed: str
    knowledge: Knowledge = NOTHING
    seen: int = 0

    def __post_init__(self) -> None:
        most = _most(self.policy)
        names = [] if self.policy.strategy == "random" else [self.policy.strategy, *self.policy.shares]
        self._scored: dict[str, Pool[T]] = {
            each: Pool(self._size(each, most), _MOST_BYTES) for each in names if _strategy(each)
        }
        audits = _spare(math.ceil(most * self.policy.audit_share) if names else most)
        # A second look may want a uniform sample, also where nobody is asked about one.
        sample = _SAMPLE if set(names) & SECOND_LOOKS.keys() else 0
        self._chance: Pool[T] = Pool(max(audits, sample), _MOST_BYTES)
        self._order = np.random.default_rng(_seed(self.seed, self.policy.seed))

    def _size(self, name: str, most: int) -> int:
        reach = min(_MOST_CANDIDATES, math.ceil(most * self._reach(name)))
        return _spare(max(most, reach))

    def _reach(self, name: str) -> float:
        """How many times what is wanted is looked at."""
        look = SECOND_LOOKS[name].LOOK if name in SECOND_LOOKS else 1.0
        return max(look, _picker(self.policy).REACH)

    def offer(
        self,
        probabilities: NDArray[np.float64],
        names: Sequence[str],
        which: NDArray[np.int64],
        keep: Callable[[Sequence[int]], list[tuple[T, int]]],
        slices: tuple[Sequence[str], NDArray[np.int64]] | None = None,
        information: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Some more predictions: float64[n, k], whose likeliest classes are the `names` at int64[n]. `keep` is asked
        for those that may be chosen, by index: each thing and its size in bytes. `slices` and `information` are as in
        Scene. Returns the scores by the policy's own strategy: float64[n]."""
        # Two draws each, whatever the blocks: were ties broken by the audit's own, ties would take the audit's place.
        chance, ties = self._order.random((len(probabilities), 2)).T
        kept: dict[int, tuple[T, int]] = {}
        if self.policy.calibrate:
            probabilities = tempered(probabilities, self.knowledge.temperature)
        scene = Scene(
            names=names,
            which=which,
            knowledge=self.knowledge,
            error_rate=self.policy.error_rate,
            slices=slices,
            information=information,
        )
        scores = {name: STRATEGIES[name].score(probabilities, scene, self._order) for name in self._scored}
        for name, pool in self._scored.items():
            self._fill(pool, scores[name], ties, keep, kept)
        self._fill(self._chance, -chance, ties, keep, kept)
        self.seen += len(probabilities)
        return scores[self.policy.strategy] if self._scored else chance

    def _fill(
        self,
        pool: Pool[T],
        keys: NDArray[np.float64],
        ties: NDArray[np.float64],
        keep: Callable[[Sequence[int]], list[tuple[T, int]]],
        kept: dict[int, tuple[T, int]],
    ) -> None:
        found = pool.wants(keys, ties)
        indices = found.tolist()
        if not indices:
            return
        new = [index for index in indices if index not in kept]
        kept.update(zip(new, keep(new), strict=True))
        pool.add(
            [
                Entry(key=key, tie=tie, position=self.seen + index, size=kept[index][1], thing=kept[index][0])
                for index, key, tie in zip(indices, keys[found].tolist(), ties[found].tolist(), strict=True)
            ]
        )

    def offers(self, rate: float) -> list[Offer[T]]:
        """What each reason wants of the whole window at this rate, the strategy's own part first, the audit last."""
        rng = np.random.default_rng(_seed(f"{self.seed}:coins", self.policy.seed))
        total = min(_most(self.policy), self.seen, coin_round(self.seen * rate, rng))
        audits = total if not self._scored else min(total, coin_round(total * self.policy.audit_share, rng))
        parts = {AUDIT: audits}
        left = total - audits
        for name, share in self.policy.shares.items():
            if name in self._scored:
                parts[name] = min(left, coin_round(total * share, rng))
                left -= parts[name]
        parts[self.policy.strategy] = left if self._scored else 0
        found = [
            Offer(reason=name, wanted=parts[name], entries=pool.best(), reach=self._reach(name))
            for name, pool in self._scored.items()
        ]
        return [*found, Offer(reason=AUDIT, wanted=audits, entries=self._chance.best())]

    def look_again(self, offers: Sequence[Offer[T]], lens: Lens[T]) -> list[Offer[T]]:
        """The offers of strategies that look twice with what the second look leaves of them, best first."""
        return [
            self._look_again(each, lens) if each.reason in SECOND_LOOKS and each.entries else each for each in offers
        ]

    def _look_again(self, offer: Offer[T], lens: Lens[T]) -> Offer[T]:
        near = lens.usable(offer.entries[: math.ceil(offer.wanted * offer.reach)])
        if not near:
            return structs.replace(offer, entries=[])
        candidates = Candidates(
            scores=np.array([each.key for each in near]),
            knowledge=self.knowledge,
            see=lambda: lens.seen(near),
            see_sample=lambda: lens.seen(lens.usable(self._chance.best()[:_SAMPLE])),
            disagreements=lambda: lens.disagreements(near),
        )
        scores = SECOND_LOOKS[offer.reason].again(candidates)
        order = np.lexsort((np.array([each.tie for each in near]), -scores))
        found = [structs.replace(near[index], key=float(scores[index])) for index in order if scores[index] > 0]
        return structs.replace(offer, entries=found, reach=_picker(self.policy).REACH)

    def choices(self, offers: Sequence[Offer[T]], granted: Mapping[str, int], lens: Lens[T]) -> list[Choice[T]]:
        """Of each offer as many as were granted, nothing twice."""
        taken: set[int] = set()
        picked: dict[str, list[Entry[T]]] = {}
        for offer in offers:
            free = [each for each in offer.entries if each.position not in taken]
            picked[offer.reason] = self._picked(offer, free, granted.get(offer.reason, 0), lens)
            taken |= {each.position for each in picked[offer.reason]}
        return self._told(picked)

    def again(self, offers: Sequence[Offer[T]], chosen: Mapping[str, Sequence[int]], lens: Lens[T]) -> list[Choice[T]]:
        """What an earlier draw of this window chose, by reason, at these positions; without those that are not among
        the candidates any more, which only another policy or other knowledge can bring about."""
        anywhere = {each.position: each for offer in offers for each in offer.entries}
        picked: dict[str, list[Entry[T]]] = {}
        for offer in offers:
            places = anywhere | {each.position: each for each in offer.entries}
            found = [places[each] for each in chosen.get(offer.reason, ()) if each in places]
            picked[offer.reason] = lens.usable(found)
        return self._told(picked)

    def _told(self, picked: Mapping[str, Sequence[Entry[T]]]) -> list[Choice[T]]:
        taken = 0
        found: list[Choice[T]] = []
        for reason, entries in picked.items():
            chance = len(entries) / max(1, self.seen - taken)
            taken += len(entries)
            found += self._chosen(reason, entries, chance)
        return found

    def _picked(
        self,
        offer: Offer[T],
        free: Sequence[Entry[T]],
        number: int,
        lens: Lens[T],
    ) -> list[Entry[T]]:
        near = free[: math.ceil(number * offer.reach)]
        if offer.reason == AUDIT or len(near) <= number or offer.reach <= 1.0:
            return list(free[:number])
        scores = np.array([each.key for each in near])
        rng = np.random.default_rng(_seed(f"{self.seed}:{offer.reason}", self.policy.seed))
        return [near[each] for each in PICKERS[self.policy.picker].pick(scores, lens.seen(near).vectors(), number, rng)]

    def _chosen(self, reason: str, entries: Sequence[Entry[T]], chance: float) -> list[Choice[T]]:
        audit = reason == AUDIT
        scores = [-each.key if audit else each.key for each in entries]
        return [
            Choice(
                thing=each.thing,
                position=each.position,
                strategy="random" if audit else reason,
                score=score,
                threshold=0.0 if audit else min(scores),
                propensity=min(1.0, chance) if audit else 1.0,
                reason=AUDIT if audit else f"high {reason} score",
            )
            for each, score in zip(entries, scores, strict=True)
        ]


def matrix(predictions: Sequence[Prediction]) -> NDArray[np.float64]:
    """What the strategies look at: float64[n, k], a row each, rows of fewer classes filled up with zeros."""
    rows = [_distribution(each) for each in predictions]
    found = np.zeros((len(rows), max((len(each) for each in rows), default=0)))
    for row, each in enumerate(rows):
        found[row, : len(each)] = each
    return found


def uncertainties(prediction: Prediction) -> dict[str, float]:
    """The scores of one prediction by every strategy that looks at nothing else, each in [0, 1] and higher for less
    sure; empty when the model gave no probability."""
    if not prediction.probabilities:
        return {}
    row, rng = matrix([prediction]), np.random.default_rng(0)
    return {name: float(STRATEGIES[name].score(row, bare(1), rng)[0]) for name in ALONE}


def _distribution(prediction: Prediction) -> tuple[float, ...]:
    """What the classes that a partial prediction leaves out have in common is one class more; a winner alone leaves
    the rest to it. Where each class or object is decided by itself, the least decided one speaks for all. A label
    alone, a number, and an image or text in which nothing was found tell nothing of doubt: they count as sure, and
    only the audit asks about them."""
    if not prediction.probabilities:
        return (1.0,)
    if prediction.kind in _APART:
        chances = [each.score for each in prediction.objects] or prediction.probabilities
        doubtful = min(chances, key=lambda each: abs(each - 0.5))
        return (doubtful, 1.0 - doubtful)
    if not prediction.partial:
        return prediction.probabilities
    rest = 1.0 - math.fsum(prediction.probabilities)
    return (*prediction.probabilities, rest) if rest > 0 else prediction.probabilities


def coin_round(value: float, rng: np.random.Generator) -> int:
    """Round up or down at random so that the mean is `value`."""
    whole = math.floor(value)
    return whole + int(rng.random() < value - whole)


def _most(policy: SelectionPolicy) -> int:
    """How many labels one file could be granted."""
    budget = policy.budget
    limits = (MOST_PER_FILE, budget.per_hour, budget.per_day, budget.total)
    return max(0, min(each for each in limits if each is not None))


def _spare(most: int) -> int:
    """Some candidates turn out to be known, or to be chosen by another strategy."""
    return most + most // 4 + 10 if most else 0


def _strategy(name: str) -> Strategy:
    found = STRATEGIES.get(name)
    if found is None:
        known = ", ".join(sorted(STRATEGIES))
        raise ConfigurationError(f"selection.strategy is {name!r}; strategies: {known}", field="strategy")
    return found


def _picker(policy: SelectionPolicy) -> Picker:
    found = PICKERS.get(policy.picker)
    if found is None:
        known = ", ".join(sorted(PICKERS))
        raise ConfigurationError(f"selection.picker is {policy.picker!r}; pickers: {known}", field="picker")
    return found


def _seed(window: str, policy_seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{policy_seed}:{window}".encode()).digest()[:8], "big")
