"""The draw: which of a file's predictions become tasks, under a budget, each with its propensity.

A window is one capture file of n predictions. The wanted number is n * rate, its fraction settled by a seeded
coin so that small files get their share on average. Of the m granted, a = m * audit_share (again by coin) are
drawn uniformly at random without replacement from all n; the other m - a are the highest scores among the rest.

Propensity is the probability of being chosen given the window and the coins: a prediction among the top m - a
of all n by score is chosen whatever the audit draws, so its propensity is 1 (an audit draw of it only lets the
next score in). For one at rank r (counted from 0) with r >= m - a, it is chosen by the audit draw with
probability a / n, or because the audit draw took enough of those ranked above it. With d = r - (m - a) + 1,
the latter needs at least d of the a draws among the r ranked above: a hypergeometric tail. The total is
a/n + (1 - a/n) * P[Hyper(n-1, r, a) >= d], exactly.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from trueup.errors import ConfigurationError
from trueup.model import Prediction, Record, SelectionPolicy
from trueup.selection.strategies import STRATEGIES

_APART = frozenset({"multilabel", "entities", "detections"})


class Candidate(Record, frozen=True, kw_only=True):
    """A prediction that may be asked about; `key` is its sample id and breaks ties."""

    key: str
    prediction: Prediction


class Choice(Record, frozen=True, kw_only=True):
    """A candidate that was chosen. `index` points into the candidates; `threshold` is the lowest score that
    was chosen by score in this window."""

    index: int
    strategy: str
    score: float
    threshold: float
    propensity: float
    reason: str


def choose(
    candidates: Sequence[Candidate], policy: SelectionPolicy, granted: Callable[[int], int], seed: str
) -> list[Choice]:
    """Choose from one window. `granted` is asked once how many of the wanted number the budget allows.

    The same candidates, policy, grant and seed give the same choices. Raises ConfigurationError for an unknown
    strategy.
    """
    strategy = STRATEGIES.get(policy.strategy)
    if strategy is None:
        known = ", ".join(sorted(STRATEGIES))
        raise ConfigurationError(f"selection.strategy is {policy.strategy!r}; strategies: {known}", field="strategy")
    if not candidates:
        return []
    rng = np.random.default_rng(_seed(seed, policy.seed))
    wanted = min(len(candidates), _coin_round(len(candidates) * policy.rate, rng))
    allowed = min(wanted, granted(wanted)) if wanted else 0
    if not allowed:
        return []
    audits = min(allowed, _coin_round(allowed * policy.audit_share, rng))
    scores = strategy.score(_matrix(candidates), rng)
    ranking = _ranking(candidates, scores)
    drawn = frozenset(int(each) for each in rng.choice(len(candidates), size=audits, replace=False))
    by_score = [each for each in ranking if each not in drawn][: allowed - audits]
    threshold = float(scores[by_score[-1]]) if by_score else math.inf
    ranks = {index: rank for rank, index in enumerate(ranking)}
    chosen = [(each, policy.strategy, f"high {policy.strategy} score") for each in by_score]
    chosen += [(each, "random", "audit") for each in sorted(drawn, key=ranks.__getitem__)]
    return [
        Choice(
            index=index,
            strategy=name,
            score=float(scores[index]),
            threshold=threshold if math.isfinite(threshold) else 0.0,
            propensity=_propensity_under(policy, ranks[index], len(candidates), allowed, audits),
            reason=reason,
        )
        for index, name, reason in chosen
    ]


def _propensity_under(policy: SelectionPolicy, rank: int, window: int, chosen: int, audits: int) -> float:
    """Random scores rank nobody: every prediction of the window is as likely as the next."""
    return chosen / window if policy.strategy == "random" else propensity(rank, window, chosen, audits)


def propensity(rank: int, window: int, chosen: int, audits: int) -> float:
    """Inclusion probability of the prediction at `rank` by score (from 0) in a window; derivation above."""
    by_score = chosen - audits
    if rank < by_score:
        return 1.0
    if audits == 0:
        return 0.0
    share = audits / window
    needed = rank - by_score + 1
    pushed = _hypergeometric_tail(population=window - 1, marked=rank, draws=audits, at_least=needed)
    return share + (1 - share) * pushed if by_score else share


def _hypergeometric_tail(population: int, marked: int, draws: int, at_least: int) -> float:
    """P[at least `at_least` marked among `draws` without replacement]."""
    if draws > population or at_least > draws:
        return 0.0
    ways = math.comb(population, draws)
    hits = sum(
        math.comb(marked, each) * math.comb(population - marked, draws - each)
        for each in range(at_least, min(draws, marked) + 1)
    )
    return hits / ways


def uncertainties(prediction: Prediction) -> dict[str, float]:
    """The scores of one prediction by every strategy that looks at nothing else, each in [0, 1] and higher for less
    sure; empty when the model gave no probability."""
    if not prediction.probabilities:
        return {}
    row, rng = np.array([_distribution(prediction)]), np.random.default_rng(0)
    return {name: float(each.score(row, rng)[0]) for name, each in STRATEGIES.items() if name != "random"}


def _matrix(candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    rows = [_distribution(each.prediction) for each in candidates]
    matrix = np.zeros((len(rows), max(len(each) for each in rows)))
    for row, each in enumerate(rows):
        matrix[row, : len(each)] = each
    return matrix


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


def _ranking(candidates: Sequence[Candidate], scores: NDArray[np.float64]) -> list[int]:
    """Indices by falling score; ties by key, which is a content hash and so favours nobody."""
    return sorted(range(len(candidates)), key=lambda index: (-scores[index], candidates[index].key))


def _coin_round(value: float, rng: np.random.Generator) -> int:
    """Round up or down at random so that the mean is `value`."""
    whole = math.floor(value)
    return whole + int(rng.random() < value - whole)


def _seed(window: str, policy_seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{policy_seed}:{window}".encode()).digest()[:8], "big")
