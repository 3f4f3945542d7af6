"""The probabilities of the built-in semantic segmentation, as its container frames them."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.capture.decoders import decode
from trueup.capture.decoders.segmentation_probabilities import tensor
from trueup.errors import DecodeError
from trueup.model import Payload
from trueup.selection.choose import uncertainties

CLASSES = ("road", "car", "tree")


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def field(number: int, body: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(body)) + body


def feature(name: str, kind: int, packed: bytes) -> bytes:
    return field(1, field(1, name.encode()) + field(2, field(kind, field(1, packed))))


def record(chances: np.ndarray, shape: tuple[int, ...] | None = None) -> bytes:
    shape = shape or (1, *chances.shape)
    body = feature("target", 2, chances.astype("<f4").tobytes())
    body += feature("shape", 7, b"".join(map(varint, shape)))
    # A uid, which nobody asks for.
    body += field(3, b"uid-1")
    return struct.pack("<II", 0xCED7230A, len(body)) + body + b"\0" * (-len(body) % 4)


def chances(seed: int = 0, height: int = 5, width: int = 7) -> np.ndarray:
    rows = np.random.default_rng(seed).dirichlet([0.3, 1.0, 0.5], height * width)
    return rows.T.reshape(3, height, width)


def test_doubt_is_that_of_the_pixels_on_average() -> None:
    given_chances = chances()
    ((found,), name) = decode(Payload(data=record(given_chances), content_type="application/x-protobuf"), CLASSES)
    assert (name, found.kind, found.partial) == ("segmentation_probabilities", "mask", False)
    flat = given_chances.reshape(3, -1)
    counts = np.bincount(flat.argmax(axis=0), minlength=3)
    assert found.label == CLASSES[int(counts.argmax())]
    ranked = np.sort(flat, axis=0)[::-1]
    assert found.probabilities == pytest.approx(tuple(ranked.mean(axis=1)), abs=1e-6)
    assert uncertainties(found)["margin"] == pytest.approx(1 - (ranked[0] - ranked[1]).mean(), abs=1e-6)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (record(chances())[:60], "cut off"),
        (struct.pack("<II", 0xCED7230A, 1 << 29 | 4) + b"abcd", "several frames"),
        (record(chances(), (1, 3, 5, 8)), "in the shape"),
        (record(chances(), (1, 105)), "in the shape"),
        (record(chances() * 2), "not probabilities"),
        (record(np.full((3, 2, 2), np.nan)), "not probabilities"),
        (struct.pack("<II", 0xCED7230A, 0), "not target and shape"),
        (struct.pack("<II", 0xCED7230A, 2) + b"\xff\xff", "no end"),
        (struct.pack("<II", 0xCED7230A, 1) + b"\x0b", "no protobuf"),
    ],
)
def test_what_is_no_such_record_is_told(data: bytes, says: str) -> None:
    with pytest.raises(DecodeError, match=says):
        tensor(data)


@pytest.mark.slow
@settings(max_examples=100)
@given(st.data())
def test_a_record_gone_wrong_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(record(chances()))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = tensor(bytes(whole))
    except DecodeError:
        return
    assert found.ndim == 2
