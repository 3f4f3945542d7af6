"""What a version lacks, as far as its figures tell: what to know before one trains on it or trusts a score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.dataset.cards.facts import CardFacts

_FEW = 20
_LOW_AGREEMENT = 0.8
_UNEVEN = 10.0
_LARGE_GROUP = 0.05


def gaps_of(facts: CardFacts) -> tuple[str, ...]:
    """Sentences, the gravest first; none where nothing stands out."""
    if not facts.version.samples:
        return ("The version holds no sample.",)
    return tuple(gap for rule in _RULES for gap in rule(facts))


def _absent(facts: CardFacts) -> Iterator[str]:
    missing = [each.name for each in facts.classes if not each.samples]
    if missing:
        yield f"No sample of {_list(missing)}: a model cannot learn {'it' if len(missing) == 1 else 'them'} from this."


def _few(facts: CardFacts) -> Iterator[str]:
    few = [each.name for each in facts.classes if 0 < each.samples < _FEW]
    if few:
        yield f"Fewer than {_FEW} samples of {_list(few)}."


def _untested(facts: CardFacts) -> Iterator[str]:
    for split in ("train", "test"):
        missing = [each.name for each in facts.classes if each.samples and not each.splits[split]]
        if missing and len(missing) == len([each for each in facts.classes if each.samples]):
            yield f"There is no {split} split."
        elif missing:
            what = "its score says nothing of" if split == "test" else "nothing is learned of"
            yield f"No {split} sample of {_list(missing)}: {what} {'it' if len(missing) == 1 else 'them'}."


def _uneven(facts: CardFacts) -> Iterator[str]:
    if facts.imbalance > _UNEVEN:
        most = max(facts.classes, key=lambda each: each.samples)
        least = min((each for each in facts.classes if each.samples), key=lambda each: each.samples)
        if least.samples * _UNEVEN < most.samples:
            yield f"{most.name} is {most.samples / least.samples:.0f} times as frequent as {least.name}."


def _disputed(facts: CardFacts) -> Iterator[str]:
    disputed = [each for each in facts.classes if each.samples and each.agreement < _LOW_AGREEMENT]
    for each in disputed:
        yield f"Annotators agree on {each.name} by {each.agreement:.0%} only: its guidelines may be unclear."


def _one_source(facts: CardFacts) -> Iterator[str]:
    if not any(each.propensities for each in facts.sources):
        yield "No sample has a known propensity: what is counted here cannot be reweighted to the traffic."


def _large_group(facts: CardFacts) -> Iterator[str]:
    share = facts.greatest_group / facts.version.samples
    if share > _LARGE_GROUP and facts.greatest_group >= _FEW:
        yield f"One group has {facts.greatest_group:,} samples, {share:.0%} of all."


def _sliceless(facts: CardFacts) -> Iterator[str]:
    few = [name for name, number in facts.slices.items() if name not in ("", "…") and number < _FEW]
    if few:
        yield (
            f"Fewer than {_FEW} samples of the slice {_list(few)}."
            if len(few) == 1
            else (f"Fewer than {_FEW} samples of each of the slices {_list(few)}.")
        )


_RULES: tuple[Callable[[CardFacts], Iterator[str]], ...] = (
    _absent,
    _untested,
    _few,
    _uneven,
    _disputed,
    _large_group,
    _sliceless,
    _one_source,
)


def _list(names: list[str]) -> str:
    shown = names[:8]
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(shown) + more
