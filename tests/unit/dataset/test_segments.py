"""Segments: whatever lines there are come back as they were, in the same bytes for the same lines."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.dataset.lines import any_ids, changes, hashed, sample_ids
from trueup.dataset.segments import Table, decode, encode, segments_of, written
from trueup.dataset.segments.encodings import PAGE_ROWS
from trueup.dataset.segments.frames import GONE, WAS
from trueup.dataset.segments.keys import Keys, find, head_of
from trueup.errors import ManifestError
from trueup.model import Change, LabelledSample, Removal


def line(number: int, label: str = "cat", **more: object) -> LabelledSample:
    name = hashed(number)
    return LabelledSample(
        sample_id=name,
        label=label,
        split="train",
        group=name,
        content_type="text/plain",
        payload_uri=f"s3://bucket/pets/payloads/{name[:2]}/{name}",
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.slow
@given(changes())
def test_lines_come_back_as_they_were(lines: list[Change]) -> None:
    assert decode(encode(lines)) == sorted(lines, key=lambda each: each.sample_id)


@pytest.mark.slow
@given(changes(), st.randoms(use_true_random=False))
def test_bytes_follow_from_lines_and_not_from_how_they_came(lines: list[Change], chance: random.Random) -> None:
    data = encode(lines)
    chance.shuffle(lines)
    assert encode([*lines[:1], *lines]) == data
    table = Table.of(data)
    every = slice(None)
    assert written(table.take(every), table.take_gone() if table.removed else table.take_gone(names=())).data == data


@pytest.mark.slow
@settings(max_examples=50)
@given(changes(), st.data())
def test_some_rows_are_read_as_all_are(lines: list[Change], data: st.DataObject) -> None:
    table = Table.of(encode(lines))
    whole = table.take(slice(None)).lines()
    rows = sorted(data.draw(st.sets(st.integers(0, max(0, table.rows - 1)), max_size=table.rows)))
    assert table.take(np.array(rows, np.int64)).lines() == [whole[each] for each in rows]
    start = data.draw(st.integers(0, table.rows))
    assert table.take(slice(start, start + 3)).lines() == whole[start : start + 3]


@pytest.mark.slow
@settings(max_examples=50)
@given(changes(sample_ids, 20), st.integers(1, 4))
def test_segments_are_cut_by_id(lines: list[Change], rows: int) -> None:
    parts = list(segments_of(lines, rows=rows))
    assert [each for part in parts for each in decode(part.data)] == decode(encode(lines))
    for part in parts:
        content = decode(part.data)
        assert part.segment.samples == len(content) <= rows
        assert (part.segment.first, part.segment.last) == (content[0].sample_id, content[-1].sample_id)
        assert part.segment.removed == sum(isinstance(each, Removal) for each in content)


def test_what_follows_from_the_id_takes_no_room() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    lines = [line(number, "dog" if number % 3 else "cat", labelled_at=at) for number in range(4_000)]
    assert len(encode(lines)) < 4_000 * (32 + 1 / 8) + 1_500


@pytest.mark.slow
def test_large_labels_are_read_a_page_at_a_time() -> None:
    lines = [line(number, f'{{"boxes":[{number}]}}' * 9) for number in range(3 * PAGE_ROWS)]
    data = encode(lines)
    assert len(data) < len(lines) * 60
    reads: list[int] = []
    view = memoryview(data)

    def fetch(start: int, length: int) -> memoryview:
        reads.append(length)
        return view[start : start + length]

    table = Table.of_ranges(fetch, 4096)
    chosen = sorted(lines, key=lambda each: each.sample_id)[5000]
    before = sum(reads)
    assert table.take(np.array([5000]), ["label"]).text("label").tolist() == [chosen.label]
    assert sum(reads) - before < len(lines) * 32 + 2 * len(lines) + len(data) // 3
    assert decode(data) == sorted(lines, key=lambda each: each.sample_id)


def test_a_delta_tells_what_it_replaced() -> None:
    before = {hashed(1): line(1, "cat"), hashed(2): line(2, "dog")}
    (part,) = segments_of([line(1, "dog"), line(3, "dog"), Removal(sample_id=hashed(2))], before)
    table = Table.of(part.data)
    assert table.knows_before
    frame = table.take(slice(None), WAS)
    told = dict(zip(frame.keys.ids(), frame.text("was_label").tolist(), strict=True))
    assert told == {hashed(1): "cat", hashed(3): None}
    assert table.take_gone(names=(*GONE, *WAS)).text("was_label").tolist() == ["dog"]
    assert not Table.of(encode([line(1)])).knows_before


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: b"{}" + data[2:], "not a segment"),
        (lambda data: data[:-1], "has"),
        (lambda data: data + b"\0", "has"),
        (lambda data: data[:20], "header"),
        (lambda data: data.replace(b'"rows":', b'"wors":'), "header"),
    ],
)
def test_what_is_no_segment_is_said(spoil: object, says: str) -> None:
    with pytest.raises(ManifestError, match=says):
        decode(spoil(encode([line(1), line(2)])))  # type: ignore[operator]


def test_an_unknown_split_is_no_line() -> None:
    with pytest.raises(ManifestError, match="split"):
        decode(encode([line(1)]).replace(b'"train"', b'"brain"'))


def test_an_id_that_padding_would_hide_is_refused() -> None:
    with pytest.raises(ManifestError, match="NUL"):
        encode([Removal(sample_id="a\0")])


@pytest.mark.slow
@settings(max_examples=300)
@given(st.sets(any_ids, max_size=20), st.lists(any_ids, max_size=20))
def test_keys_are_found_and_in_order(among: set[str], wanted: list[str]) -> None:
    there = sorted(among)
    text = any(len(each) != 64 or set(each) - set("0123456789abcdef") for each in [*there, *wanted])
    keys = Keys.of(there, text=text)
    assert keys.ids() == there
    assert keys.ascend()
    assert keys.take(slice(None, None, -1)).ascend() == (len(there) < 2)
    assert find(keys, Keys.of(wanted, text=text)).tolist() == [
        there.index(each) if each in among else -1 for each in wanted
    ]
    heads = [head_of(each, text=text) for each in there]
    assert heads == keys.heads.tolist() == sorted(heads)
