"""Splits over any history: groups and near-duplicates stay whole, frozen tests stay tests, shares hold."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.worlds import NOW, project
from trueup.adapters.memory import FixedClock, MemoryDatasetStore, World
from trueup.adapters.memory_refs import MemoryRefStore
from trueup.dataset.groups import GroupIndex, Part, key_of
from trueup.dataset.guards import FORGOTTEN, GUARDS
from trueup.dataset.splitting import SPLITTERS, by_time
from trueup.dataset.splitting.by_group import split_of
from trueup.dataset.splitting.units import SPLITS, Setting, Unit
from trueup.errors import IntegrityError, LeakError
from trueup.model import Change, CommitPolicy, LabelledSample, Project, Removal, Split, SplitPolicy, content_id
from trueup.similarity.near_duplicates import NEAR, Neighbours, clusters_of
from trueup.usecases.freeze_test import FreezeTest
from trueup.usecases.knowing_splits import ground_of
from trueup.usecases.making_versions import MakeVersion, Proposal
from trueup.usecases.name_versions import NameVersions
from trueup.usecases.split_dataset import SplitDataset

METHODS = [
    SplitPolicy(),
    SplitPolicy(method="stratified"),
    SplitPolicy(method="time", test_from="2026-11-20", validation_from="2026-11-10"),
]


def line(
    number: int,
    group: str = "",
    label: str = "cat",
    split: Split = "train",
    fingerprint: int | None = None,
    days: float = 0,
) -> LabelledSample:
    name = content_id("sample", str(number))
    return LabelledSample(
        sample_id=name,
        label=label,
        split=split,
        group=group or name,
        content_type="text/plain",
        payload_uri=f"memory://{name}",
        captured_at=NOW - timedelta(days=days),
        fingerprint=None if fingerprint is None else f"{fingerprint:016x}",
    )


class Book:
    """A project's dataset on fakes."""

    def __init__(self, splits: SplitPolicy | None = None, **commit: Any) -> None:
        policy = CommitPolicy(splits=splits or SplitPolicy(), **{"validation_share": 0.2, "test_share": 0.3, **commit})
        self.project: Project = replace(project(), commit=policy)
        world = World()
        self.store = MemoryDatasetStore(world)
        self.clock = FixedClock(NOW)
        self.make = MakeVersion(self.store, self.clock)
        self.freezing = FreezeTest({"pets": self.project}, self.store, self.clock)
        self.names = NameVersions(self.store, MemoryRefStore(world), self.clock)
        self.splitting = SplitDataset({"pets": self.project}, self.store, self.names, self.clock)

    def put(self, lines: Sequence[Change], *, placing: bool = True, branch: str = "main") -> None:
        self.make(self.project, lambda _: Proposal(changes=lines, placing=placing), "test", branch=branch)

    def content(self, branch: str = "main") -> dict[str, LabelledSample]:
        return {each.sample_id: each for each in self.make.view(self.project, branch)}

    def splits(self) -> dict[str, str]:
        return {name: each.split for name, each in self.content().items()}


def whole(book: Book) -> None:
    """The invariants of a version."""
    lines = list(book.content().values())
    by_group: dict[str, set[str]] = {}
    for each in lines:
        by_group.setdefault(each.group, set()).add(each.split)
    assert all(len(splits) == 1 for splits in by_group.values())
    printed = [(int(each.fingerprint, 16), each.split) for each in lines if each.fingerprint]
    for one, split in printed:
        assert all((one ^ other).bit_count() > NEAR or split == others for other, others in printed)
    view = book.make.view(book.project)
    frozen = ground_of(book.store, book.project, view, NOW).frozen
    for tests in frozen:
        covered = tests.covers(lines, near=True)
        assert all(found.split == "test" for found, inside in zip(lines, covered, strict=True) if inside)
    if view.version is not None:
        document = book.store.groups("pets", view.version.version_id)
        assert document is not None
        held = GroupIndex.read(document, lambda name: book.store.part("pets", name))
        fresh = GroupIndex.of(lines)
        assert held.counts == fresh.counts
        for one, other in zip(vars(held.whole).values(), vars(fresh.whole).values(), strict=True):
            assert np.array_equal(one, other)


