"""How far annotators agree. Input: one list of labels per sample; samples with one label say nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def percent(samples: Sequence[Sequence[str]]) -> float:
    """Share of pairs of answers on the same sample that are equal, in [0, 1]; NaN without a pair."""
    same = sum(_equal_pairs(Counter(each)) for each in samples)
    pairs = sum(len(each) * (len(each) - 1) for each in samples)
    return same / pairs if pairs else float("nan")


def krippendorff_alpha(samples: Sequence[Sequence[str]]) -> float:
    """Krippendorff's alpha for nominal data with missing values, from value counts (Krippendorff, 2011).

    1 is perfect, 0 what chance would give; NaN without a pair; 1.0 when every answer is the same class.
    """
    paired = [Counter(each) for each in samples if len(each) > 1]
    total = sum(each.total() for each in paired)
    if not total:
        return float("nan")
    observed = sum((each.total() ** 2 - _squares(each)) / (each.total() - 1) for each in paired)
    overall: Counter[str] = Counter()
    for each in paired:
        overall.update(each)
    expected = (total**2 - _squares(overall)) / (total - 1)
    return 1 - observed / expected if expected else 1.0


def fleiss_kappa(samples: Sequence[Sequence[str]]) -> float:
    """Fleiss' kappa (1971); every sample needs the same number of answers, at least two. Raises ValueError."""
    sizes = {len(each) for each in samples}
    if len(sizes) != 1 or min(sizes) < 2:
        raise ValueError(f"Fleiss' kappa needs the same number (>= 2) of answers for each sample, got {sorted(sizes)}")
    overall: Counter[str] = Counter()
    for each in samples:
        overall.update(each)
    chance = sum((count / overall.total()) ** 2 for count in overall.values())
    observed = percent(samples)
    return (observed - chance) / (1 - chance) if chance < 1 else 1.0


def _equal_pairs(counts: Counter[str]) -> int:
    return sum(each * (each - 1) for each in counts.values())


def _squares(counts: Counter[str]) -> int:
    return sum(each * each for each in counts.values())
