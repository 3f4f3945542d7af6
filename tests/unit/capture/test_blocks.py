"""Many lines at once find what each line for itself finds, whatever stands in them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.worlds import capture_half, capture_line
from trueup.capture.blocks import Reader, Rows
from trueup.capture.decoders import DECODERS, decode
from trueup.capture.lines import whole_lines
from trueup.capture.records import Item, read_captures
from trueup.capture.repeats import Events, texts
from trueup.errors import DecodeError
from trueup.model import Capture, Payload, Prediction, Quarantined

CLASSES = ("a", "b", "c")
ANSWERS = [
    ('{"probabilities": [0.2, 0.3, 0.5]}', "application/json", "JSON"),
    ('{"predicted_label": 1, "probabilities": [0.1, 0.8, 0.1]}', "application/json", "JSON"),
    ('{"predictions": [[0.25, 0.5, 0.25]]}', "application/json", "JSON"),
    ('{"predictions": [{"score": 0.75, "predicted_label": 1}]}', "application/json", "JSON"),
    ("[0.5, 0.25, 0.25]", "application/json", "JSON"),
    ("0.5,0.25,0.25", "text/csv", "CSV"),
    ("0.125", "text/csv; charset=utf-8", "CSV"),
    ("0.125\n", "text/csv", "CSV"),
    ('{"probabilities": [0.2, 0.3, 0.5]}', "application/json", "BASE64"),
]
ODD = [
    '{"probabilities": [0.2, 0.3]}',
    '{"probabilities": [2.5, 1.0, 1.0]}',
    '{"probabilities": [NaN, 0.5, 0.5]}',
    '{"probabilities": [0.2, 0.3, 0.5], "labels": ["x", "y", "z"]}',
    '{"predictions": [[0.2, 0.3, 0.5], [0.5, 0.25, 0.25]]}',
    '{"predictions": []}',
    "0.5,0.5",
    "0.5\n0.25",
    "nan",
    "not numbers",
    "",
    '[{"label": "a", "score": 0.9}]',
]


def line_of(number: int, answer: str, kind: str, encoding: str) -> bytes:
    record: dict[str, Any] = json.loads(capture_line(number))
    data = base64.b64encode(answer.encode()).decode() if encoding == "BASE64" else answer
    record["captureData"]["endpointOutput"] = {
        "observedContentType": kind,
        "mode": "OUTPUT",
        "data": data,
        "encoding": encoding,
    }
    return json.dumps(record).encode()


def said(capture: Capture) -> list[Prediction] | str:
    if capture.output is None or capture.input is None:
        return "a side is missing"
    try:
        return decode(capture.output, CLASSES)[0]
    except DecodeError as error:
        return str(error)


def slowly(data: bytes) -> list[Any]:
    return [facts(each) for each in read_captures(cut(data))]


def cut(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    for raw in io.BytesIO(data):
        yield offset, raw.removesuffix(b"\n").removesuffix(b"\r")
        offset += len(raw)


def quickly(data: bytes, size: int) -> tuple[list[Any], int]:
    """What the reader finds in blocks of this size, and how many lines it read at once."""
    reader, found, at_once = Reader(CLASSES), list[Any](), 0
    for block in whole_lines(io.BytesIO(data).readinto, size):
        rows = reader.rows(block)
        if rows is None:
            found += [facts(each) for each in reader.items(block)]
        else:
            at_once += len(rows)
            found += facts_of(rows)
    return found + [facts(each) for each in reader.rest()], at_once


def facts(item: Item) -> Any:
    if not isinstance(item, Capture):
        return type(item).__name__, item.line, getattr(item, "reason", getattr(item, "event_id", ""))
    return "Capture", item.line, item.offset, item.event_id, said(item)


def facts_of(rows: Rows) -> list[Any]:
    found = []
    for index, event_id in enumerate(texts(rows.event_ids)):
        (place,) = rows.places([index])
        capture = place.read()
        if isinstance(capture, Quarantined):
            assert "base64" in capture.reason
            found.append(facts(capture))
            continue
        row = tuple(rows.table.probabilities[index].tolist())
        prediction = Prediction(classes=rows.table.classes, probabilities=row, kind=rows.table.kind)
        assert said(capture) == [prediction]
        found.append(("Capture", place.line, place.offset, event_id, [prediction]))
    return found


@pytest.mark.parametrize(("answer", "kind", "encoding"), ANSWERS)
def test_plain_answers_are_read_at_once(answer: str, kind: str, encoding: str) -> None:
    data = b"\n".join(line_of(number, answer, kind, encoding) for number in range(20))
    for ending in (b"", b"\n"):
        found, at_once = quickly(data + ending, 1 << 20)
        assert found == slowly(data + ending)
        assert at_once == 20


LINES = st.one_of(
    st.builds(lambda number, form: line_of(number, *form), st.integers(0, 9), st.sampled_from(ANSWERS)),
    st.builds(lambda number, form: line_of(number, *form), st.integers(10, 999), st.sampled_from(ANSWERS)),
    st.builds(
        lambda odd, form: line_of(7000 + hash(odd) % 99, odd, *form[1:]), st.sampled_from(ODD), st.sampled_from(ANSWERS)
    ),
    st.builds(capture_half, st.integers(0, 5), st.sampled_from(["endpointInput", "endpointOutput"])),
    st.sampled_from([b"", b"  ", b"\r", b"not json", b"{}", b"\xff\xfe", b"[" * 2000, capture_line(5)[:-9]]),
)


@pytest.mark.slow
@example([line_of(0, "0.125\n", "text/csv", "CSV"), line_of(1, "0.5,0.25,0.25", "text/csv", "CSV"), b""], 700, False)
@settings(max_examples=150)
@given(st.lists(LINES, max_size=14), st.sampled_from([1, 700, 3000, 1 << 20]), st.booleans())
def test_both_ways_find_the_same_in_any_lines(lines: list[bytes], size: int, ended: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if ended else b"")
    assert quickly(data, size)[0] == slowly(data)


@pytest.mark.slow
@settings(max_examples=150)
@given(st.data(), st.sampled_from(ANSWERS))
def test_a_byte_gone_wrong_is_found_by_both(data: st.DataObject, form: tuple[str, str, str]) -> None:
    whole = bytearray(b"\n".join(line_of(number, *form) for number in range(4)))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    assert quickly(bytes(whole), 1 << 20)[0] == slowly(bytes(whole))


def test_other_names_in_an_answer_are_recognised_anew() -> None:
    named = '{"probabilities": [0.2, 0.8], "labels": ["x", "y"]}'
    lines = [line_of(1, *ANSWERS[0]), line_of(2, named, "application/json", "JSON")]
    for data in (b"\n".join(lines), b"\n".join(reversed(lines))):
        assert quickly(data, 1)[0] == slowly(data)


@pytest.mark.parametrize("name", [name for name, each in DECODERS.items() if hasattr(each, "decode_many")])
@pytest.mark.parametrize("answer", [*[each[0] for each in ANSWERS], *ODD])
def test_many_answers_are_those_of_each(name: str, answer: str) -> None:
    decoder: Any = DECODERS[name]
    table = decoder.decode_many([answer, answer], CLASSES)
    if table is None:
        return
    (alone,) = decoder.decode(Payload(data=answer.encode(), content_type="application/json"), CLASSES)
    assert table.begins_with(alone)
    assert np.array_equal(table.probabilities[0], table.probabilities[1])


@pytest.mark.slow
def test_an_event_is_remembered_long_enough() -> None:
    most = 5_000
    events = Events(most)
    ids = [f"event-{number}" for number in range(3 * most)]
    assert all(events.add_new(ids[start : start + 1000]) for start in range(0, len(ids), 1000))
    assert all(each in events for each in ids[-most:])
    assert not events.add_new(["new", ids[-1]])
    assert "new" not in events
    assert not events.add_new(["twice", "twice"])


@pytest.mark.slow
@given(st.binary(max_size=300).map(lambda each: each.replace(b"\x00", b"\n")), st.integers(1, 50), st.integers(1, 9))
def test_blocks_are_the_stream_cut_at_line_ends(data: bytes, size: int, trickle: int) -> None:
    stream = io.BytesIO(data)
    blocks = list(whole_lines(lambda buffer: stream.readinto(buffer[:trickle]), size))
    assert b"".join(blocks) == data
    assert all(each.endswith(b"\n") for each in blocks[:-1])
    assert all(blocks)


def test_every_family_of_the_samples_reads_the_same_both_ways() -> None:
    folder = Path(__file__).resolve().parents[2] / "data"
    for file in sorted(folder.glob("realtime_*.jsonl")):
        data = file.read_bytes()
        assert quickly(data, 1 << 20)[0] == slowly(data)