numbers = st.integers(0, 30)
# Few groups and few fingerprints, so that they meet; two bits apart is near, eight are not.
PRINTS = [None, 0, 3, 15, 63, 0xFF00, 0xFF000000, 0xFFFF0000, 7 << 40, None, 0b111, 0b11111]
# Their own, people's, and such as are named like a sample: one that is alone, and one that has a fingerprint.
GROUPS = ["", "", "anna", "bert", "carl", line(0).sample_id, line(4).sample_id]
new_lines = st.lists(
    st.builds(
        lambda number, group, label, split, days: line(number, group, label, split, PRINTS[number % len(PRINTS)], days),
        numbers,
        st.sampled_from(GROUPS),
        st.sampled_from(["cat", "dog", "fox"]),
        st.sampled_from(["train", "validation", "test"]),
        st.floats(0, 40),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda each: each.sample_id,
)
steps = st.one_of(
    st.tuples(st.just("commit"), new_lines),
    st.tuples(st.just("merge"), new_lines),
    st.tuples(st.just("remove"), st.lists(numbers, min_size=1, max_size=3, unique=True)),
    st.tuples(st.just("forget"), st.lists(numbers, min_size=1, max_size=3, unique=True)),
    st.tuples(st.just("freeze"), st.just([])),
    st.tuples(st.just("split"), st.sampled_from(METHODS)),
)


def take(book: Book, kind: str, what: Any) -> None:
    match kind:
        case "commit":
            book.put(what)
        case "merge":
            book.put(what, placing=False)
        case "remove" | "forget":
            names = [line(each).sample_id for each in what]
            book.put([Removal(sample_id=each, why=FORGOTTEN if kind == "forget" else "") for each in names])
        case "freeze":
            head = book.store.head("pets")
            if head is not None and head.split_counts.get("test"):
                book.freezing("pets", head.version_id, f"frozen-{head.number}")
        case "split":
            if book.store.head("pets") is not None:
                book.splitting("pets", what)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink))
@given(st.sampled_from(METHODS), st.lists(steps, max_size=8))
def test_any_history_keeps_groups_whole_and_frozen_tests_frozen(policy: SplitPolicy, history: list[Any]) -> None:
    book = Book(policy)
    for kind, what in history:
        before = book.content()
        try:
            take(book, kind, what)
        except LeakError:
            # Automatic commits and splits never fail; nothing is written by what does.
            assert kind in ("merge", "remove")
            assert book.content() == before
        whole(book)


@pytest.mark.slow
@settings(max_examples=40)
@given(st.permutations(range(12)), st.lists(st.integers(1, 5), min_size=1))
def test_by_group_no_order_matters(order: list[int], sizes: list[int]) -> None:
    lines = [line(each, f"user {each % 5}") for each in range(12)]
    book, other = Book(), Book()
    other.put(lines)
    waiting = [lines[each] for each in order]
    while waiting:
        portion, waiting = waiting[: sizes[0]], waiting[sizes[0] :]
        book.put(portion)
    assert book.splits() == other.splits()
    policy = book.project.commit
    assert all(each.split == split_of(each.group, policy, "pets") for each in book.content().values())


def test_a_salt_makes_another_draw() -> None:
    salted = replace(CommitPolicy(), splits=SplitPolicy(salt="2026"))
    groups = [str(each) for each in range(200)]
    assert [split_of(each, salted, "p") for each in groups] != [split_of(each, CommitPolicy(), "p") for each in groups]


@pytest.mark.slow
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(["cat", "dog", "fox"]), st.integers(1, 4)), max_size=15),
        min_size=1,
        max_size=6,
    )
)
def test_stratified_shares_stay_within_their_bounds(batches: list[list[tuple[str, int]]]) -> None:
    book, number, largest = Book(SplitPolicy(method="stratified")), 0, 1
    for batch in batches:
        lines = []
        for label, size in batch:
            lines += [line(number + each, f"group {number}", label) for each in range(size)]
            number, largest = number + size, max(largest, size)
        if lines:
            book.put(lines)
    counts: Counter[tuple[str, str]] = Counter((each.label, each.split) for each in book.content().values())
    for label in ("cat", "dog", "fox"):
        total = sum(counts[label, each] for each in ("train", "validation", "test"))
        for split, share in (("train", 0.5), ("validation", 0.2), ("test", 0.3)):
            assert -4 * largest / 3 - 1e-6 <= counts[label, split] - share * total <= 2 * largest / 3 + 1e-6


