"""Capture files: keys, lines, and the accounting of mangled input."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds import capture_half, capture_line
from trueup.capture.records import MAX_HALVES, Duplicate, Joined, parse_key, read_captures
from trueup.errors import CaptureError
from trueup.model import Capture, Quarantined

DATA = Path(__file__).resolve().parents[2] / "data"
SIDES = ("endpointInput", "endpointOutput")


@pytest.mark.parametrize("path", sorted(DATA.glob("realtime_*.jsonl")), ids=lambda each: each.stem)
def test_documented_records_are_read(path: Path) -> None:
    lines = [(0, each) for each in path.read_bytes().splitlines()]
    items = list(read_captures(lines))
    assert len(items) == len(lines)
    assert all(isinstance(each, Capture) for each in items)


def test_a_key_of_any_depth_is_read_from_its_end() -> None:
    file = parse_key("b", "deep/er/pets/churn-prod/AllTraffic/2026/11/20/09/14-58-871-x.jsonl")
    assert (file.project, file.endpoint, file.variant) == ("pets", "churn-prod", "AllTraffic")


@pytest.mark.parametrize("key", ["x.jsonl", "pets/e/v/2026/11/20/x.jsonl", "e/v/2026/11/20/09/x.jsonl"])
def test_another_key_is_refused_by_name(key: str) -> None:
    with pytest.raises(CaptureError, match=key):
        parse_key("b", key)


@pytest.mark.slow
@given(
    st.lists(
        st.one_of(
            st.integers(0, 5).map(capture_line),
            st.binary(max_size=40).filter(lambda each: b"\n" not in each and b"\r" not in each),
            st.integers(0, 5).map(lambda n: capture_line(n)[:-7]),
            st.tuples(st.integers(0, 5), st.sampled_from(SIDES)).map(lambda each: capture_half(*each)),
        ),
        max_size=20,
    )
)
def test_every_line_is_a_capture_a_duplicate_or_quarantined(lines: list[bytes]) -> None:
    items = list(read_captures(enumerate(lines)))
    assert len(items) == sum(bool(each.strip()) for each in lines)
    kinds = [type(each) for each in items]
    assert set(kinds) <= {Capture, Quarantined, Duplicate, Joined}
    assert sorted(each.line for each in items) == [n for n, each in enumerate(lines, start=1) if each.strip()]
    seen = {each.event_id for each in items if isinstance(each, Capture)}
    assert kinds.count(Capture) == len(seen)
    for each in items:
        if isinstance(each, Quarantined):
            assert each.raw == lines[each.line - 1]
            assert each.reason


@pytest.mark.parametrize("order", [SIDES, SIDES[::-1]])
def test_two_lines_of_one_event_become_one_capture(order: tuple[str, str]) -> None:
    lines = [capture_half(1, order[0]), capture_line(2), capture_half(1, order[1]), capture_half(1, order[1])]
    items = list(read_captures(enumerate(lines)))
    (expected,) = read_captures([(0, capture_line(1))])
    whole = next(each for each in items if isinstance(each, Capture) and each.line == 1)
    assert isinstance(expected, Capture)
    assert (whole.event_id, whole.input, whole.output) == (expected.event_id, expected.input, expected.output)
    assert whole.raw == lines[0] + b"\n" + lines[2], "a quarantined event must be replayable whole"
    assert [(type(each), each.line) for each in items if not isinstance(each, Capture)] == [(Joined, 3), (Duplicate, 4)]


def test_a_half_whose_other_never_comes_is_given_as_it_is() -> None:
    items = list(read_captures([(0, capture_half(1, "endpointInput")), (1, capture_half(1, "endpointInput"))]))
    assert [type(each) for each in items] == [Duplicate, Capture]


def test_halves_that_wait_do_not_fill_the_memory() -> None:
    lines = (capture_half(number, "endpointInput") for number in range(MAX_HALVES + 5))
    items = read_captures(enumerate(lines))
    first = next(items)
    assert isinstance(first, Capture)
    assert first.line == 1
    assert sum(1 for _ in items) == MAX_HALVES + 4
