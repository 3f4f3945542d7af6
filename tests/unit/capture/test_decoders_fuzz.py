"""A model may answer anything: a payload is decoded, or refused with a DecodeError, and nothing else happens."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trueup.capture.decoders import DECODERS, decode
from trueup.capture.instances import split_input
from trueup.capture.samples import group_of, media_type, sample_id
from trueup.errors import DecodeError
from trueup.model import NO_LABEL, Capture, Payload, Prediction
from trueup.selection.choose import uncertainties

RESPONSES = Path(__file__).resolve().parents[2] / "data" / "responses"
DEEP = b"[" * 20_000 + b"]" * 20_000
TYPES = st.one_of(
    st.sampled_from(
        ["application/json", "application/jsonlines", "text/csv; charset=utf-8", "text/plain", "image/png", "", ";"]
    ),
    st.text(max_size=10),
)
CLASSES = st.sampled_from([("a", "b"), ("a", "b", "c"), ("a",), ()])
KEYS = st.one_of(
    st.sampled_from(["probabilities", "score", "scores", "label", "labels", "predictions", "instances"]),
    st.sampled_from(["prediction", "annotations", "image_size", "class_id", "normalized_boxes", "classes"]),
    st.sampled_from(["entity", "box", "sequence", "choices", "message", "content", "logprobs", "generated_text"]),
    st.sampled_from(["details", "tokens", "text", "logprob", "multi_label", "value", "lower", "upper", "interval"]),
    st.sampled_from(["predicted_label", "predicted_value", "outputs", "logits"]),
    st.text(max_size=4),
)
NUMBERS = st.one_of(
    st.floats(),
    st.floats(0, 1),
    st.integers(),
    st.sampled_from([10**400, -(10**400), 0.5, -0.0, 1e-320, float("nan"), float("inf"), float("-inf")]),
)
LEAVES = st.one_of(NUMBERS, st.none(), st.booleans(), st.text(max_size=5), st.sampled_from(["\ud800", "a", "b"]))
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def text_of(document: object) -> bytes:
    return json.dumps(document).encode()


DATA = st.one_of(
    st.binary(max_size=60),
    DOCUMENTS.map(text_of),
    st.lists(DOCUMENTS.map(text_of), max_size=4).map(b"\n".join),
    st.lists(NUMBERS.map(str), max_size=5).map(lambda each: ",".join(each).encode()),
    st.sampled_from(
        [b"", b"\n", b"[]", b"{}", DEEP, b'{"instances":' + DEEP + b"}", b"9" * 5000, b"[" + b"9" * 400 + b"]"]
    ),
)
SAMPLES = {
    each.name: each.read_bytes() for each in sorted(RESPONSES.iterdir()) if each.name != "expected_probabilities.json"
}


@st.composite
def mangled(draw: st.DrawFn) -> Payload:
    """A documented answer in which one JSON value, or a few bytes, became something else."""
    name = draw(st.sampled_from(sorted(SAMPLES)))
    data = SAMPLES[name]
    if name.endswith(".json") and draw(st.booleans()):
        data = text_of(replaced(json.loads(data), draw))
    else:
        start = draw(st.integers(0, len(data)))
        data = data[:start] + draw(DATA) + data[start + draw(st.integers(0, 9)) :]
    return Payload(
        data=data, content_type=draw(st.sampled_from(["application/json", "application/jsonlines", "text/csv"]))
    )


def replaced(node: object, draw: st.DrawFn) -> object:
    inner = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    if not inner or draw(st.integers(0, 3)) == 0:
        return draw(DOCUMENTS)
    place = draw(st.sampled_from(inner))
    copy: Any = dict(node) if isinstance(node, dict) else list(cast("list[object]", node))
    copy[place] = replaced(copy[place], draw)
    return copy


PAYLOADS = st.builds(Payload, data=DATA, content_type=TYPES)


def decoded(payload: Payload, classes: tuple[str, ...], decoder: str | None) -> tuple[list[Prediction], str]:
    try:
        return decode(payload, classes, decoder)[0], ""
    except DecodeError as error:
        return [], str(error)


def document(data: bytes, content_type: str = "application/json") -> Payload:
    return Payload(data=data, content_type=content_type)


@pytest.mark.slow
@given(PAYLOADS, CLASSES, st.sampled_from([None, *DECODERS]))
@example(document(DEEP), ("a", "b"), None)
@example(document(b"1e400"), ("a", "b"), None)
@example(document(b"9" * 5000), ("a", "b"), None)
@example(document(b"[" + b"9" * 400 + b"]"), ("a", "b"), None)
@example(document(b'[[{"label":"a","score":1},{"x":1}]]'), ("a", "b"), None)
@example(document(b'{"score":1,"labels":["\\ud800"]}'), ("a", "b"), None)
@example(document(b'{"outputs":[{"datatype":"FP32","shape":[1],"data":[1e999]}]}'), ("a", "b"), None)
@example(document(b'{"a_proba":{"0":' + b"9" * 400 + b"}}"), ("a", "b"), None)
@example(document(b'yes,"' + b"[" * 5000 + b'"', "text/csv"), ("a", "b"), None)
@example(document(b'yes,"[1, {}, []]"', "text/csv"), ("a", "b"), None)
def test_any_answer_is_decoded_or_refused(payload: Payload, classes: tuple[str, ...], decoder: str | None) -> None:
    predictions, reason = decoded(payload, classes, decoder)
    assert bool(predictions) != bool(reason)
    assert len(reason.encode()) < 1500
    for each in predictions:
        check(each)


@pytest.mark.slow
@settings(max_examples=400)
@given(mangled(), CLASSES, st.sampled_from([None, *DECODERS]))
def test_documented_answers_gone_wrong_are_decoded_or_refused(
    payload: Payload, classes: tuple[str, ...], decoder: str | None
) -> None:
    predictions, reason = decoded(payload, classes, decoder)
    assert bool(predictions) != bool(reason)
    assert len(reason.encode()) < 1500
    for each in predictions:
        check(each)


def check(each: Prediction) -> None:
    assert len(set(each.classes)) == len(each.classes)
    assert len(each.probabilities) in ((len(each.classes), 0) if each.partial else (len(each.classes),))
    assert all(0 <= value <= 1 for value in each.probabilities)
    if each.kind not in ("multilabel", "entities", "detections", "regression"):
        assert math.fsum(each.probabilities) < 1.03
        assert each.partial or math.fsum(each.probabilities) > 0.97
    assert all(0 <= one.score <= 1 for one in each.objects)
    assert (each.value is None) == (each.kind != "regression")
    assert each.label in (each.classes or (NO_LABEL,))
    assert all(0 <= score <= 1 for score in uncertainties(each).values())
    assert msgspec.json.decode(msgspec.json.encode(each), type=Prediction) == each


@pytest.mark.slow
@given(PAYLOADS, st.integers(1, 4))
@example(Payload(data=b'{"instances":' + DEEP + b"}", content_type="application/json"), 2)
@example(Payload(data=b'{"instances":["\xff"]}', content_type="application/json"), 2)
def test_any_request_is_split_into_the_wanted_number_or_refused(payload: Payload, count: int) -> None:
    try:
        parts = split_input(payload, count)
    except DecodeError:
        return
    assert len(parts) == count
    assert all(len(sample_id(each)) == 64 for each in parts)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'[{"label":"a","score":0.5},{"label":"a","score":0.5}]', "names a class twice"),
        (b'[{"label":null,"score":1}]', "cannot be the name of a class"),
        (b'{"probabilities":[0.5,0.5],"labels":["a","\\ud800"]}', "cannot be the name of a class"),
        (b"[1e400]", "not probabilities"),
        (b"[" + b"9" * 400 + b"]", "not probabilities"),
        (b"9" * 5000, "not probabilities"),
        (b"[]", "without probabilities"),
        (DEEP, "nested too deeply"),
        (b"\xff", "not JSON"),
    ],
    ids=["twice", "no name", "half a pair", "infinite", "vast", "vaster", "empty", "deep", "not UTF-8"],
)
def test_answers_that_look_like_json_are_refused_with_the_reason(data: bytes, says: str) -> None:
    with pytest.raises(DecodeError, match=says):
        decode(Payload(data=data, content_type="application/json"), ("a", "b"))


def test_rounding_just_outside_of_0_to_1_is_put_back() -> None:
    (found,), _ = decode(Payload(data=b"[1.0000000001,-0.0000000001]", content_type="application/json"), ("a", "b"))
    assert found.probabilities == (1.0, 0.0)


def test_json_lines_end_where_json_says() -> None:
    line = json.dumps({"probabilities": [0.25, 0.75], "labels": ["a", "b\u2028c"]}, ensure_ascii=False).encode()
    predictions, _ = decode(Payload(data=line + b"\r\n" + line, content_type="application/jsonlines"), ())
    assert [each.label for each in predictions] == ["b\u2028c", "b\u2028c"]


def test_whole_numbers_stay_names() -> None:
    data = b'{"probabilities":[0.25,0.75],"labels":[0,1]}'
    (found,), _ = decode(Payload(data=data, content_type="application/json"), ())
    assert found.classes == ("0", "1")


def capture(attributes: tuple[str, ...]) -> Capture:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    return Capture(
        event_id="e",
        inference_time=now,
        line=1,
        offset=0,
        raw=b"",
        input=None,
        output=None,
        inference_id=None,
        custom_attributes=attributes,
    )


@pytest.mark.slow
@given(PAYLOADS, st.lists(st.text(max_size=12), max_size=3), st.sampled_from([None, "inference_id", "attribute:k"]))
def test_every_sample_has_a_name_and_a_group(payload: Payload, attributes: list[str], group_by: str | None) -> None:
    assert len(sample_id(payload)) == 64
    assert media_type(payload.content_type) == media_type(media_type(payload.content_type))
    assert group_of(capture(tuple(attributes)), payload, group_by)
