"""What a Ground Truth labeling job leaves behind: `manifests/output/output.manifest`, and masks as PNG files.

"Output Data", Amazon SageMaker Developer Guide. Texts stand in the line itself (`source`). A mask's pixels are places
of classes, 1 being the first, in colours that `internal-color-map` tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from trueup.dataset.exporting import EVERY_KIND, Cut, ExportedFile, ExportRequest, fits_none, naming, text_of
from trueup.dataset.formats.augmented_manifest import metadata_of, ours_of
from trueup.dataset.images import mask_png, sized
from trueup.dataset.manifest_labels import to_manifest
from trueup.labels.masks import BACKGROUND, colours
from trueup.model import LabelledSample, Payload

KINDS = EVERY_KIND
HOLDS_NONE = True
FILE = ""
READERS = "SageMaker's built-in algorithms, Ground Truth (chained jobs), `trueup import`"
CUT = Cut(why="a labeling job leaves one manifest")
MANIFEST = "manifests/output/output.manifest"
_MASKS = "annotations/consolidated-annotation/output"
_WHITE = (255, 255, 255)


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    if request.schema.kind == "mask":
        yield from _masks(request)
    yield ExportedFile(MANIFEST, _lines(request))


def _masks(request: ExportRequest) -> Iterator[ExportedFile]:
    for each in request.samples():
        if not fits_none(each):
            picture = mask_png(request, each, nothing=_WHITE)
            yield ExportedFile(f"{_MASKS}/{each.sample_id}.png", iter((picture,)))


def _lines(request: ExportRequest) -> Iterator[bytes]:
    if request.schema.media not in ("text", "tabular"):
        for each in request.samples():
            yield _line(request, each, {"source-ref": each.payload_uri})
        return
    for sample, payload in request.loaded(request.samples()):
        yield _line(request, sample, _source(sample, payload))


def _source(sample: LabelledSample, payload: Payload) -> dict[str, str]:
    return {"source": text_of(sample, payload)}


def _line(request: ExportRequest, sample: LabelledSample, source: dict[str, str]) -> bytes:
    label = (
        _mask(request, sample) if request.schema.kind == "mask" and not fits_none(sample) else _label(request, sample)
    )
    return msgspec.json.encode({**source, **label, **ours_of(sample)}) + b"\n"


def _label(request: ExportRequest, sample: LabelledSample) -> dict[str, Any]:
    sample = sized(request, sample)
    with naming(sample):
        label = to_manifest(sample.label, sample.posterior, request.schema)
    metadata = {**label.metadata, **metadata_of(sample, request.project, label.type)}
    return {"label": label.value, "label-metadata": metadata}


def _mask(request: ExportRequest, sample: LabelledSample) -> dict[str, Any]:
    """A reference's attribute ends in -ref. One without a URI is relative to the manifest."""
    root = request.root or "../../"
    names = (BACKGROUND, *request.schema.names)
    shown = [_WHITE, *colours(len(request.schema.names))[1:]]
    told = {
        str(place): {
            "class-name": name,
            "hex-color": "#{:02x}{:02x}{:02x}".format(*colour),
            "confidence": sample.posterior,
        }
        for place, (name, colour) in enumerate(zip(names, shown, strict=True))
    }
    metadata = {"internal-color-map": told, **metadata_of(sample, request.project, "semantic-segmentation")}
    return {"label-ref": f"{root}{_MASKS}/{sample.sample_id}.png", "label-ref-metadata": metadata}
