"""The built-in semantic segmentation's answer with probabilities: RecordIO that frames a protobuf record.

Accept application/x-protobuf. The record's features are `target`, a float32 tensor, and `shape`, its dimensions: batch
of one, classes, height, width (docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html has the message's definition,
the frames are MXNet's). What a prediction keeps of it: the classes, that of most pixels first, and as probabilities
those of a pixel's likeliest, second, … class, on average over all pixels, so that its margin is their mean margin.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trueup.capture.decoders.family import ROUNDING, SUM_TOLERANCE, class_at
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

MOST_VALUES = 16_000_000
_MAGIC = 0xCED7230A
_LENGTH_BITS = (1 << 29) - 1
_FEATURES, _KEY, _VALUE, _FLOATS, _INTEGERS, _VALUES = 1, 1, 2, 2, 7, 1
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_LONGEST_VARINT = 10


def recognises(payload: Payload) -> bool:
    return payload.data[:4] == struct.pack("<I", _MAGIC)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction. Raises DecodeError."""
    chances = tensor(payload.data)
    pixels = np.bincount(chances.argmax(axis=0), minlength=len(chances))
    order = np.argsort(-pixels, kind="stable").tolist()
    ranked = -np.sort(-chances, axis=0)
    means = ranked.mean(axis=1, dtype=np.float64)
    return [
        Prediction(
            classes=tuple(class_at(each, classes) for each in order),
            probabilities=tuple((means / means.sum()).tolist()),
            kind="mask",
        )
    ]


def tensor(data: bytes) -> NDArray[np.float32]:
    """The probabilities: float32[classes, pixels]. Raises DecodeError."""
    features = dict(_feature(body) for number, body in _fields(_framed(data)) if number == _FEATURES)
    if not {"target", "shape"} <= features.keys():
        raise DecodeError(f"the record has the features {sorted(features)}, not target and shape")
    shape = [each for each in _integers(features["shape"]) if each != 1]
    values = np.frombuffer(_only(features["target"], _FLOATS), dtype="<f4")
    if len(shape) != 3 or int(np.prod(shape, dtype=np.float64)) != len(values) or not len(values):
        raise DecodeError(f"the record has {len(values):,} values in the shape {shape}, not classes, height, width")
    if len(values) > MOST_VALUES:
        raise DecodeError(f"the record has {len(values):,} values: at most {MOST_VALUES:,} are read")
    found = values.reshape(shape[0], -1)
    sums = found.sum(axis=0)
    # Written so that a NaN is refused.
    if not (found.min() >= -ROUNDING and abs(sums - 1.0).max() <= SUM_TOLERANCE):
        raise DecodeError("the record's values are not probabilities of each pixel's classes")
    return found


def _framed(data: bytes) -> bytes:
    if len(data) < 8 or not recognises(Payload(data=data, content_type="")):
        raise DecodeError("the answer is no RecordIO")
    (head,) = struct.unpack("<I", data[4:8])
    length = head & _LENGTH_BITS
    if head >> 29 or 8 + length > len(data):
        raise DecodeError("the answer is RecordIO in several frames, or was cut off")
    return data[8 : 8 + length]


def _feature(body: bytes) -> tuple[str, bytes]:
    entry = dict(_fields(body))
    return entry.get(_KEY, b"").decode("utf-8", "replace"), entry.get(_VALUE, b"")


def _integers(value: bytes) -> list[int]:
    packed, place, found = _only(value, _INTEGERS), 0, []
    while place < len(packed):
        number, place = _varint(packed, place)
        found.append(number)
    return found


def _only(value: bytes, kind: int) -> bytes:
    """The packed values of a tensor of that kind."""
    inner = dict(_fields(value)).get(kind, b"")
    packed = dict(_fields(inner)).get(_VALUES, b"")
    if kind == _FLOATS and len(packed) % 4:
        raise DecodeError("the record's values are no floats")
    return packed


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Numbers and bytes of the fields of a protobuf message that hold bytes; others are passed over."""
    place = 0
    while place < len(message):
        head, place = _varint(message, place)
        number, wire = head >> 3, head & 7
        if wire == _BYTES:
            length, place = _varint(message, place)
            if place + length > len(message):
                raise DecodeError("the record is protobuf that was cut off")
            yield number, message[place : place + length]
            place += length
        elif wire == _VARINT:
            _, place = _varint(message, place)
        elif wire in (_EIGHT, _FOUR):
            place += 8 if wire == _EIGHT else 4
        else:
            raise DecodeError("the record is no protobuf")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    number = 0
    for shift, byte in enumerate(data[place : place + _LONGEST_VARINT]):
        number |= (byte & 127) << (7 * shift)
        if byte < 128:
            return number, place + shift + 1
    raise DecodeError("the record is protobuf with a number that has no end")
