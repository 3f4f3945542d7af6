"""A block of lines alike is read by where its fields lie, and only if each of its lines says just that."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.capture.test_blocks import ANSWERS, CLASSES, quickly, slowly
from trueup.capture.blocks import Reader
from trueup.capture.decoders import decode
from trueup.capture.layout import Layout, learn
from trueup.capture.repeats import Events, texts
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

FORMS = [
    *ANSWERS[:-1],
    ('{"predicted_label": 12, "probabilities": [0.125, 0.75, 0.125]}', "application/json", "JSON"),
    ('{"probabilities": [0.125, 0.75, 0.125], "predicted_label": 1}', "application/json", "JSON"),
]
INPUTS = [
    ("1.5,2.5,-3", "text/csv", "CSV"),
    ('{"features": [1.5, "a, b", true]}', "application/json", "JSON"),
    ('He said "yes", \n\tand went.', "text/plain", "CSV"),
    ("c:\\temp", "text/plain", "CSV"),
    ("Größe", "text/plain", "CSV"),
    ("iVBORw0KGgo=", "image/png", "BASE64"),
    ("", "text/csv", "CSV"),
]
# Before an input, so that it is too wide to be looked through.
WIDE = "QUJD" * 40
# What may mean something else than itself where it stands.
BYTES = [bytes([each]) for each in b'"\\,:[]{}0159.-+eE \t\r\nunZ\x00\x7f\x80\xff']


def line_of(number: int, form: tuple[str, str, str], given: tuple[str, str, str], compact: bool = True) -> bytes:
    sides = {"endpointInput": ("INPUT", given), "endpointOutput": ("OUTPUT", form)}
    record = {
        "captureData": {
            name: {"observedContentType": kind, "mode": mode, "data": data, "encoding": encoding}
            for name, (mode, (data, kind, encoding)) in sides.items()
        },
        "eventMetadata": {
            "eventId": f"00000000-{number:04d}",
            "inferenceId": f"inf-{number:04d}",
            "inferenceTime": f"2026-03-01T{number // 60 % 24:02d}:{number % 60:02d}:00Z",
        },
        "eventVersion": "0",
    }
    return json.dumps(record, separators=(",", ":") if compact else None, ensure_ascii=number % 2 == 0).encode()


def says(text: str) -> Prediction | None:
    try:
        found, _ = decode(Payload(data=text.encode(), content_type="application/json"), CLASSES)
    except DecodeError:
        return None
    return found[0] if len(found) == 1 else None


def layouts(line: bytes) -> list[Layout]:
    return list(learn(line, says, CLASSES))


@pytest.mark.parametrize("form", [each for each in FORMS if each[2] == "JSON"])
@pytest.mark.parametrize("given", INPUTS[:3] + INPUTS[5:6])
@pytest.mark.parametrize("compact", [True, False])
def test_the_fields_of_lines_alike_are_found(
    form: tuple[str, str, str], given: tuple[str, str, str], compact: bool
) -> None:
    lines = [line_of(2 * number, form, (given[0] * (1 + number % 3), *given[1:]), compact) for number in range(9)]
    first, *_ = layouts(lines[0])
    for ending in (b"", b"\n"):
        found = first.read(b"\n".join(lines) + ending)
        assert found is not None
        assert list(texts(found.event_ids)) == [f"00000000-{2 * number:04d}" for number in range(9)]
        assert found.ends.tolist() == (np.cumsum([len(each) + 1 for each in lines]) - 1).tolist()
        said = says(form[0])
        assert said is not None
        assert np.array_equal(found.values[:, -1:], np.full((9, 1), said.probabilities[-1]))


def test_an_answer_whose_numbers_mean_nothing_has_no_layout() -> None:
    for answer in (
        '{"label": "a"}',
        '{"predictions": [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]}',
        '{"score": [0.5], "x": [1, 2]}',
    ):
        assert not layouts(line_of(0, (answer, "application/json", "JSON"), INPUTS[0]))


def test_the_probabilities_are_told_from_a_label_of_the_same_number() -> None:
    lines = [
        line_of(number, (f'{{"predicted_label": {label}, "score": {score}}}', "application/json", "JSON"), INPUTS[0])
        for number, (label, score) in enumerate([(1, 1), (1, 0.75), (0, 0.25)])
    ]
    first, *_ = layouts(lines[0])
    found = first.read(b"\n".join(lines))
    assert found is not None
    assert found.values.tolist() == [[1.0], [0.75], [0.25]]


def test_what_one_line_lacks_another_does_not_make_up_for() -> None:
    """Numbers, quotes and escapes that are right in sum but not in each line."""
    lines = [line_of(2 * number, FORMS[0], INPUTS[0]) for number in range(4)]
    swaps = [
        ((b"[0.2, 0.3, 0.5]", b"[0.2, 0.8]"), (b"[0.2, 0.3, 0.5]", b"[0.2, 0.3, 0.25, 0.25]")),
        ((b"[0.2, 0.3, 0.5]", b"[0.2, 0.3, 0.5, -9, 0.5]"), (b"[0.2, 0.3, 0.5]", b"[0.5]")),
        ((b'2.5,-3"', b'2.5,-3\\"'), (b"1.5,2", b'1.5"2')),
        ((b"1.5,2", b"1.5\\2"), (b'{\\"prob', b'{"prob')),
    ]
    (layout,) = layouts(lines[0])
    assert layout.read(b"\n".join(lines)) is not None
    for one, other in swaps:
        broken = [lines[0], lines[1].replace(*one), lines[2].replace(*other), lines[3]]
        assert broken[1:3] != lines[1:3]
        assert layout.read(b"\n".join(broken)) is None
        assert quickly(b"\n".join(broken), 1 << 20)[0] == slowly(b"\n".join(broken))


@pytest.mark.parametrize("widths", [(0, 40, -40), (0, 300, -150), (0, -120, 5000)])
def test_wide_inputs_end_where_they_end(widths: tuple[int, ...]) -> None:
    lines = [
        line_of(2 * number, FORMS[0], ("7" * (len(WIDE) + widths[number % 3]), *INPUTS[0][1:])) for number in range(9)
    ]
    (layout,) = layouts(lines[0])
    for block in (lines, [*lines, lines[0]]):
        found = layout.read(b"\n".join(block))
        assert found is not None
        assert found.values.tolist() == [[0.2, 0.3, 0.5]] * len(block)


@pytest.mark.parametrize("inside", [b'","x":"', b'"', b"\\", b'\\"', b'","encoding":"CSV"},"x":{"y":"'])
@pytest.mark.parametrize("place", [1, 60, -1])
def test_what_ends_a_wide_input_far_from_where_the_first_ended_is_seen(inside: bytes, place: int) -> None:
    lines = [line_of(2 * number, FORMS[0], (WIDE, *INPUTS[0][1:])) for number in range(6)]
    wide = WIDE.encode()
    at = place % len(wide)
    hidden = [each.replace(wide, wide[:at] + inside + wide[at + len(inside) :]) for each in lines[3:]]
    (layout,) = layouts(lines[0])
    found = layout.read(b"\n".join([*lines[:3], *hidden]))
    assert (found is not None) == (inside == b'\\"')
    for data in (b"\n".join([*lines[:3], *hidden]), b"\n".join(hidden)):
        assert quickly(data, 1 << 20)[0] == slowly(data)


@pytest.mark.parametrize("given", [INPUTS[0], (WIDE, *INPUTS[0][1:])])
def test_an_id_with_escapes_is_what_they_stand_for(given: tuple[str, str, str]) -> None:
    lines = [line_of(2 * number, FORMS[0], given).replace(b"00000000-", b'000\\"000-') for number in range(6)]
    assert not layouts(lines[0])
    assert quickly(b"\n".join(lines), 1 << 20)[0] == slowly(b"\n".join(lines))


def test_lists_of_very_different_widths_are_read() -> None:
    """Not filled up to the widest, which would take the memory of as many wide ones."""
    answers = [f'{{"probabilities": [0.2, 0.3, 0.5{"0" * (4000 if number == 5 else 0)}]}}' for number in range(9)]
    lines = [line_of(2 * number, (each, "application/json", "JSON"), INPUTS[0]) for number, each in enumerate(answers)]
    (layout,) = layouts(lines[0])
    found = layout.read(b"\n".join(lines))
    assert found is not None
    assert found.values.tolist() == [[0.2, 0.3, 0.5]] * 9


def test_blocks_of_other_kinds_between_do_not_change_what_is_known_of_the_first() -> None:
    def block(start: int, form: tuple[str, str, str], attributes: list[str]) -> bytes:
        records = [json.loads(line_of(2 * number, form, INPUTS[0])) for number in range(start, start + 5)]
        for each in records:
            each["eventMetadata"]["customAttributes"] = attributes
        return b"".join(json.dumps(each).encode() + b"\n" for each in records)

    reader, plain, packed = Reader(CLASSES), FORMS[0], ("MC4yLDAuMywwLjU=", "text/csv", "BASE64")
    for start, form, attributes, decoder in [
        (0, plain, ["store=north"], "json_probabilities"),
        (10, packed, ["store=south"], "csv_probabilities"),
        (20, plain, ["store=north"], "json_probabilities"),
        (30, plain, ["store=south"], "json_probabilities"),
        (40, FORMS[5], ["store=south"], "csv_probabilities"),
    ]:
        rows = reader.rows(block(start, form, attributes))
        assert rows is not None
        assert (rows.decoder, list(rows.attributes)) == (decoder, [attributes] * 5)


@pytest.mark.parametrize("answer", ["", "0.5", "-9", "0.5,0.5", "true"])
def test_a_block_of_other_answers_in_the_same_place_is_not_taken_for_numbers(answer: str) -> None:
    lines = [line_of(2 * number, FORMS[6], INPUTS[0]) for number in range(8)]
    others = [line_of(2 * number, (answer, *FORMS[6][1:]), INPUTS[0]) for number in range(8, 16)]
    (layout,) = layouts(lines[0])
    found = layout.read(b"\n".join(others))
    assert (found is None) == (answer not in ("0.5", "-9"))
    data = b"\n".join([*lines, *others])
    for size in (len(lines[0]) * 4, 1 << 20):
        assert quickly(data, size)[0] == slowly(data)


EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 3), st.lists(st.sampled_from(BYTES), max_size=3)),
    min_size=1,
    max_size=4,
)


@pytest.mark.slow
@settings(max_examples=300)
@example(FORMS[0], INPUTS[0], [(0.5, 0, [b"\\"])], True, "")
@example(FORMS[0], INPUTS[0], [(0.025390625, 0, [b"\x7f"])], False, "")
@given(st.sampled_from(FORMS), st.sampled_from(INPUTS), EDITS, st.booleans(), st.sampled_from(["", WIDE]))
def test_bytes_put_in_and_taken_out_are_found_by_both_ways(
    form: tuple[str, str, str],
    given: tuple[str, str, str],
    edits: list[tuple[float, int, list[bytes]]],
    compact: bool,
    before: str,
) -> None:
    inputs = [(before + given[0] * (number % 3), *given[1:]) for number in range(6)]
    data = b"\n".join(line_of(number, form, each, compact) for number, each in enumerate(inputs))
    for where, taken, put in edits:
        place = int(where * len(data))
        data = data[:place] + b"".join(put) + data[place + taken :]
    for size in (1 << 20, 1200):
        assert quickly(data, size)[0] == slowly(data)


TIMES = [
    "2026-03-01T10:00:00Z",
    "2026-03-01T10:00:59Z",
    "2026-03-01T10:00:60Z",
    "2026-02-30T10:00:00Z",
    "2026-03-01 10:00:00z",
]


@pytest.mark.slow
@given(st.lists(st.sampled_from(TIMES), min_size=2, max_size=5))
def test_every_time_is_looked_at(times: list[str]) -> None:
    lines = [line_of(2 * number, FORMS[0], INPUTS[0]) for number in range(len(times))]
    record = [
        each.replace(json.loads(each)["eventMetadata"]["inferenceTime"].encode(), time.encode())
        for each, time in zip(lines, times, strict=True)
    ]
    assert quickly(b"\n".join(record), 1 << 20)[0] == slowly(b"\n".join(record))


@pytest.mark.slow
@given(st.lists(st.text(min_size=1, max_size=20), unique=True, max_size=30), st.data())
def test_an_id_is_the_same_alone_and_among_many(ids: list[str], data: st.DataObject) -> None:
    events = Events()
    cut = data.draw(st.integers(0, len(ids)))
    for each in ids[:cut]:
        events.add(each)
    if ids[cut:]:
        assert events.add_new(ids[cut:])
    assert all(each in events for each in ids)
    assert not any(events.add_new([each]) for each in ids)
