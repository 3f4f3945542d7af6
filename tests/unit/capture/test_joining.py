"""Inputs and outputs of batch transforms: how they belong together is read from themselves."""

from __future__ import annotations

import io
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.capture.joining import WHOLE, Shape, lines_of, read_answer, shape_of, type_of_object, type_of_output
from trueup.capture.lines import whole_lines
from trueup.capture.records import read_line
from trueup.capture.writing import event_id_of, record_line
from trueup.model import Capture, Payload

DATA = Path(__file__).resolve().parents[2] / "data"
SCHEMA = json.loads((DATA / "capture-record.schema.json").read_text())
AT = datetime(2026, 11, 20, 2, 0, 11, tzinfo=UTC)
NAME = "5f0c1e7a-0000-4b1d-9a00-000000000020"


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs", "expected"),
    [
        ("text/csv", [b"1,2", b"3,4"], [b"0.1", b"0.9"], Shape(by_line=True, lines=2)),
        ("text/csv; charset=utf-8", [b"1,2"], [b"0.1"], Shape(by_line=True, lines=1)),
        ("text/csv", [b"1,2", b"3,4"], [b"1,2,0.1", b"3,4,0.9"], Shape(by_line=True, lines=2, repeats=True)),
        ("text/csv", [b"1", b"3"], [b"1,0.1", b"0,0.9"], Shape(by_line=True, lines=2)),
        ("text/csv", [b"1,2", b"3,4"], [b"0.1,0.9"], WHOLE),
        ("text/csv", [b"1,2"], [b"0.1", b"0.9"], WHOLE),
        ("text/csv", [b"1,2"], [], WHOLE),
        ("text/csv", [], [], Shape(by_line=True)),
        ("application/jsonlines", [b"{}", b"{}"], [b"[1]", b"[2]"], Shape(by_line=True, lines=2)),
        ("application/json", [b'{"a":1}', b'{"a":2}'], [b"[1]", b"[2]"], Shape(by_line=True, lines=2)),
        ("application/json", [b'{"instances": [', b"1]}"], [b"[", b"1]"], WHOLE),
        ("image/png", [b"\x89PNG"], [b"[0.1, 0.9]"], WHOLE),
    ],
)
def test_the_shape_is_read_from_the_lines(
    kind: str, inputs: list[bytes], outputs: list[bytes], expected: Shape
) -> None:
    assert shape_of(kind, inputs, outputs) == expected


@pytest.mark.parametrize(
    ("uri", "said", "expected"),
    [
        ("s3://in/a.csv", "binary/octet-stream", "text/csv"),
        ("s3://in/a.CSV.gz", "", "text/csv"),
        ("s3://in/a.jsonl", "application/octet-stream", "application/jsonlines"),
        ("s3://in/a.json", "", "application/json"),
        ("s3://in/a.jpg", "binary/octet-stream", "image/jpeg"),
        ("s3://in/a.csv", "application/jsonlines", "application/jsonlines"),
        ("s3://in/part-00000", "", "application/octet-stream"),
    ],
)
def test_types_are_those_of_the_object_or_of_its_name(uri: str, said: str, expected: str) -> None:
    assert type_of_object(uri, said) == expected


def test_outputs_are_known_by_their_first_character() -> None:
    assert type_of_output(b' {"a": 1}', "") == "application/json"
    assert type_of_output(b"[0.1, 0.9]", "binary/octet-stream") == "application/json"
    assert type_of_output(b"0.1,0.9", "binary/octet-stream") == "text/csv"
    assert type_of_output(b"0.1,0.9", "application/jsonlines") == "application/jsonlines"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_published_outputs_with_inference_ids_are_read(kind: str) -> None:
    raw = (DATA / "sources" / f"batch_output_generate_inference_id.{kind}.out").read_bytes()
    found = [read_answer(line, "") for line in raw.splitlines()]
    assert [each.inference_id for each in found] == [NAME, NAME[:-1] + "1"]
    assert {each.at for each in found} == {AT}
    expected = {"csv": b"0.8122", "jsonl": b'{"predicted_label":1,"score":0.8122}'}[kind]
    assert found[0].payload == Payload(
        data=expected, content_type={"csv": "text/csv", "jsonl": "application/json"}[kind]
    )