def test_stratified_gives_a_rare_class_to_every_split() -> None:
    """Where hashing leaves it to chance."""
    book = Book(SplitPolicy(method="stratified"))
    book.put([line(each, label="fox" if each % 50 == 0 else "cat") for each in range(500)])
    assert Counter(each.split for each in book.content().values() if each.label == "fox") == {
        "train": 5,
        "validation": 2,
        "test": 3,
    }


def test_shares_of_zero_get_nothing() -> None:
    book = Book(SplitPolicy(method="stratified"), validation_share=0.0)
    book.put([line(each) for each in range(100)])
    assert Counter(book.splits().values()) == {"train": 70, "test": 30}


def test_by_time_the_newest_of_a_group_decides() -> None:
    policy = CommitPolicy(splits=SplitPolicy(method="time", test_days=10, validation_days=10))
    setting = Setting("pets", policy, NOW, {})
    units = [Unit(str(days), [line(1, days=30), line(2, days=days)]) for days in (30, 15, 20, 10, 9)]
    assert SPLITTERS["time"](units, setting) == ["train", "validation", "validation", "test", "test"]
    untimed = replace(line(1), captured_at=None, labelled_at=None)
    assert SPLITTERS["time"]([Unit("x", [untimed])], setting) == ["train"]
    assert by_time.time_of(replace(line(1), captured_at=None, labelled_at=NOW)) == NOW


def test_rolling_boundaries_move_what_is_old_but_never_what_is_frozen() -> None:
    book = Book(SplitPolicy(method="time", test_days=10))
    book.put([line(1, days=5), line(2, days=6), line(3, days=20)])
    book.freezing("pets", "1", "frozen-2026-11")
    book.put([line(4, days=4)])
    book.clock.advance(30 * 86_400)
    found = book.splitting("pets")
    assert (found.frozen, found.moved, found.moves) == (2, 1, {"cat": {"test": {"train": 1}}})
    names = [line(each).sample_id for each in (1, 2, 3, 4)]
    assert [book.splits()[each] for each in names] == ["test", "test", "train", "train"]


def test_a_dry_run_of_a_split_writes_nothing() -> None:
    book = Book()
    book.put([line(each) for each in range(50)])
    found = book.splitting("pets", SplitPolicy(salt="other"), dry_run=True)
    assert found.moved
    assert found.version is None
    assert book.store.head("pets") == book.store.version("pets", "1")
    assert book.splitting("pets", SplitPolicy(salt="other")).after == found.after
    assert book.splitting("pets", SplitPolicy(salt="other")).moved == 0


def test_a_sample_like_a_frozen_one_goes_into_test() -> None:
    book = Book(test_share=0.001, validation_share=0.0)
    book.put([line(1, "anna", split="test", fingerprint=0xABC)], placing=False)
    book.freezing("pets", "1", "frozen-2026-11")
    book.put([line(2, "anna"), line(3, fingerprint=0xABF), line(4, fingerprint=0xFFFF)])
    names = [line(each).sample_id for each in (2, 3, 4)]
    assert [book.splits()[each] for each in names] == ["test", "test", "train"]
    # Also once nothing of it is left.
    book.put([Removal(sample_id=line(each).sample_id, why=FORGOTTEN) for each in (1, 2, 3)])
    book.put([line(5, "anna"), line(6, fingerprint=0xABD), line(7)])
    assert [book.splits()[line(each).sample_id] for each in (5, 6, 7)] == ["test", "test", "train"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([line(1, "anna", split="train")], "would go into train, but belong to the frozen test set frozen-2026-11"),
        ([line(9, "anna", split="train")], "group anna"),
        ([line(9, "nora", split="validation", fingerprint=0xABF)], "would go into validation"),
        ([Removal(sample_id=line(1).sample_id)], "only what is forgotten leaves a frozen test set"),
    ],
)
def test_what_would_leak_is_refused_and_nothing_written(changes: list[Change], said: str) -> None:
    book = Book()
    book.put([line(1, "anna", split="test", fingerprint=0xABC), line(2)], placing=False)
    book.freezing("pets", "1", "frozen-2026-11")
    before = dict(book.store.objects)
    with pytest.raises(LeakError, match=said):
        book.put(changes, placing=False)
    assert book.store.objects == before


