"""What is forgotten leaves the group indexes and the frozen test sets, and what is left of them goes on to hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from tests.unit.dataset.test_versions import line
from tests.worlds import Loop
from trueup.dataset.frozen import Members
from trueup.dataset.groups import GroupIndex, key_of, keys_of, speaks_of
from trueup.dataset.segments.cache import SEGMENTS
from trueup.model import Change, LabelledSample, Removal
from trueup.usecases.forget_indexes import ForgetIndexes
from trueup.usecases.freeze_test import FreezeTest
from trueup.usecases.making_versions import MakeVersion, Proposal, newest_view
from trueup.usecases.name_versions import NameVersions
from trueup.usecases.resolve_subject import Wish

ANNA, BERT = "anna-4711", "bert-0815"


def said(number: int, person: str, fingerprint: str | None = None, split: str = "test") -> LabelledSample:
    return replace(line(number, "cat"), group=person, fingerprint=fingerprint, split=split, payload_uri="")


def make(loop: Loop, *changes: Change, branch: str = "main") -> None:
    maker = MakeVersion(datasets=loop.datasets, clock=loop.clock)
    assert maker(loop.config, lambda _: Proposal(changes=list(changes), placing=False), "some", branch=branch)


def parts(loop: Loop) -> list[bytes]:
    return [data for _, data in loop.eraser.parts("pets")]


def spoken_of(loop: Loop, lines: Sequence[LabelledSample]) -> int:
    """How many parts have something of the lines."""
    keys = np.array(sorted(keys_of(lines)), dtype=np.uint64)
    return sum(speaks_of(data, keys) for data in parts(loop))


def test_every_key_and_fingerprint_is_found_wherever_it_stands_in_a_part() -> None:
    lines = [said(each, f"person-{each}", f"{each:016x}") for each in range(1, 8)]
    (part,) = GroupIndex.of(lines)._kept
    frozen = Members.of(lines).encoded()
    samples = {key_of(each.sample_id) for each in lines}
    for key in keys_of(lines):
        wanted = np.array([key], dtype=np.uint64)
        assert speaks_of(frozen, wanted)
        # An index goes by groups.
        assert speaks_of(part.part.encoded(), wanted) == (key not in samples)
    assert not speaks_of(part.part.encoded(), np.array([0xABCD], dtype=np.uint64))


def test_parts_of_older_versions_go_and_the_receipt_names_them() -> None:
    loop = Loop()
    hers, his = said(1, ANNA, "00000000000000aa"), said(2, BERT, "ffffffffffffff00")
    make(loop, hers, his)
    make(loop, said(3, BERT, "0f0f0f0f0f0f0f0f"))
    assert spoken_of(loop, [hers]) >= 1
    receipt = loop.forget(Wish(project="pets", subject=ANNA), by="operator:dpo").receipt
    assert spoken_of(loop, [hers]) == 0
    assert [each for each in receipt.removed if "/groups/parts/" in each]
    assert spoken_of(loop, [his]) >= 1


def test_a_branch_that_had_taken_it_out_before_makes_its_index_anew() -> None:
    """Its head has no line of hers, so that it gets no successor; its index had counted her in and out again."""
    loop = Loop()
    hers, others = (
        said(1, ANNA, "00000000000000aa"),
        [said(each, f"person-{each}", split="train") for each in range(2, 9)],
    )
    make(loop, hers, *others)
    head = loop.datasets.head("pets")
    assert head is not None
    NameVersions(loop.datasets, loop.refs, loop.clock).branch("side", head, "operator:ada", "")
    make(loop, Removal(sample_id=hers.sample_id), branch="side")
    side = loop.datasets.head("pets", "side")
    loop.forget(Wish(project="pets", subject=ANNA), by="operator:dpo")
    assert loop.datasets.head("pets", "side") == side
    assert spoken_of(loop, [hers]) == 0
    make(loop, said(10, "person-10", split="train"), branch="side")
    after = loop.datasets.head("pets", "side")
    assert after is not None
    document = loop.datasets.groups("pets", after.version_id)
    assert document is not None
    index = GroupIndex.read(document, lambda name: loop.datasets.part("pets", name))
    again = GroupIndex.of(newest_view(loop.datasets, "pets", after))
    assert index.whole.encoded() == again.whole.encoded()
    assert index.counts == again.counts


def test_a_frozen_test_set_covers_what_is_left_of_it() -> None:
    loop = Loop()
    one, other = said(1, ANNA, "00000000000000aa"), said(2, ANNA, "ff000000000000aa")
    his = said(3, BERT, "00ff00ff00ff00ff")
    make(loop, one, other, his)
    frozen = FreezeTest(loop.projects, loop.datasets, loop.clock)("pets", "v1", "gold")
    receipt = loop.forget(Wish(project="pets", sample_ids=(one.sample_id,)), by="operator:dpo").receipt
    assert receipt.counts["frozen"] == 1
    assert f"memory://pets/groups/parts/{frozen.sha256}" in receipt.removed
    (after,) = loop.datasets.frozen("pets")
    assert (after.samples, after.groups) == (2, 2)
    assert loop.datasets.part("pets", after.sha256) == Members.of([other, his]).encoded()


def test_of_a_frozen_version_that_was_collected_her_group_goes_with_her() -> None:
    """Nothing tells any more who else is of it."""
    loop = Loop()
    one, other = said(1, ANNA, "00000000000000aa"), said(2, ANNA, "ff000000000000aa")
    his = said(3, BERT, "00ff00ff00ff00ff")
    make(loop, one, other, his)
    FreezeTest(loop.projects, loop.datasets, loop.clock)("pets", "v1", "gold")
    for each in loop.datasets.version("pets", "v1").segments:
        del loop.datasets.objects[f"memory://pets/segments/{each.sha256}"]
        SEGMENTS.drop(each.sha256)
    forget = ForgetIndexes(loop.datasets, loop.forgetting, loop.eraser)
    for again in (False, True):
        assert forget("pets", [one.sample_id], keys_of([one])).frozen == int(not again)
    (after,) = loop.datasets.frozen("pets")
    left = Members.decoded(loop.datasets.part("pets", after.sha256))
    assert (after.samples, left.groups.tolist()) == (2, Members.of([his]).groups.tolist())
    assert left.prints.tolist() == Members.of([other, his]).prints.tolist()