def test_a_repeated_input_is_taken_off() -> None:
    assert read_answer(b"1,2,0.8", "", b"1,2").payload.data == b"0.8"
    both = read_answer(f"1,2,0.8,{NAME},2026-11-20T02:00:11Z".encode(), "", b"1,2")
    assert (both.payload.data, both.inference_id, both.at) == (b"0.8", NAME, AT)


@pytest.mark.parametrize(
    ("line", "data", "kind"),
    [
        (b'{"age": 3, "SageMakerOutput": {"score": 0.5}}', b'{"score":0.5}', "application/json"),
        (b'{"SageMakerInput": [1], "SageMakerOutput": [0.5, 0.5]}', b"[0.5,0.5]", "application/json"),
        (b'{"age": 3, "SageMakerOutput": "0.5,0.5"}', b"0.5,0.5", "text/csv"),
        (b'{"score": 0.10}', b'{"score": 0.10}', "application/json"),
        (b'{"score": NaN, "SageMakerOutput": 1}', b'{"score": NaN, "SageMakerOutput": 1}', "application/json"),
        (b'{"broken', b'{"broken', "application/json"),
        (b"0.1,0.9", b"0.1,0.9", "text/csv"),
    ],
)
def test_what_joinsource_adds_is_taken_off_and_nothing_else(line: bytes, data: bytes, kind: str) -> None:
    assert read_answer(line, "").payload == Payload(data=data, content_type=kind)


def test_a_time_that_is_none_is_left_out() -> None:
    found = read_answer(f"0.8,{NAME},2026-99-20T02:00:11Z".encode(), "")
    assert (found.inference_id, found.at) == (NAME, None)


@pytest.mark.slow
@given(st.lists(st.binary(max_size=30).map(lambda each: each.replace(b"\n", b"")), max_size=8), st.booleans())
def test_lines_are_those_that_are_not_blank(lines: list[bytes], ended: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if ended else b"")
    found = list(lines_of(whole_lines(io.BytesIO(data).readinto, size=16)))
    assert found == [each.rstrip(b"\r") for each in lines if each.strip()]


@pytest.mark.slow
@given(st.lists(st.text(alphabet="0123456789.,", min_size=1, max_size=9), min_size=1, max_size=9), st.booleans())
def test_joined_csv_comes_apart_again(rows: list[str], joined: bool) -> None:
    inputs = [each.encode() for each in rows]
    outputs = [b"0.25" if not joined else each + b",0.25" for each in inputs]
    shape = shape_of("text/csv", inputs, outputs)
    assert shape.by_line
    if joined:
        answers = [read_answer(each, "", line) for line, each in zip(inputs, outputs, strict=True)]
        assert shape.repeats
        assert {each.payload.data for each in answers} == {b"0.25"}


@pytest.mark.slow
@given(
    st.one_of(st.none(), st.binary(max_size=60)),
    st.binary(max_size=60),
    st.sampled_from(["text/csv", "application/json", "application/jsonlines; a=b", "image/png", "text/plain"]),
    st.one_of(st.none(), st.text(min_size=1, max_size=20)),
)
def test_records_are_what_the_reader_and_the_schema_take(
    data: bytes | None, answer: bytes, kind: str, inference_id: str | None
) -> None:
    given_input = None if data is None else Payload(data=data, content_type=kind)
    output = Payload(data=answer, content_type=kind)
    name = event_id_of("a", "b")
    try:
        line = record_line(name, AT, given_input, output, inference_id=inference_id, custom_attributes=["a=b"])
    except UnicodeEncodeError:
        return
    jsonschema.validate(json.loads(line), SCHEMA)
    read = read_line(1, 0, line)
    assert isinstance(read, Capture)
    assert (read.input, read.output, read.event_id, read.inference_id) == (given_input, output, name, inference_id)
    assert (read.inference_time, read.custom_attributes) == (AT, ("a=b",))
    assert line.count(b"\n") == 1


def test_event_ids_follow_from_names_and_look_like_sagemakers() -> None:
    assert event_id_of("a", "b") == event_id_of("a", "b") != event_id_of("ab", "")
    assert uuid.UUID(event_id_of("a"))
