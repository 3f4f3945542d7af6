"""The built-in semantic segmentation's answer: a PNG as large as the image, whose pixels are indices of classes.

docs.aws.amazon.com/sagemaker/latest/dg/semantic-segmentation.html. A mask says nothing of doubt: of its classes, that
of most pixels comes first, and none has a probability. The PNG is grey or has a palette, of up to eight bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trueup.capture.decoders.family import class_at
from trueup.errors import DecodeError, InputError
from trueup.labels.png import GREY, PALETTE, SIGNATURE, read_png
from trueup.model import Payload, Prediction

MOST_PIXELS = 4_000_000


def recognises(payload: Payload) -> bool:
    return payload.data.startswith(SIGNATURE)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction: the classes in the mask, that of most pixels first. Raises DecodeError."""
    pixels = np.bincount(mask(payload.data).ravel(), minlength=256)
    order = [int(each) for each in np.argsort(-pixels, kind="stable") if pixels[each]]
    names = tuple(class_at(each, classes) for each in order)
    return [Prediction(classes=names, probabilities=(), partial=True, kind="mask")]


def mask(data: bytes) -> NDArray[np.uint8]:
    """The indices: uint8[height, width]. Raises DecodeError for what is no such PNG, and beyond MOST_PIXELS."""
    try:
        found = read_png(data, MOST_PIXELS)
    except InputError as error:
        raise DecodeError(str(error)) from error
    if found.colour not in (GREY, PALETTE):
        raise DecodeError("the mask is no PNG of indices: grey or palette, up to eight bits, not interlaced")
    return found.samples[:, :, 0]
