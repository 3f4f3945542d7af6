"""What a stream is boiled down to: the best of it, its sketch, its share of the budget."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds import NOW, capture_file
from trueup.adapters.memory import MemoryCaptureLedger, World
from trueup.model import Budget, FileReceipt, SelectionPolicy, Sketch
from trueup.ports import Journal
from trueup.selection.budget import allocate
from trueup.selection.pace import rate_of
from trueup.selection.pool import Entry, Pool
from trueup.selection.sketch import (
    BINS,
    RELATIVE_ERROR,
    SMALLEST,
    Tallies,
    bins,
    indexed,
    merged,
    quantile,
    share_above,
    sketch_of,
    total,
)

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=60)
REASONS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 30), min_size=1)


def entry(position: int, key: float, tie: float = 0.0, size: int = 1) -> Entry[int]:
    return Entry(key=key, tie=tie, position=position, size=size, thing=position)


def fill(pool: Pool[int], keys: list[float], block: int) -> None:
    for start in range(0, len(keys), block):
        some = np.array(keys[start : start + block])
        ties = np.arange(start, start + len(some), dtype=float)
        pool.add([entry(start + each, keys[start + each], ties[each]) for each in pool.wants(some, ties).tolist()])


@given(st.lists(st.integers(0, 9), max_size=80), st.integers(0, 12), st.integers(1, 9))
def test_a_pool_holds_the_best_however_they_come(keys: list[int], most: int, block: int) -> None:
    pool: Pool[int] = Pool(most, 10**6)
    fill(pool, [float(each) for each in keys], block)
    order = sorted(range(len(keys)), key=lambda each: (-keys[each], each))
    assert [each.thing for each in pool.best()] == order[:most]


def test_a_pool_has_an_end_in_bytes_too() -> None:
    pool: Pool[int] = Pool(100, 10)
    pool.add([entry(each, float(each), size=4) for each in range(9)])
    assert [each.thing for each in pool.best()] == [8, 7]
    pool.add([entry(99, 99.0, size=50)])
    assert [each.thing for each in pool.best()] == [99]


@pytest.mark.slow
@given(SCORES, st.floats(0, 1))
def test_a_quantile_is_near_in_relation_to_itself(scores: list[float], share: float) -> None:
    sketch = sketch_of(np.bincount(bins(np.array(scores)), minlength=BINS))
    exact, found = sorted(scores)[int(share * (len(scores) - 1))], quantile(sketch, share)
    if 2 * SMALLEST < exact < 1 - 2 * SMALLEST:
        assert found / (1 - found) == pytest.approx(exact / (1 - exact), rel=RELATIVE_ERROR + 1e-6)
    else:
        assert found == pytest.approx(exact, abs=3 * SMALLEST)


@pytest.mark.slow
@given(st.lists(SCORES, min_size=1, max_size=4))
def test_parts_add_up_to_the_whole_in_any_order(parts: list[list[float]]) -> None:
    def of(scores: list[float]) -> Sketch:
        return sketch_of(np.bincount(bins(np.array(scores)), minlength=BINS))

    whole = of([each for part in parts for each in part])
    sketches = [of(each) for each in parts]
    assert merged(sketches) == merged(reversed(sketches)) == whole
    assert total(whole) == sum(map(len, parts))


@pytest.mark.slow
@given(st.lists(SCORES, min_size=1, max_size=4), st.floats(0, 1))
def test_parts_above_what_a_share_of_all_lies_above_add_up_to_that_share(
    parts: list[list[float]], share: float
) -> None:
    sketches = [sketch_of(np.bincount(bins(np.array(each)), minlength=BINS)) for each in parts]
    whole = merged(sketches)
    above = sum(share_above(each, whole, share) * total(each) for each in sketches)
    assert above == pytest.approx(share * total(whole))


def test_what_is_unsure_lies_above_first() -> None:
    low, high = (sketch_of(np.bincount(bins(np.full(10, each)), minlength=BINS)) for each in (0.1, 0.9))
    assert [share_above(each, merged([low, high]), 0.4) for each in (low, high)] == [0.0, pytest.approx(0.8)]
    assert share_above(Sketch(), low, 0.5) == share_above(low, Sketch(), 0.5) == quantile(Sketch(), 0.5) == 0.0


def test_tallies_keep_a_place_for_known_names_and_lump_the_rest() -> None:
    tallies = Tallies(2, "(others)")
    tallies.know(("cat",))
    tallies.add(*indexed(["a", "b", "c", "d", "cat"]), np.full(5, 0.5))
    tallies.add(("a", "cat"), np.array([1, 1, 0]), np.array([0.1, 0.2, 0.3]))
    assert tallies.counts() == {"(others)": 2, "a": 2, "b": 1, "cat": 3}
    assert total(tallies.whole()) == sum(map(total, tallies.sketches().values())) == 8


@pytest.mark.slow
@given(REASONS, st.none() | st.integers(0, 60), REASONS, st.text(max_size=4))
def test_nobody_gets_more_than_wanted_allowed_or_left(
    wanted: dict[str, int], left: int | None, own: dict[str, int], seed: str
) -> None:
    granted = allocate(wanted, left, own, seed)
    bounds = {name: min(number, own.get(name, number)) for name, number in wanted.items()}
    assert all(0 <= granted[name] <= bounds[name] for name in wanted)
    assert sum(granted.values()) == min(sum(bounds.values()), 10**9 if left is None else left)


def test_a_starved_budget_still_buys_audits_in_proportion() -> None:
    bought = [allocate({"margin": 9, "audit": 1}, 1, {}, str(seed))["audit"] for seed in range(2000)]
    assert np.mean(bought) == pytest.approx(0.1, abs=0.02)


def day_of_files(scores: dict[int, np.ndarray], budget: Budget) -> list[int]:
    """What 48 half-hourly files of a day buy at the rate that follows traffic and scores, after a day to learn."""
    ledger, policy = MemoryCaptureLedger(World()), SelectionPolicy(rate=None, budget=budget)
    start = NOW.replace(hour=0, minute=1)
    bought = []
    for number in range(96):
        at, found = start + timedelta(minutes=30 * number), scores[number % len(scores)]
        sketch = sketch_of(np.bincount(bins(found), minlength=BINS))
        recent = [each for each in ledger.latest("pets") if each.ingested_at >= at - timedelta(days=1)]
        rate = rate_of(sketch, recent, ledger.left("pets", at, budget), policy, at)
        name = capture_file(str(number))
        wanted = {"margin": round(rate * len(found))}
        granted = ledger.reserve("pets", name.file_id, at, wanted, budget).granted["margin"]
        ledger.close(receipt(name, at, sketch, len(found)), Journal(at=at))
        bought.append(granted)
    return bought[48:]


def receipt(file, at, sketch: Sketch, count: int) -> FileReceipt:  # type: ignore[no-untyped-def]
    return FileReceipt(
        file=file,
        lines=count,
        captures=count,
        quarantined=0,
        duplicates=0,
        predictions=count,
        selected=0,
        class_counts={},
        ingested_at=at,
        strategy="margin",
        scores=sketch,
    )


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(0.2, 8.0), (2.0, 2.0), (8.0, 0.5)], ids=["confident", "even", "confused"])
def test_a_confident_model_and_a_confused_one_both_use_up_the_budget(shape: tuple[float, float]) -> None:
    rng = np.random.default_rng(3)
    files = {number: rng.beta(*shape, size=400) for number in range(7)}
    bought = day_of_files(files, Budget(per_day=240))
    assert 0.93 * 240 <= sum(bought) <= 240
    assert max(bought) <= 4 * 240 / 48


def test_a_file_full_of_doubt_gets_more_than_one_without() -> None:
    rng = np.random.default_rng(3)
    files = {0: rng.beta(1, 9, size=400), 1: rng.beta(9, 1, size=400)}
    bought = day_of_files(files, Budget(per_day=240))
    assert sum(bought[1::2]) > 5 * sum(bought[0::2])


def test_the_order_in_which_scores_come_changes_no_sketch() -> None:
    scores = [Random(1).random() for _ in range(100)]
    first, second = Tallies(9, "-"), Tallies(9, "-")
    first.add(*indexed(["x"] * 100), np.array(scores))
    for each in reversed(scores):
        second.add(*indexed(["x"]), np.array([each]))
    assert first.sketches() == second.sketches()