def test_a_test_set_that_is_trained_on_is_not_frozen() -> None:
    book = Book()
    book.put([line(1, split="test")], placing=False)
    book.put([line(1, split="train")], placing=False)
    with pytest.raises(LeakError, match="nothing was frozen; trueup dataset split --branch main --keep"):
        book.freezing("pets", "1")
    assert book.store.frozen("pets") == ()
    book.splitting("pets", keep="1")
    assert book.freezing("pets", "1").name == "frozen-2026-11"


def test_a_test_set_frozen_while_a_commit_is_under_way_is_heard_of() -> None:
    book = Book()
    book.put([line(1, "anna", split="test"), line(2)], placing=False)
    make = MakeVersion(book.store, book.clock, guards=(lambda *_: bool(book.freezing("pets", "1")), *GUARDS))
    with pytest.raises(LeakError):
        make(book.project, lambda _: Proposal(changes=[line(1, "anna", split="train")]), "move it")
    assert book.splits()[line(1).sample_id] == "test"


def test_half_a_group_does_not_move() -> None:
    book = Book()
    book.put([line(1, "anna"), line(2, "anna")], placing=False)
    with pytest.raises(LeakError, match="group anna would lie in several splits"):
        book.put([line(1, "anna", split="test")], placing=False)
    book.put([line(1, "anna", split="test"), line(2, "anna", split="test")], placing=False)
    assert set(book.splits().values()) == {"test"}


def test_groups_that_something_new_links_join_in_train() -> None:
    book = Book()
    book.put(
        [line(1, "anna", split="test", fingerprint=0), line(2, "bert", split="train", fingerprint=63)], placing=False
    )
    book.put([line(3, fingerprint=7)])
    assert set(book.splits().values()) == {"train"}
    assert book.store.head("pets").moved == 1  # type: ignore[union-attr]


def test_a_missing_index_is_made_anew() -> None:
    book = Book()
    book.put([line(each, f"user {each % 3}") for each in range(9)])
    for uri in [each for each in book.store.objects if "/groups/" in each]:
        del book.store.objects[uri]
    book.put([line(9, "user 0")])
    whole(book)


@pytest.mark.slow
@given(st.lists(st.lists(st.tuples(numbers, st.booleans()), max_size=8), max_size=12))
def test_parts_of_an_index_halve(batches: list[list[tuple[int, bool]]]) -> None:
    store, index = MemoryDatasetStore(World()), GroupIndex()
    lines: list[LabelledSample] = []
    for batch in batches:
        come = [line(100 * len(lines) + each, str(each), fingerprint=each) for each, stays in batch if stays]
        index, lines = index.after((), come), [*lines, *come]
        already = len(store.objects)
        document = index.write(functools.partial(store.put_part, "pets"))
        assert len(store.objects) <= already + 1
        sizes = [each.rows for each in document.parts]
        assert all(one > 2 * other for one, other in pairwise(sizes))
        index = GroupIndex.read(document, functools.partial(store.part, "pets"))
    keys = np.array([key_of(str(each)) for each in range(31)], dtype=np.uint64)
    wanted = Counter(each.group for each in lines)
    assert index.tallies(keys)[:, 0].tolist() == [wanted[str(each)] for each in range(31)]


