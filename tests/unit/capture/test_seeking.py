"""Captures are found by their ids, whatever else stands in the lines."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds import capture_half, capture_line
from trueup.capture.records import read_captures
from trueup.capture.seeking import Sought, seek
from trueup.model import Capture


def changed(line: bytes, **metadata: str) -> bytes:
    record = json.loads(line)
    record["eventMetadata"] |= metadata
    return json.dumps(record).encode()


def found(lines: list[bytes], sought: Sought, block: int = 2) -> list[Capture]:
    """`block` lines make a block; the last line has no end."""

    def blocks() -> Iterator[bytes]:
        whole = b"\n".join(lines)
        cut = whole.splitlines(keepends=True)
        for start in range(0, len(cut), block):
            yield b"".join(cut[start : start + block])

    return list(seek(blocks, sought))


@pytest.mark.parametrize("block", [1, 2, 100])
def test_each_is_found_by_either_id_as_it_is_read_otherwise(block: int) -> None:
    lines = [changed(capture_line(each), inferenceId=f"call {each}") for each in range(7)]
    lines.insert(3, b"")
    lines.insert(5, b'no record, "eventId": "event-4"')
    sought = Sought(event_ids={"event-4", "event-9"}, inference_ids={"call 6", "event-2"})
    offsets = [sum(len(each) + 1 for each in lines[:index]) for index in range(len(lines))]
    whole = {
        each.event_id: each for each in read_captures(zip(offsets, lines, strict=True)) if isinstance(each, Capture)
    }
    assert found(lines, sought, block) == [whole["event-4"], whole["event-6"]]


def test_a_payload_cannot_pass_for_an_id() -> None:
    text = json.dumps({"eventId": "event-2", "inferenceId": "call 2"})
    lines = [capture_line(1, text=text), capture_line(3)]
    record = json.loads(lines[0])
    record["captureData"]["endpointInput"] |= {"encoding": "JSON", "data": text}
    lines.append(json.dumps(record).encode())
    assert found(lines, Sought(event_ids={"event-2"}, inference_ids={"call 2"})) == []


def test_ids_may_be_spelled_as_json_allows() -> None:
    line = capture_line(1).replace(b'"event-1"', b'"\\u0065vent-\\u0031"').replace(b'"eventId": ', b'"eventId"  :\t')
    quoted = changed(capture_line(2), inferenceId='a "b" \\ ü')
    lines = [line, quoted, capture_line(3).replace(b"event-3", b"event-\xff")]
    captures = found(lines, Sought(event_ids={"event-1"}, inference_ids={'a "b" \\ ü'}))
    assert [each.event_id for each in captures] == ["event-1", "event-2"]


@pytest.mark.parametrize("named", ["endpointInput", "endpointOutput"])
def test_both_lines_of_an_event_are_found_where_one_has_the_inference_id(named: str) -> None:
    sides = ["endpointInput", "endpointOutput"]
    halves = {each: capture_half(1, each) for each in sides}
    halves[named] = changed(halves[named], inferenceId="call 1")
    (capture,) = found([capture_line(5), *halves.values(), capture_line(6)], Sought(inference_ids={"call 1"}))
    assert capture.input is not None
    assert capture.output is not None


def test_a_half_without_the_other_is_found_as_it_is() -> None:
    (capture,) = found([capture_half(1, "endpointInput")], Sought(event_ids={"event-1"}))
    assert capture.output is None


@pytest.mark.slow
@given(st.lists(st.integers(0, 30), max_size=40), st.sets(st.integers(0, 40)), st.integers(1, 9))
def test_it_finds_what_reading_all_finds(numbers: list[int], wanted: set[int], block: int) -> None:
    lines = [capture_line(each) for each in numbers]
    ids = {f"event-{each}" for each in wanted}
    all_of_them = read_captures(zip(range(len(lines)), lines, strict=True))
    expected = [each.event_id for each in all_of_them if isinstance(each, Capture) and each.event_id in ids]
    assert [each.event_id for each in found(lines, Sought(event_ids=ids), block)] == expected
