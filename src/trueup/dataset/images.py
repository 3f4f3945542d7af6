"""What formats of pictures share: files named by sample, and sizes in pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from trueup.dataset.exporting import ExportedFile, ExportRequest, fits_none, naming, value_of
from trueup.dataset.pictures import size_of, suffix_of
from trueup.errors import InputError
from trueup.labels.masks import colours, indices_of
from trueup.labels.png import written_png
from trueup.labels.reading import written
from trueup.labels.values import Boxes, Mask, Polygons
from trueup.model import LabelledSample, Payload


def picture_name(sample: LabelledSample, payload: Payload) -> str:
    return sample.sample_id + suffix_of(payload)


def picture_files(request: ExportRequest, samples: Iterable[LabelledSample], folder: str) -> Iterator[ExportedFile]:
    """The inputs themselves."""
    for sample, payload in request.loaded(samples):
        yield ExportedFile(f"{folder}/{picture_name(sample, payload)}", iter((payload.data,)))


def picture_size(value: Boxes | Polygons | Mask, sample: LabelledSample, payload: Payload) -> tuple[int, int]:
    """What the label says, which is how large the annotator saw it, or else the picture itself. Raises InputError."""
    if value.width is not None and value.height is not None:
        return value.width, value.height
    found = size_of(payload.data)
    if found is None:
        with naming(sample):
            raise InputError(
                f"({payload.content_type}) does not say how large the picture is, nor does its label: PNG, JPEG, GIF, "
                "BMP and WebP do",
                field="payload_uri",
            )
    return found


def sized(request: ExportRequest, sample: LabelledSample) -> LabelledSample:
    """The sample, whose boxes say how large their picture is. Raises InputError where it is no picture that tells."""
    if request.schema.kind != "boxes" or fits_none(sample):
        return sample
    value = value_of(sample, request, Boxes)
    if value.width is not None:
        return sample
    width, height = picture_size(value, sample, request.payload(sample))
    return msgspec.structs.replace(sample, label=written(msgspec.structs.replace(value, width=width, height=height)))


def mask_png(request: ExportRequest, sample: LabelledSample, nothing: tuple[int, int, int] = (0, 0, 0)) -> bytes:
    """The PNG of a mask, whose pixels are places of classes, 1 being the first, in Pascal VOC's colours. Raises
    LabelError naming the sample."""
    names = request.schema.names
    mask = value_of(sample, request, Mask)
    with naming(sample):
        return written_png(indices_of(mask, names), [nothing, *colours(len(names))[1:]])