def test_a_commit_stores_what_it_changed_and_nothing_twice() -> None:
    class Counting(MemoryDatasetStore):
        sizes: ClassVar[list[int]] = []

        def put_part(self, project: str, data: bytes) -> str:
            self.sizes.append(len(data))
            return super().put_part(project, data)

    book = Book()
    book.store = Counting(World())
    book.make = MakeVersion(book.store, book.clock)
    book.put([line(each, f"user {each}") for each in range(1000)])
    book.put([line(each, f"user {each}") for each in range(1000, 1010)])
    assert Counting.sizes == [16 + 20 * 1000, 16 + 20 * 10]
    book.put([line(each) for each in range(2000, 3000)])
    assert len(Counting.sizes) == 2


def test_an_index_of_another_form_is_made_anew() -> None:
    book = Book()
    book.put([line(1, "anna", split="test"), line(2)], placing=False)
    head = book.store.head("pets")
    assert head is not None
    document = book.store.groups("pets", head.version_id)
    assert document is not None
    book.store.put_groups("pets", head.version_id, replace(document, form=1, parts=(), counts={}))
    book.put([line(3, "anna")])
    assert book.splits()[line(3).sample_id] == "test"
    whole(book)


@pytest.mark.parametrize("alone_first", [True, False])
def test_a_group_that_is_named_like_a_sample_stands_where_that_does(alone_first: bool) -> None:
    book, name = Book(), line(1).sample_id
    by_hash = split_of(name, book.project.commit, "pets")
    there = next(each for each in SPLITS if each != by_hash)
    sample, other = line(1, split=there), line(2, name, split=there)
    first, second = (sample, other) if alone_first else (other, sample)
    book.put([first], placing=False)
    book.put([second])
    assert set(book.splits().values()) == {there}
    for each in (sample, other):
        with pytest.raises(LeakError, match="would lie in several splits"):
            book.put([replace(each, split=by_hash)], placing=False)
    whole(book)


def test_nothing_is_left_in_the_index_of_what_was_forgotten() -> None:
    book = Book()
    book.put([line(each, fingerprint=(each + 1) << 20) for each in range(100)])
    book.put([line(1000, "anna", fingerprint=0xABCDEF), line(1001)])
    book.put([Removal(sample_id=line(1000).sample_id, why=FORGOTTEN)])
    head = book.store.head("pets")
    assert head is not None
    document = book.store.groups("pets", head.version_id)
    assert document is not None
    data = b"".join(book.store.part("pets", each.sha256) for each in document.parts)
    for gone in (0xABCDEF, key_of("anna")):
        assert gone.to_bytes(8, "little") not in data
    assert (1 << 20).to_bytes(8, "little") in data


def test_a_part_that_is_cut_is_refused() -> None:
    data = Part.of((), [line(1, "anna"), line(2, fingerprint=4), line(3)]).encoded()
    assert Part.decoded(data).rows == 3
    for cut in (b"", data[:-1], data + b"x", data[:20]):
        with pytest.raises(IntegrityError):
            Part.decoded(cut)


@pytest.mark.slow
@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.sets(st.integers(0, 63), max_size=5)), max_size=30),
)
def test_neighbours_are_those_of_comparing_all(known: list[int], changed: list[tuple[int, set[int]]]) -> None:
    known = known or [0]
    found = [known[place % len(known)] ^ sum(1 << bit for bit in bits) for place, bits in changed]
    portions = Neighbours(np.array(known, dtype=np.uint64)).pairs(np.array(found, dtype=np.uint64))
    pairs = {pair for ones, others in portions for pair in zip(ones.tolist(), others.tolist(), strict=True)}
    wanted = {
        (one, other)
        for one, mine in enumerate(found)
        for other, theirs in enumerate(known)
        if (mine ^ theirs).bit_count() <= NEAR
    }
    assert pairs == wanted
    unique = list(dict.fromkeys(found))
    clusters = clusters_of(np.array(unique, dtype=np.uint64)).tolist()
    assert [min(_reached(unique, place)) for place in range(len(unique))] == clusters


def _reached(prints: list[int], place: int) -> set[int]:
    """Where near-duplicates of near-duplicates lead, by walking all of them."""
    seen, waiting = {place}, [place]
    while waiting:
        one = prints[waiting.pop()]
        near = {each for each, other in enumerate(prints) if (one ^ other).bit_count() <= NEAR} - seen
        seen |= near
        waiting += near
    return seen
