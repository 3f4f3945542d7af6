"""Many commit, merge and tag at once: every label ends up in one chain, and no number is given twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.contract.marks import slow_on_aws
from tests.contract.shelves import Fuse, shelf_in
from tests.unit.usecases.refs import BY, Shelf
from trueup.dataset.history import first_parents
from trueup.errors import RetryableError
from trueup.model import DatasetVersion

pytestmark = slow_on_aws

_EACH, _AT_ONCE = 2, 4


def put(shelf: Shelf, number: int, branch: str = "main") -> DatasetVersion:
    """As a queue does it: what may succeed later comes again."""
    while True:
        try:
            return shelf.put({number: "cat"}, branch)
        except RetryableError:
            continue


def test_all_labels_of_many_committers_end_up_in_one_chain(world: str) -> None:
    shelf = shelf_in(world, Fuse())
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        made = list(workers.map(lambda number: put(shelf, number), range(_EACH * _AT_ONCE)))
    head = shelf.datasets.head("pets")
    assert head is not None
    chain = list(first_parents(head, shelf.datasets.walk("pets", head.number)))
    assert {each.version_id for each in chain} == {each.version_id for each in made}
    assert [each.number for each in chain] == list(range(len(made), 0, -1))
    assert shelf.labels() == dict.fromkeys(range(_EACH * _AT_ONCE), "cat")
    assert shelf.problems() == []


def test_branches_that_grow_at_once_share_the_numbers(world: str) -> None:
    shelf = shelf_in(world, Fuse())
    shelf.put({0: "dog"})
    names = [f"branch{number}" for number in range(1, 4)]
    for each in names:
        shelf.branch(each, "v1")

    def work(number: int, name: str) -> None:
        for step in range(_EACH):
            put(shelf, 100 * number + step, name)

    with ThreadPoolExecutor(len(names)) as workers:
        list(workers.map(work, range(1, 4), names))
    numbers = [each.number for each in shelf.datasets.versions("pets")]
    assert numbers == list(range(1 + 3 * _EACH, 0, -1))
    for number, name in enumerate(names, start=1):
        assert shelf.labels(name) == {0: "dog", **{100 * number + step: "cat" for step in range(_EACH)}}


def test_a_merge_among_commits_loses_nothing(world: str) -> None:
    shelf = shelf_in(world, Fuse())
    shelf.put({0: "dog"})
    shelf.branch("side")
    side = [put(shelf, 50 + each, "side") for each in range(2)][-1]

    def merge() -> None:
        while True:
            try:
                shelf.merge("pets", side, "main", "merge", by=BY, fast_forward=False)
            except RetryableError:
                continue
            return

    with ThreadPoolExecutor(3) as workers:
        merging = workers.submit(merge)
        list(workers.map(lambda number: put(shelf, number), range(1, 7)))
        merging.result()
    assert shelf.labels() == {0: "dog", 50: "cat", 51: "cat", **dict.fromkeys(range(1, 7), "cat")}
    assert shelf.problems() == []
